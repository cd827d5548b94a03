"""The diffusion solver against a dense direct one, between backends, and when periodic."""

from itertools import product

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from recon.core import ReconError, Volume
from recon.core.testing import labels
from recon.plugins.properties.diffusion.cpu import Cpu
from recon.plugins.properties.diffusion.gpu import Gpu
from recon.plugins.properties.diffusion.hierarchy import levels
from recon.plugins.properties.diffusion.solver import iterate
from recon.plugins.properties.diffusion.system import System
from recon.plugins.properties.diffusivity import Diffusivity
from recon.plugins.structure.clusters import Clusters

SIZES = st.tuples(*[st.floats(0.3, 3)] * 3)


def direct(d: np.ndarray, size: tuple[float, ...], axis: int, periodic: bool) -> np.ndarray:
    """Mean flux (3,) per unit mean gradient along an axis, by dense least squares.

    Written from the physics alone: face by face, the concentration itself as the unknown.
    """
    count = d.size
    number = np.arange(count).reshape(d.shape)
    matrix = np.zeros((count, count))
    b = np.zeros(count)
    length = d.shape[axis] * size[axis]
    faces = []
    for at in product(*map(range, d.shape)):
        for a in range(3):
            to = tuple((n + (k == a)) % d.shape[k] for k, n in enumerate(at))
            wraps = at[a] == d.shape[a] - 1
            area = np.prod(size) / size[a]
            if not wraps or periodic:
                g = area / size[a] * 2 * d[at] * d[to] / (d[at] + d[to]) if d[at] * d[to] else 0
                jump = length if wraps and a == axis else 0.0
                faces.append((number[at], number[to], g, jump, a))
            if not periodic and a == axis:
                g = 2 * d[at] * area / size[a]
                if at[a] == 0:
                    matrix[number[at], number[at]] += g
                if wraps:
                    matrix[number[at], number[at]] += g
                    b[number[at]] += g * length
    for i, j, g, jump, _ in faces:
        matrix[i, i] += g
        matrix[j, j] += g
        matrix[i, j] -= g
        matrix[j, i] -= g
        b[i] += g * jump
        b[j] -= g * jump
    u = np.linalg.lstsq(matrix, b, rcond=1e-12)[0]
    flux = np.zeros(3)
    for i, j, g, jump, a in faces:
        flux[a] += g * (u[j] + jump - u[i]) * size[a]
    if not periodic:
        end = np.take(number, -1, axis).ravel()
        g = 2 * d.ravel()[end] * np.prod(size) / size[axis] ** 2
        flux[axis] = (g * (length - u[end])).sum() * length
    return flux / (np.prod(size) * count)


D = np.array([0.0, 1.0, 0.05])
TWO = {"phases": (1, 2), "coefficients": (1.0, 0.05), "tolerance": 1e-12}


