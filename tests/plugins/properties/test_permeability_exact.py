"""Permeability of channels to their exact discrete values, and of spheres to the literature."""

import numpy as np
import pytest

from recon.core import Volume
from recon.plugins.properties.permeability import Permeability

CENTRES = {
    "simple cubic": [(0, 0, 0)],
    "body-centred": [(0, 0, 0), (0.5, 0.5, 0.5)],
    "face-centred": [(0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)],
}
# Drag over Stokes' by volume fraction. Zick & Homsy, J. Fluid Mech. 115, 13 (1982), Table 2; the
# dilute centred arrays by the series of Hasimoto, J. Fluid Mech. 5, 317 (1959), that it confirms.
DRAG = {
    ("simple cubic", 0.027): 2.008,
    ("simple cubic", 0.125): 4.292,
    ("simple cubic", 0.216): 7.442,
    ("simple cubic", 0.343): 15.4,
    ("simple cubic", 0.45): 28.1,
    ("simple cubic", 0.5236): 42.1,
    ("body-centred", 0.027): 1 / (1 - 1.7918 * 0.3 + 0.027 - 0.329 * 0.027**2),
    ("body-centred", 0.6802): 162.9,
    ("face-centred", 0.027): 1 / (1 - 1.7917 * 0.3 + 0.027 - 0.302 * 0.027**2),
    ("face-centred", 0.7405): 435.0,
}


def k(volume: np.ndarray, size: tuple[float, float, float] = (1, 1, 1), **options) -> float:
    options = {"axes": ("z",), "tolerance": 1e-11, **options}
    result = Permeability(**options).solve(Volume(volume.astype(np.uint8), size, phases="01"))
    return float(result["permeability"][0])


@pytest.mark.parametrize("width", [1, 2, 3, 8, 21])
@pytest.mark.parametrize("drive", [{"periodic": True}, {"sides": "periodic"}])
@pytest.mark.parametrize("size", [(1, 1, 1), (3, 0.5, 2)])
def test_plane_channel(width: int, drive: dict, size: tuple) -> None:
    """(n^2 + 2) h^2 / 12: Poiseuille's n^2 h^2 / 12 and what the half voxel at the wall adds."""
    channel = np.zeros((4, 24, 3), bool)
    channel[:, 1 : width + 1] = True
    expected = (width**2 + 2) / 12 * size[1] ** 2 * width / 24
    assert k(channel, size, **drive) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("side", [1, 2, 3, 7])
@pytest.mark.parametrize("size", [(1, 1, 1), (2, 1, 1.5)])
def test_square_duct(side: int, size: tuple) -> None:
    """Poisson's equation on the cross section, solved directly."""
    one = 2 * np.eye(side) - np.eye(side, k=1) - np.eye(side, k=-1)
    one[0, 0] += 1
    one[-1, -1] += 1
    section = np.kron(one / size[1] ** 2, np.eye(side)) + np.kron(np.eye(side), one / size[2] ** 2)
    flow = np.linalg.solve(section, np.ones(side**2)).sum()
    duct = np.zeros((3, side + 2, side + 1), bool)
    duct[:, 1:-1, 1:] = True
    expected = flow / duct[0].size
    for drive in ({"periodic": True}, {"sides": "periodic"}, {"sides": "sealed"}):
        assert k(duct, size, **drive) == pytest.approx(expected, rel=1e-10)
    sealed = k(np.ones((3, side, side)), size) if side > 1 else flow
    assert sealed == pytest.approx(flow / side**2, rel=1e-10)


def drag(side: int, array: str, fraction: float) -> float:
    """Drag over Stokes' of digital spheres, with the radius that their voxels have."""
    centres = CENTRES[array]
    radius = (3 * fraction / (4 * np.pi * len(centres))) ** (1 / 3)
    x = (np.arange(side) + 0.5) / side
    solid = np.zeros((side,) * 3, bool)
    for centre in centres:
        z2, y2, x2 = (((x - c + 0.5) % 1 - 0.5) ** 2 for c in centre)
        solid |= z2[:, None, None] + y2[:, None] + x2 <= radius**2
    share = float(solid.mean())
    voxels = (3 * share / (4 * np.pi * len(centres))) ** (1 / 3) * side
    return 2 * voxels**2 / (9 * share * k(~solid, periodic=True, tolerance=1e-5))


@pytest.mark.parametrize(
    ("array", "fraction", "off"),
    [
        ("simple cubic", 0.216, 0.015),
        ("simple cubic", 0.5236, 0.02),
        ("body-centred", 0.027, 0.02),
        ("face-centred", 0.027, 0.025),
        ("body-centred", 0.6802, 0.08),
    ],
)
def test_spheres(array: str, fraction: float, off: float) -> None:
    assert drag(32, array, fraction) == pytest.approx(DRAG[array, fraction], rel=off)


@pytest.mark.slow
@pytest.mark.parametrize(("array", "fraction"), DRAG)
def test_spheres_finely(array: str, fraction: float) -> None:
    off = 0.025 if fraction > 0.6 else 0.01
    assert drag(128, array, fraction) == pytest.approx(DRAG[array, fraction], rel=off)


def test_order_of_convergence() -> None:
    """First order at least: the slope of the error over voxels across a cell, simple cubic."""
    sides = np.array([8, 16, 24, 32, 48])
    errors = [abs(drag(side, "simple cubic", 0.216) / 7.442 - 1) for side in sides]
    assert np.polyfit(np.log(sides), np.log(errors), 1)[0] < -1
