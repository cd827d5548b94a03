"""Laws of the effective conductivity, exact cases, and refusals of bad input."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
import zarr
from hypothesis import given
from hypothesis import strategies as st

from recon.core import ReconError, Volume
from recon.core.testing import check_plugin, labels
from recon.plugins.materials.conductivities import Conductivities
from recon.plugins.materials.materials import Materials
from recon.plugins.properties.conductivity import Conductivity
from recon.plugins.properties.diffusivity import Diffusivity

AXES = ("x", "y", "z")
NAMES = "abc"
Write = Callable[..., str]
numbers = st.floats(1e-3, 1e3)
sizes = st.tuples(*[st.sampled_from([0.5, 1.0, 1.3, 2.0])] * 3)


@pytest.fixture(scope="module")
def write(tmp_path_factory: pytest.TempPathFactory) -> Write:
    """A function that writes conductivities to a file and gives its name."""
    path = tmp_path_factory.mktemp("materials") / "m.toml"

    def writes(*conductivities: Any, **top: Any) -> str:
        phases = [{"conductivity": value} for value in conductivities]
        path.write_text(tomli_w.dumps({"unit": "S/m", "phase": phases} | top))
        return str(path)

    return writes


def solve(volume: Volume | np.ndarray, materials: str, **options: Any):
    volume = volume if isinstance(volume, Volume) else Volume(volume, phases=NAMES)
    return Conductivity(materials=materials, **{"tolerance": 1e-12, **options}).solve(volume)


def diagonal(*values: float) -> list[list[float]]:
    return np.diag(values).tolist()


def test_conformance(write: Write) -> None:
    check_plugin(Conductivity, materials=write(1.0, 0.2, 5.0))
    check_plugin(Conductivity, materials=write(0.0, diagonal(1, 2, 3), 5.0), periodic=True)


@given(
    st.lists(st.integers(0, 2), min_size=1, max_size=9),
    st.lists(st.tuples(numbers, numbers, numbers), min_size=3, max_size=3),
    sizes,
    st.sampled_from(AXES),
    st.booleans(),
)
def test_laminates_of_anisotropic_layers(
    write: Write, layers: list[int], k: list, size: tuple, normal: str, periodic: bool
) -> None:
    """Parallel along the layers, in series across them, each with the conductivity that way."""
    shape = [3, 4, 2]
    axis = "zyx".index(normal)
    shape[axis] = len(layers)
    stack = np.zeros(shape, np.uint8)
    np.moveaxis(stack, axis, 0)[:] = np.array(layers, np.uint8)[:, None, None]
    result = solve(
        Volume(stack, size, NAMES), write(*(diagonal(*one) for one in k)), periodic=periodic
    )
    there = np.array(k)[layers]
    expected = {name: there[:, n].mean() for n, name in enumerate(AXES)}
    expected[normal] = 1 / np.mean(1 / there[:, AXES.index(normal)])
    values = result["conductivity"].values
    np.testing.assert_allclose(values, [expected[name] for name in AXES], rtol=1e-6)
    np.testing.assert_allclose(result["voigt_bound"], there.mean(0))
    np.testing.assert_allclose(result["reuss_bound"], 1 / (1 / there).mean(0))


@given(labels(1, 6, 3), numbers, numbers, numbers, st.booleans(), sizes)
def test_equals_diffusivity_of_isotropic_phases(
    write: Write, results: np.ndarray, a: float, b: float, c: float, periodic: bool, size: tuple
) -> None:
    """The kernels are shared: equal to the last bit."""
    volume = Volume(results, size, NAMES)
    result = solve(volume, write(a, b, c), periodic=periodic)
    other = Diffusivity(
        phases=(0, 1, 2), coefficients=(a, b, c), periodic=periodic, tolerance=1e-12
    ).solve(volume)
    assert (result["relative"] == other["relative"]).all()
    assert (result["iterations"] == other["iterations"]).all()
    np.testing.assert_array_equal(
        result["conductivity"], max(a, b, c) * other["relative"], strict=False
    )
    np.testing.assert_allclose(result["formation_factor"] * other["relative"], 1)
    if periodic:
        np.testing.assert_array_equal(result["tensor"], max(a, b, c) * other["tensor"])


@given(labels(1, 6, 3), numbers, numbers, numbers, st.booleans())
def test_within_voigt_and_reuss(
    write: Write, results: np.ndarray, a: float, b: float, c: float, periodic: bool
) -> None:
    result = solve(results, write(a, diagonal(b, a, c), c), periodic=periodic)
    k = result["conductivity"]
    assert (k <= result["voigt_bound"] * (1 + 1e-9)).all()
    assert (k >= result["reuss_bound"] * (1 - 1e-9)).all()
    assert ("hashin_shtrikman_bounds" in result) == (a == b == c)


def test_within_hashin_and_shtrikman_where_isotropic(write: Write) -> None:
    """Independent voxels are isotropic on the average over axes and samples."""
    k = []
    for seed in range(4):
        results = np.random.default_rng(seed).integers(0, 3, (16, 16, 16)).astype(np.uint8)
        result = solve(results, write(1.0, 4.0, 10.0), periodic=True, tolerance=1e-6)
        k.append(result["conductivity"].mean().item())
        low, high = result["hashin_shtrikman_bounds"].values
        assert result["reuss_bound"][0] < low < high < result["voigt_bound"][0]
        assert low < k[-1] < high
    assert np.ptp(k) < 0.1 * np.mean(k)


def test_checkerboard_is_the_geometric_mean() -> None:
    """Keller's and Dykhne's identity in two dimensions, approached as voxels get finer."""
    off = []
    for side in (2, 8, 32):
        board = np.indices((2, 2)).sum(0) % 2
        board = np.kron(board, np.ones((side, side), int))
        volume = Volume(board[None].astype(np.uint8), phases="ab")
        solver = Diffusivity(
            phases=(0, 1), coefficients=(4.0, 1.0), periodic=True, axes=("x", "y"), tolerance=1e-9
        )
        k = 4 * solver.solve(volume)["relative"].values
        assert k[0] == pytest.approx(k[1], rel=1e-6)
        off.append(abs(k[0] / 2 - 1))
    assert off[0] > 2 * off[1] > 4 * off[2] and off[2] < 0.01


@given(labels(2, 6, 2), st.floats(1e-9, 1e9), st.booleans())
def test_scales_with_the_phases(
    write: Write, results: np.ndarray, factor: float, periodic: bool
) -> None:
    one = solve(results, write(0.3, 1.0), periodic=periodic)
    many = solve(results, write(0.3 * factor, factor), periodic=periodic)
    np.testing.assert_allclose(many["conductivity"], factor * one["conductivity"], rtol=1e-9)
    np.testing.assert_allclose(many["relative"], one["relative"], rtol=1e-9)


@pytest.mark.slow
@given(
    labels(2, 6, 3),
    st.permutations([0, 1, 2]),
    sizes,
    st.booleans(),
    st.lists(st.tuples(numbers, numbers, numbers), min_size=3, max_size=3),
)
def test_rotation(
    write: Write, results: np.ndarray, order: list[int], size: tuple, periodic: bool, k: list
) -> None:
    """Axes of volume and of tensors turned together turn the result."""
    options = {"axes": ("z", "y", "x"), "periodic": periodic}
    first = solve(Volume(results, size, NAMES), write(*(diagonal(*v[::-1]) for v in k)), **options)
    turned = Volume(results.transpose(order)[::-1], [size[n] for n in order], NAMES)
    turned_k = [[v[n] for n in order][::-1] for v in k]
    second = solve(turned, write(*(diagonal(*v) for v in turned_k)), **options)
    np.testing.assert_allclose(
        second["conductivity"], first["conductivity"].values[order], rtol=1e-6
    )


@pytest.mark.parametrize("periodic", [False, True])
def test_insulators(write: Write, periodic: bool) -> None:
    """A channel: the share of its section; nothing across it, said as 0 and infinity."""
    channel = np.zeros((5, 6, 7), np.uint8)
    channel[:, 2:4, 3] = 1
    result = solve(Volume(channel, phases="ab"), write(0, 3.0), periodic=periodic)
    np.testing.assert_allclose(result["conductivity"], [0, 0, 3 * 2 / 42])
    np.testing.assert_allclose(result["formation_factor"], [np.inf, np.inf, 21])
    assert result["percolates"].values.tolist() == [False, False, True]
    assert (result["reuss_bound"] == 0).all()
    assert result["conductivity"].attrs["units"] == "S/m"


def test_flux_field(write: Write, tmp_path: Path) -> None:
    results = np.random.default_rng(0).integers(0, 2, (6, 7, 8)).astype(np.uint8)
    path = tmp_path / "flux.zarr"
    result = solve(Volume(results), write(0.5, diagonal(2, 1, 3)), flux=str(path))
    store = zarr.open_group(path, mode="r")
    for number, name in enumerate(AXES):
        across = tuple(n for n in range(3) if n != 2 - number)
        mean = store[name][:][number].mean(across)
        np.testing.assert_allclose(mean, result["relative"][number], rtol=1e-4)


@pytest.mark.parametrize(
    ("conductivities", "message"),
    [
        ((1.0, -2.0), "phase 1: conductivity must be >= 0, got -2"),
        ((1.0, "high"), "conductivity must be a finite number, got 'high'"),
        ((1.0, [1.0, 2.0]), "a number or 3 rows of 3 numbers"),
        ((1.0, [[1, 0, 0], [0, 1, 0], [0, 0]]), "row 3 of conductivity must be 3 numbers"),
        ((1.0, [[1, 2, 0], [0, 1, 0], [0, 0, 1]]), "must be symmetric"),
        ((1.0, [[1, 2, 0], [2, 1, 0], [0, 0, 1]]), "no negative eigenvalue, got -1"),
        ((1.0, [[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]]), r"\(phase 1 of .* needs a periodic volume"),
        ((1.0,), r"labels 0..0 and none for label 1 \(b\)"),
        ((0.0, 0.0), "a phase that conducts.*got a of conductivity 0, b of conductivity 0"),
    ],
)
def test_refused_materials(write: Write, conductivities: tuple, message: str) -> None:
    volume = Volume(np.indices((3, 3, 3)).sum(0) % 2, phases="ab")
    with pytest.raises(ReconError, match=message) as error:
        solve(volume, write(*conductivities))
    assert "\n" not in str(error.value)


def test_full_tensors_want_conductors_and_write_no_flux(write: Write, tmp_path: Path) -> None:
    result, tilted = np.indices((3, 3, 3)).sum(0) % 2, [[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]]
    volume = Volume(result, phases="ab")
    with pytest.raises(
        ReconError, match="every phase must conduct in every direction.*got a that does not"
    ):
        solve(volume, write(0.0, tilted), periodic=True)
    with pytest.raises(ReconError, match="leave conductivity.flux out"):
        solve(volume, write(1.0, tilted), periodic=True, flux=str(tmp_path / "f.zarr"))


def spd(seed: int) -> np.ndarray:
    """A symmetric positive definite tensor."""
    a = np.random.default_rng(seed).normal(size=(3, 3))
    return a @ a.T + 0.1 * np.eye(3)


@given(
    st.lists(st.integers(0, 2), min_size=1, max_size=7),
    st.integers(0, 1000),
    sizes,
    st.sampled_from(AXES),
)
def test_laminates_of_full_tensors(
    write: Write, layers: list[int], seed: int, size: tuple, normal: str
) -> None:
    """Flux along the normal and gradients along the layers are the same in every layer."""
    shape, axis = [3, 4, 2], "zyx".index(normal)
    shape[axis] = len(layers)
    stack = np.zeros(shape, np.uint8)
    np.moveaxis(stack, axis, 0)[:] = np.array(layers, np.uint8)[:, None, None]
    tensors = [spd(seed + n) for n in range(3)]
    result = solve(Volume(stack, size, NAMES), write(*(k.tolist() for k in tensors)), periodic=True)
    k, n = np.array(tensors)[layers], AXES.index(normal)
    t = [m for m in range(3) if m != n]
    across = 1 / k[:, n, n]
    expected = np.zeros((3, 3))
    expected[n, n] = 1 / across.mean()
    expected[n, t] = expected[t, n] = (k[:, n, t] * across[:, None]).mean(0) * expected[n, n]
    inner = k[:, t][:, :, t] - np.einsum("li,lj,l->lij", k[:, n, t], k[:, n, t], across)
    coupled = np.outer(expected[n, t], expected[n, t]) / expected[n, n]
    expected[np.ix_(t, t)] = inner.mean(0) + coupled
    np.testing.assert_allclose(result["tensor"], expected, atol=1e-9 * np.abs(expected).max())
    np.testing.assert_allclose(result["conductivity"], np.diag(expected), rtol=1e-9)


@given(labels(1, 5, 3), st.integers(0, 1000), sizes)
def test_full_tensors_are_within_voigt_and_reuss(
    write: Write, results: np.ndarray, seed: int, size: tuple
) -> None:
    """As matrices, and symmetric to the last bit but for rounding."""
    k = np.array([spd(seed + n) for n in range(3)])
    volume = Volume(results, size, NAMES)
    result = solve(volume, write(*k.tolist()), periodic=True, tolerance=1e-10)
    tensor, shares = result["tensor"].values, volume.fractions()
    np.testing.assert_allclose(tensor, tensor.T, atol=1e-12 * tensor.max())
    voigt = np.tensordot(shares, k, 1)
    reuss = np.linalg.inv(np.tensordot(shares, np.linalg.inv(k), 1))
    slack = 1e-8 * np.trace(voigt)
    assert np.linalg.eigvalsh(voigt - tensor)[0] >= -slack
    assert np.linalg.eigvalsh(tensor - reuss)[0] >= -slack
    np.testing.assert_allclose(result["voigt_bound"], np.diag(voigt))
    np.testing.assert_allclose(result["reuss_bound"], np.diag(reuss))


def test_elements_and_faces_approach_each_other(write: Write) -> None:
    """The same coarse pattern in finer and finer voxels, by both discretizations."""
    coarse, off = np.random.default_rng(0).integers(0, 2, (4, 4, 4)).astype(np.uint8), []
    almost = (4 * np.eye(3) + 1e-9 * (np.eye(3, k=1) + np.eye(3, k=-1))).tolist()
    for finer in (1, 2, 4):
        volume = Volume(coarse.repeat(finer, 0).repeat(finer, 1).repeat(finer, 2), phases="ab")
        elements = solve(volume, write(1.0, almost), periodic=True)["conductivity"].values
        faces = solve(volume, write(1.0, 4.0), periodic=True)["conductivity"].values
        assert (elements >= faces).all()  # from above and from below
        off.append(np.max(elements / faces - 1))
    assert off[0] > 1.5 * off[1] > 2 * off[2] and off[2] < 0.05


def test_refused_options(write: Write) -> None:
    with pytest.raises(ReconError, match="TOML file with a .*conductivity.*got none"):
        Conductivity()
    with pytest.raises(ReconError, match="axes must be one or more, each once"):
        Conductivity(materials=write(1.0), axes=("x", "x"))
    with pytest.raises(ReconError, match=r"phase 0 \(.*\) must have a conductivity, got name"):
        Conductivity(materials="lee-yun")
    assert Conductivity(materials="glass-epoxy").materials == "glass-epoxy"


def test_no_convergence_names_the_property(write: Write) -> None:
    layers = (np.indices((40, 6, 6))[0] % 2).astype(np.uint8)
    with pytest.raises(ReconError, match="conductivity along z.*raise conductivity.tolerance"):
        solve(layers, write(1e-14, 1.0), axes=("z",), tolerance=1e-5)


def test_one_file_for_elasticity_and_conductivity() -> None:
    phase = {"name": "epoxy", "E": 3.0, "nu": 0.3, "conductivity": 0.2}
    table = {"unit": "GPa", "conductivity_unit": "W/(m K)", "phase": [phase]}
    assert Conductivities.from_table(table).unit == "W/(m K)"
    assert Materials.from_table(table).unit == "GPa"
    del table["conductivity_unit"]
    assert Conductivities.from_table(table).unit == ""
    only = {"unit": "S/m", "phase": [{"conductivity": 1}]}
    assert Conductivities.from_table(only).unit == "S/m"
    with pytest.raises(ReconError, match="phase 0 must have void = true, C, E and nu"):
        Materials.from_table(only)
