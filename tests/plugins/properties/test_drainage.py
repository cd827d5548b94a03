"""Drainage by porespy, which compiles for 10 s: tubes of known radius, laws, refusals."""

import numpy as np
import pytest

from recon.core import ReconError, Volume
from recon.plugins.properties import drainage
from recon.plugins.properties.drainage import Drainage

EDGE = 2e-6


def solve(pores: np.ndarray, **options):
    volume = Volume(pores.astype(np.uint8), (EDGE,) * 3, phases=("solid", "pore"))
    return Drainage(**{"axes": ("z",), **options}).solve(volume)


def tubes() -> np.ndarray:
    """Two tubes along z of radius 7 and 4, and a pore apart."""
    pores = np.zeros((26, 34, 34), bool)
    y, x = np.indices(pores.shape[1:])
    pores[:, np.hypot(y - 9, x - 9) < 7.2] = True
    pores[:, np.hypot(y - 25, x - 25) < 4.2] = True
    pores[10:16, 20:26, 3:9] = True
    return pores


@pytest.mark.slow
def test_tubes_are_filled_at_their_radius() -> None:
    result = solve(tubes(), steps=60)
    radius, filled = result["radius"].values / EDGE, result["saturation"].sel(axis="z").values
    sections = np.array([(np.hypot(*np.indices((34, 34)) - 9.0) < r).sum() for r in (7.2, 4.2)])
    whole = tubes().sum()
    for number, r in enumerate((7.2, 4.2)):
        share = 26 * sections[: number + 1].sum() / whole
        first = radius[np.argmax(filled > 0.8 * share)]
        assert first == pytest.approx(r, abs=0.75)
    assert filled[-1] == pytest.approx(1 - 6**3 / whole)  # what is apart is never reached
    assert result["opened"][-1] == 1 and (result["opened"].values >= filled).all()
    assert (np.diff(filled) >= 0).all() and (np.diff(result["opened"]) >= 0).all()
    wide = result["pressure"].values[np.argmax(filled > 0.4)]
    assert result["breakthrough"].item() == pytest.approx(wide, rel=0.1)


@pytest.mark.slow
def test_laplace_pressure() -> None:
    first = solve(tubes(), steps=5)
    np.testing.assert_allclose(first["pressure"] * first["radius"], 2 * 0.072)
    mercury = solve(tubes(), steps=5, tension=0.48, angle=40)
    ratio = 0.48 * np.cos(np.radians(40)) / 0.072
    np.testing.assert_allclose(mercury["pressure"] / first["pressure"], ratio)
    assert (mercury["saturation"] == first["saturation"]).all()


@pytest.mark.slow
def test_nothing_enters_where_no_pore_meets_the_inlet() -> None:
    result = solve(tubes(), axes=("x",), steps=5)
    assert (result["saturation"] == 0).all() and result["breakthrough"].isnull().all()


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        (np.ones((4, 4, 4)), {}, "got a phase that fills the volume"),
        (np.zeros((4, 4, 4)), {}, "got a phase that has no voxel in it"),
        (np.eye(4)[None], {"phases": ("oil",)}, "unknown phase 'oil'"),
        (np.eye(4)[None], {"axes": ("x", "x")}, "each once"),
        (np.eye(4)[None], {"phases": ()}, "phases must be one or more"),
    ],
)
def test_refusals(labels: np.ndarray, options: dict, message: str) -> None:
    with pytest.raises(ReconError, match=message) as error:
        solve(labels, **options)
    assert "\n" not in str(error.value)


def test_voxels_that_are_no_cubes_and_a_missing_package_are_refused(monkeypatch) -> None:
    flat = Volume(np.eye(3, dtype=np.uint8)[None].repeat(2, 0), (1e-6, 1e-6, 2e-6))
    with pytest.raises(ReconError, match="voxels must be cubes, got edges 1e-06, 1e-06, 2e-06"):
        Drainage().solve(flat)
    monkeypatch.setattr(drainage, "find_spec", lambda name: None)
    with pytest.raises(ReconError, match=r"needs porespy; pip install 'microrecon\[pore\]'"):
        Drainage().solve(flat)
