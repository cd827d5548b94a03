"""The torch backend of the elasticity solver against numba, on the CPU."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from recon.plugins.properties.elasticity import moduli, sweep, torch_elements, torch_level
from recon.plugins.properties.elasticity.conjugate_gradients import (
    Convergence,
    conjugate_gradients,
)
from recon.plugins.properties.elasticity.cpu import Cpu
from recon.plugins.properties.elasticity.force import force
from recon.plugins.properties.elasticity.homogenize import Effective, Elements, homogenize
from recon.plugins.properties.elasticity.level import Level
from recon.plugins.properties.elasticity.multigrid import Grid, grids
from recon.plugins.properties.elasticity.torch_level import TorchLevel
from recon.plugins.properties.elasticity.torch_system import TorchSystem

from .elastic_reference import torch_on_cpu

SHAPES = [(8, 8, 8), (7, 5, 9), (1, 6, 70), (5, 1, 1), (2, 13, 3)]
EDGES = (1.0, 1.3, 2.1)


KINDS = [
    "orthotropic",
    "void",
    *(
        pytest.param(kind, marks=pytest.mark.slow)  # loops of their own to compile
        for kind in ("general", "orthotropic b-bar", "general b-bar")
    ),
]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny tensors: threads only cost."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(params=[1, 2**22], ids=["layer-by-layer", "at-once"])
def slab(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in slabs of one layer, and in a single one."""
    monkeypatch.setattr(torch_level, "SLAB", request.param)


def stiffnesses(kind: str) -> NDArray[np.float64]:
    """Three positive definite matrices, or with void as the second."""
    factors = np.random.default_rng(5).standard_normal((3, 6, 6))
    C = factors @ factors.swapaxes(1, 2) + 3 * np.eye(6)
    C[0] *= 20
    if kind.startswith("orthotropic"):
        for i, j in moduli.REST:
            C[:, i, j] = C[:, j, i] = 0
    elif kind == "void":
        C[1] = 0
    return C


def volume(shape: tuple[int, ...]) -> NDArray[np.int32]:
    return np.random.default_rng(6).integers(0, 3, shape).astype(np.int32)


def varying(C: NDArray[np.float64], kind: str) -> NDArray[np.float64] | None:
    """Stiffness of the varying strain of elements that do not lock."""
    return moduli.deviatoric(C) if kind.endswith("b-bar") else None


def finest(shape: tuple[int, ...], kind: str) -> Grid:
    C = stiffnesses(kind)
    return next(grids(volume(shape), C, EDGES, varying(C, kind)))


def field(shape: tuple[int, ...], cases: int, dtype: Any, seed: int) -> NDArray[Any]:
    Z, Y, X = shape
    return np.random.default_rng(seed).standard_normal((Z, Y, cases, 3, X)).astype(dtype)


def agree(theirs: torch.Tensor, ours: NDArray[Any], tolerance: float) -> None:
    assert tuple(theirs.shape) == ours.shape
    assert np.isfinite(ours).all()
    np.testing.assert_allclose(theirs.numpy(), ours, 0, tolerance * np.abs(ours).max())


@pytest.mark.usefixtures("slab")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_products_in_double_precision(shape: tuple[int, ...], kind: str) -> None:
    grid = finest(shape, kind)
    level = TorchLevel(grid, 2, "cpu")
    u, b = field(shape, 2, np.float64, 1), field(shape, 2, np.float64, 2)
    out, there = np.empty_like(u), torch.empty(u.shape, dtype=torch.float64)
    table = level.columns(grid.table)
    sweep.product(u, grid.index, grid.table, out)
    level.sweep(torch_elements.product, level.array(u), table, there)
    agree(there, out, 1e-13)
    sweep.residual(u, b, grid.index, grid.table, out)
    level.sweep(torch_elements.residual, level.array(u), table, there, (level.array(b),))
    agree(there, out, 1e-13)
    stress = np.random.default_rng(3).standard_normal((3, 2, 6))
    force(grid.index, stress.reshape(3, -1), out)
    level.force(level.columns(stress), there)
    agree(there, out, 1e-13)


@pytest.mark.usefixtures("slab")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_smoothing_in_single_precision(shape: tuple[int, ...], kind: str) -> None:
    grid = finest(shape, kind)
    cpu, gpu = Level(grid, 2), TorchLevel(grid, 2, "cpu")
    agree(gpu.blocks, cpu.blocks, 1e-6)
    x, b = field(shape, 2, np.float32, 1), field(shape, 2, np.float32, 2)
    out, there = np.empty_like(x), torch.empty(x.shape)
    calls: list[Callable[[Any, Any, Any, Any], None]] = [
        lambda level, x, b, out: level.residual(x, b, out),
        lambda level, x, b, out: level.begin(b, 0.7, out),
        lambda level, x, b, out: level.relax(x, b, 0.3, out),
    ]
    for call in calls:
        call(cpu, x, b, out)
        call(gpu, gpu.array(x), gpu.array(b), there)
        agree(there, out, 1e-5)


