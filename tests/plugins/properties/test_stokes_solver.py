"""The solver of creeping flow: backends, stopping, preconditioner."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from recon.core import ReconError
from recon.plugins.properties.diffusion import cpu
from recon.plugins.properties.stokes.cpu import Cpu
from recon.plugins.properties.stokes.flow import SINGLE, Pores
from recon.plugins.properties.stokes.gpu import Gpu
from recon.plugins.properties.stokes.solver import iterate

DRIVES = ["periodic", "open", "sealed"]


def blobs(side: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((side,) * 3)
    field = gaussian_filter(noise, 1.5, mode="wrap")
    return field > np.median(field)


def solve(fluid: np.ndarray, drive: str, tolerance: float, backend=Cpu, size=(1, 1, 1), **options):
    pores = Pores(fluid, size, drive)
    system = pores.system(pores.carrying(1), 1)
    vectors = backend(system)
    load = float((system.force[:, :, None, None] * system.active).sum())
    return iterate(vectors, load, "y", tolerance, **options), vectors


@pytest.mark.parametrize("drive", DRIVES)
@pytest.mark.parametrize("size", [(1, 1, 1), (1, 3, 0.6)])
def test_torch_agrees_with_numba(drive: str, size: tuple) -> None:
    fluid = blobs(18)[:, :, :13]
    one, numba = solve(fluid, drive, 1e-8, size=size)
    two, torch = solve(fluid, drive, 1e-8, lambda system: Gpu(system, "cpu"), size)
    assert one.iterations == two.iterations
    assert two.work == pytest.approx(one.work, rel=1e-7)
    assert two.residual == pytest.approx(one.residual, rel=1e-2)
    for a, b in zip(numba.state(), torch.state(), strict=True):
        np.testing.assert_allclose(b, a, atol=1e-4 * np.abs(a).max())
    for a, b in zip(numba.rest(), torch.rest(), strict=True):
        np.testing.assert_allclose(b, a, atol=1e-4)


@pytest.mark.parametrize("drive", DRIVES)
def test_residual_is_that_of_the_field(drive: str) -> None:
    """The residual carried along is force - K (u, p), by torch's matrix."""
    import torch

    fluid = blobs(16)
    pores = Pores(fluid, (1, 2, 1), drive)
    system = pores.system(pores.carrying(1), 1)
    cpu, gpu = Cpu(system), Gpu(system, "cpu")
    iterate(cpu, 1.0, "y", 1e-9)
    u, p = (torch.from_numpy(field) for field in cpu.state())
    gradient = torch.stack([s * (p - p.roll(-1, n)) for n, s in enumerate(system.stretch)])
    force = torch.from_numpy(system.force)[..., None, None] * gpu.active
    r = force - gpu.viscous(u) - gradient * gpu.active
    np.testing.assert_allclose(cpu.rest()[0], r, atol=1e-9)
    np.testing.assert_allclose(cpu.rest()[1], -gpu.divergence(u), atol=1e-9)
    assert (cpu.state()[0][system.active == 0] == 0).all()
    assert (cpu.state()[1][system.cells == 0] == 0).all()
    assert (gpu.state()[1][system.cells == 0] == 0).all()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("tolerance", [1e-2, 1e-4])
def test_error_estimate_bounds_the_error(seed: int, tolerance: float) -> None:
    fluid = blobs(16, seed)
    exact = solve(fluid, "sealed", 1e-11)[0].work
    solution = solve(fluid, "sealed", tolerance)[0]
    assert abs(solution.work / exact - 1) <= solution.error <= tolerance


def test_iterations_do_not_grow() -> None:
    counts = [solve(blobs(side), "sealed", 1e-5)[0].iterations for side in (32, 64)]
    assert counts[1] <= counts[0] + 2 <= 14


def test_cycle_that_is_too_small_is_enlarged(monkeypatch) -> None:
    fluid = blobs(12)
    expected = solve(fluid, "periodic", 1e-9)[0].work
    monkeypatch.setattr(Cpu, "least", lambda self: 2.5)
    assert solve(fluid, "periodic", 1e-9)[0].work == pytest.approx(expected, rel=1e-8)


def test_no_convergence() -> None:
    with pytest.raises(ReconError, match="did not converge.*after 3 iterations") as error:
        solve(blobs(12), "sealed", 1e-9, limit=3)
    assert "\n" not in str(error.value)


def test_threads_change_nothing(monkeypatch) -> None:
    import numba

    rows = []
    for threads in (1, numba.config.NUMBA_NUM_THREADS):
        numba.set_num_threads(threads)
        rows.append(solve(blobs(33), "open", 1e-6)[1].state())
    for a, b in zip(*rows, strict=True):
        np.testing.assert_array_equal(a, b)


def test_blocks_of_planes_change_nothing(monkeypatch) -> None:
    import numba

    fluid, threads, found = blobs(33), numba.get_num_threads(), []
    numba.set_num_threads(1)
    try:
        for large in (fluid.size * 2, 1):
            monkeypatch.setattr(cpu, "LARGE", large)
            found.append(solve(fluid, "open", 1e-6)[1].state())
    finally:
        numba.set_num_threads(threads)
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("planes", [7, 16, 17, 40])
def test_blocks_do_every_step_when_its_neighbours_are_done(planes: int) -> None:
    done, steps = np.zeros(planes, int), 3
    for first, last, n in cpu.in_blocks(planes, steps):
        for z in range(first, last):
            assert done[z] == n
            beside = done[[z - 1, (z + 1) % planes]]
            assert ((beside == n) | (beside == n + 1)).all()
        done[first:last] += 1
    assert (done == steps).all()


@pytest.mark.parametrize("drive", ["periodic", "sealed"])
def test_single_precision_is_enough_for_its_tolerances(drive: str) -> None:
    wide = np.zeros((4, 4, 72), bool)
    wide[:, :, 1:71] = True
    for fluid in (wide, blobs(24)):
        exact = solve(fluid, drive, 1e-10)[0].work
        found = solve(fluid, drive, SINGLE, lambda system: Cpu(system, np.float32))[0].work
        assert found == pytest.approx(exact, rel=2 * SINGLE)


def test_starts_near_the_solution() -> None:
    fluid = blobs(32)
    exact = solve(fluid, "periodic", 1e-9)[0].work
    pores = Pores(fluid, (1, 1, 1), "periodic")
    system = pores.system(pores.carrying(1), 1)
    assert Cpu(system).start(1.0)[1] == pytest.approx(exact, rel=0.1)