@st.composite
def conducting(draw: st.DrawFn) -> np.ndarray:
    """Labels 0, 1 and 2 with at least one voxel that conducts."""
    result = draw(labels(1, 5, 3))
    result[tuple(n // 2 for n in result.shape)] = 1
    return result


@given(conducting(), SIZES)
def test_fixed_ends_against_direct_solution(
    results: np.ndarray, size: tuple[float, float, float]
) -> None:
    result = Diffusivity(**TWO).solve(Volume(results, size, "abc"))
    expected = [direct(D[results], size, axis, False)[axis] for axis in (2, 1, 0)]
    np.testing.assert_allclose(result["relative"], expected, rtol=1e-6, atol=1e-8)


@given(conducting(), SIZES)
def test_periodic_tensor_against_direct_solution(
    results: np.ndarray, size: tuple[float, float, float]
) -> None:
    tensor = Diffusivity(periodic=True, **TWO).solve(Volume(results, size, "abc"))["tensor"].values
    expected = np.array([direct(D[results], size, axis, True)[::-1] for axis in (2, 1, 0)])
    np.testing.assert_allclose(tensor, expected, rtol=1e-6, atol=1e-8)
    assert (tensor == tensor.T).all()


def blobs(side: tuple[int, int, int], seed: int = 0, share: float = 0.5) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(side)
    field = gaussian_filter(noise, 1.5, mode="wrap")
    return (field > np.quantile(field, 1 - share)).astype(np.uint8)


def system(results: np.ndarray, periodic: bool = False, d: tuple[float, ...] = (1.0,)) -> System:
    clusters = Clusters(results > 0, periodic)
    alive = clusters.carrying(0)[clusters.index]
    return System.of(np.where(alive, results, 0).astype(np.uint8), d, (1.0, 1.5, 0.7), 0, periodic)


def conductance(one: System, backend: Cpu | Gpu) -> float:
    iterate(backend, one.linear(), "z", 1e-12)
    field = backend.fluctuation()
    return float(one.dissipation(field, field, (0, 0)).sum() / field.size)


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("side", [(24, 24, 24), (21, 13, 30)])
def test_torch_equals_numba(side: tuple[int, int, int], periodic: bool) -> None:
    result = blobs(side)
    result[:, :3] *= 2
    one = system(result, periodic, (1.0, 0.3))
    first, second = conductance(one, Cpu(one)), conductance(one, Gpu(one, "cpu"))
    assert first > 0
    assert second == pytest.approx(first, rel=1e-8)


def test_result_does_not_depend_on_threads() -> None:
    result = blobs((40, 36, 44))
    before = numba.get_num_threads()
    results = []
    for threads in (1, min(2, before)):
        numba.set_num_threads(threads)
        results.append(Diffusivity().solve(Volume(result)).drop_vars("seconds"))
    numba.set_num_threads(before)
    assert results[0].identical(results[1])


@pytest.mark.parametrize("tolerance", [1e-2, 1e-4, 1e-6])
def test_error_is_below_the_tolerance(tolerance: float) -> None:
    volume = Volume(blobs((48, 40, 36)))
    exact = Diffusivity(tolerance=1e-12).solve(volume)["relative"]
    solution = Diffusivity(tolerance=tolerance).solve(volume)
    assert (abs(solution["relative"] / exact - 1) < tolerance).all()
    assert (solution["relative"] >= exact * (1 - 1e-11)).all()
    assert (solution["residual"] > 0).all() and (solution["residual"] < 1).all()


@pytest.mark.parametrize("contrast", [1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize("every", [1, 6])
@pytest.mark.parametrize("shape", [(4, 4, 3), (12, 10, 10)])
def test_poor_conductors_in_series(
    contrast: float, every: int, shape: tuple[int, int, int]
) -> None:
    """What a small part of the spectrum carries is not taken for solved."""
    every = min(every, shape[0] // 2)
    layers = np.zeros(shape, np.uint8)
    layers[:] = (np.arange(shape[0]) // every % 2)[:, None, None]
    for periodic in (False, True):
        solver = Diffusivity(
            phases=(0, 1), coefficients=(1.0, contrast), axes=("z",), periodic=periodic
        )
        result = solver.solve(Volume(layers, phases="ab"))["relative"].item()
        assert result == pytest.approx(2 / (1 + 1 / contrast), rel=1e-5)


def test_no_convergence_is_an_error() -> None:
    one = system(blobs((24, 24, 24)))
    with pytest.raises(ReconError, match="along z did not converge.*raise diffusivity.tolerance"):
        iterate(Cpu(one), one.linear(), "z", 1e-12, limit=2)


@given(conducting(), SIZES, st.integers(0, 2), st.integers(1, 4))
def test_tiling_and_translation_change_nothing(
    results: np.ndarray, size: tuple[float, float, float], axis: int, shift: int
) -> None:
    solve = Diffusivity(periodic=True, **TWO).solve
    before = solve(Volume(results, size, "abc"))["tensor"].values
    tiled = solve(Volume(np.concatenate([results, results], axis), size, "abc"))["tensor"].values
    moved = solve(Volume(np.roll(results, shift, axis), size, "abc"))["tensor"].values
    np.testing.assert_allclose(tiled, before, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(moved, before, rtol=1e-6, atol=1e-8)


def test_periodic_tensor_is_positive_definite() -> None:
    result = Diffusivity(periodic=True).solve(Volume(blobs((20, 22, 25), share=0.6)))
    assert result["percolates"].all()
    assert (np.linalg.eigvalsh(result["tensor"]) > 0).all()
    np.testing.assert_array_equal(np.diag(result["tensor"]), result["relative"])


def test_winding() -> None:
    """A channel that comes back one row higher winds along both axes, a closed one along none."""
    result = np.zeros((6, 6, 8), bool)
    result[2, np.arange(6), np.arange(6)] = result[2, np.arange(6), np.arange(1, 7)] = True
    assert not Clusters(result, True).carrying(1)[1:].any()
    result[2, 5, 6:] = result[2, 5, 0] = True
    assert Clusters(result, True).carrying(1)[1:].any()
    assert Clusters(result, True).carrying(2)[1:].any()
    assert not Clusters(result, True).carrying(0)[1:].any()
    ring = np.zeros((6, 6, 6), bool)
    ring[0, 0, 4:] = ring[0, 5, 4:] = ring[0, :, 0] = True
    ring[0, 2:4] = False
    assert not Clusters(ring, True).carrying(1)[1:].any()
    assert not Clusters(ring, True).carrying(2)[1:].any()


@given(conducting(), st.booleans(), SIZES)
def test_grids_keep_the_sum_of_ends(
    results: np.ndarray, periodic: bool, size: tuple[float, float, float]
) -> None:
    """Every grid: the diagonal is at least the sum of the conductances of each cell."""
    one = System.of(np.ascontiguousarray(results), (1.0, 0.05), size, 0, periodic)
    for level in levels(one):
        total = np.zeros(level.shape)
        for axis, (face, scale) in enumerate(zip(level.faces, level.scale, strict=True)):
            total += scale * (face + np.roll(face, 1, axis).astype(float))
        assert (level.diagonal >= total * (1 - 1e-6)).all() and (level.diagonal > 0).all()