@pytest.mark.usefixtures("slab")
@pytest.mark.parametrize("shape", [(8, 8, 8), (7, 5, 9), (1, 6, 70), (2, 13, 5)], ids=str)
def test_transfer_between_grids(shape: tuple[int, ...]) -> None:
    fine, coarse = list(grids(volume(shape), stiffnesses("general"), EDGES))[:2]
    cpu, gpu = Level(fine, 2), TorchLevel(fine, 2, "cpu")
    u, v = field(shape, 2, np.float32, 1), field(coarse.index.shape, 2, np.float32, 2)
    below, there = np.empty_like(v), torch.empty(v.shape)
    cpu.restrict(u, below)
    gpu.restrict(gpu.array(u), there)
    agree(there, below, 1e-5)
    above = gpu.array(u.copy())
    cpu.interpolate_add(v, u)
    gpu.interpolate_add(gpu.array(v), above)
    agree(above, u, 1e-5)


def test_coarsest_grid() -> None:
    grid = finest((4, 5, 3), "general")
    cpu, gpu = Level(grid, 2), TorchLevel(grid, 2, "cpu")
    b = field((4, 5, 3), 2, np.float32, 1)
    b -= b.mean((0, 1, 4), keepdims=True)
    x, there = np.empty_like(b), torch.empty(b.shape)
    cpu.solve(b, x)
    gpu.solve(gpu.array(b), there)
    agree(there, x, 1e-4)
    again = torch.empty(b.shape)
    gpu.residual(there, torch.zeros_like(there), again)
    agree(-again, b, 1e-3)


def solved(
    C: NDArray[np.float64],
    system: Callable[..., Any],
    shape: Any,
    varying: NDArray[np.float64] | None = None,
) -> Effective:
    index = (np.random.default_rng(7).random(shape) < 0.3).astype(np.int32)
    expansion = np.array([[3.0, 3, 3, 0, 0, 0], [1, 2, 3, 0, 0, 0.5]])
    return homogenize(Elements(index, C, expansion, EDGES, varying), 1e-10, 200, 6, system)


@pytest.mark.slow
@pytest.mark.usefixtures("slab")
@pytest.mark.parametrize("kind", KINDS)
def test_same_effective_stiffness(kind: str) -> None:
    C = stiffnesses(kind)[:2]
    own = varying(C, kind)
    ours, theirs = (solved(C, system, (12, 10, 9), own) for system in (Cpu.of, torch_on_cpu))
    assert ours.reached and theirs.reached
    assert ours.iterations == theirs.iterations
    size = np.abs(ours.stiffness).max()
    np.testing.assert_allclose(theirs.stiffness, ours.stiffness, 0, 1e-9 * size)
    assert ours.thermal is not None and theirs.thermal is not None
    np.testing.assert_allclose(theirs.thermal, ours.thermal, 0, 1e-9 * np.abs(ours.thermal).max())


def steps(system: Any, stress: NDArray[np.float64]) -> Convergence:
    system.load(stress)
    return conjugate_gradients(system, system.norms(), np.full(stress.shape[1], 1e30), 1e-10, 100)


def test_displacements_and_a_second_load() -> None:
    grid = list(grids(volume((6, 7, 5)), stiffnesses("general"), (1, 1, 1)))
    stress = np.ascontiguousarray(stiffnesses("general")[:, :4])
    cpu, gpu = Cpu.of(grid, 4), TorchSystem.of(grid, 4, "cpu")
    for factor in (1.0, -2.0):
        assert steps(cpu, factor * stress).reached and steps(gpu, factor * stress).reached
        for case in range(4):
            ours, theirs = cpu.displacement(case), gpu.displacement(case)
            assert theirs.dtype == np.float64
            # up to a translation, which nothing determines
            ours, theirs = (u - u.mean((0, 1, 3), keepdims=True) for u in (ours, theirs))
            np.testing.assert_allclose(theirs, ours, 0, 1e-9 * np.abs(ours).max())


def test_two_runs_are_equal_to_the_last_bit() -> None:
    C = stiffnesses("general")[:2]
    first, second = (solved(C, torch_on_cpu, (5, 6, 7)).stiffness for _ in range(2))
    assert np.array_equal(first, second)


def test_a_compiler_that_fails_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(function: Any, **options: Any) -> Callable[..., Any]:
        def fail(*tensors: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("no compiler here")

        return fail

    monkeypatch.setattr(torch, "compile", broken)
    torch_level.fused.cache_clear()
    table, index = torch.arange(6.0).view(2, 3), torch.tensor([2, 0])
    call = torch_level.fused(torch_elements.gather)
    for _ in range(2):
        assert torch.equal(call(table, index), torch.tensor([[2.0, 0.0], [5.0, 3.0]]))
    torch_level.fused.cache_clear()
