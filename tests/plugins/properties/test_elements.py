"""The element kernels against an assembled matrix, and the parts of the preconditioner."""

from typing import Any

import numba
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from recon.plugins.properties.elasticity import fields, moduli, sweep, transfer, vectors
from recon.plugins.properties.elasticity.conjugate_gradients import pseudo_inverse
from recon.plugins.properties.elasticity.cpu import Cpu
from recon.plugins.properties.elasticity.force import force
from recon.plugins.properties.elasticity.homogenize import Elements, homogenize
from recon.plugins.properties.elasticity.level import inverse_blocks
from recon.plugins.properties.elasticity.moduli import VOIGT, corner_block, element_matrix
from recon.plugins.properties.elasticity.multigrid import chebyshev, coarser, grids
from recon.plugins.properties.elasticity.rows import TILE
from recon.plugins.properties.elasticity.sweep import LAYERS, LINES

from .elastic_reference import assembled, deviatoric, element, element_b_bar, stiffness

AXIS_ALIGNED = ("isotropic", "transversely isotropic", "orthotropic")
SHAPES = [
    (1, 1, 1),
    (1, 5, 2),
    (2, 1, 1),
    (3, 4, 5),
    (2, 3, TILE),
    (1, 2, TILE + 1),
    (2, 2, 2 * TILE + 3),
    (2, LINES + 1, 3),
    (LAYERS + 1, 2, 3),
    (LAYERS + 2, LINES + 2, 2),
]
"""One voxel wide, odd, and past the borders of the blocks that are worked on together."""
CORNERS = [(z, y, x) for z in (0, 1) for y in (0, 1) for x in (0, 1)]


def matrix(
    index: NDArray[Any], stiffness: NDArray[Any], varying: NDArray[Any] | None = None
) -> sp.csr_array:
    """Assembled from the element matrices; rows in the order z, y, component, x of one case."""
    Z, Y, X = index.shape
    number = np.arange(3 * Z * Y * X).reshape(Z, Y, 3, X)
    rows = [np.roll(number, [-o for o in c], (0, 1, 3))[:, :, i] for c in CORNERS for i in range(3)]
    degrees = np.stack(rows, -1).reshape(-1, 24)
    each = np.stack([element_matrix(C) for C in stiffness])
    if varying is not None:
        np.testing.assert_allclose(varying, deviatoric(stiffness), atol=1e-12)
        each = np.stack([element_b_bar(C, (1, 1, 1)) for C in stiffness])
    values = each[index.ravel()]
    i, j = np.broadcast_to(degrees[:, :, None], values.shape), degrees[:, None, :]
    j = np.broadcast_to(j, values.shape)
    return sp.csr_array((values.ravel(), (i.ravel(), j.ravel())), shape=(number.size,) * 2)


def apply(K: sp.csr_array, u: NDArray[Any]) -> NDArray[Any]:
    """K u of every case of a field (Z, Y, cases, 3, X)."""
    columns = np.moveaxis(u, 2, 0)
    out = (K @ columns.reshape(len(columns), -1).T).T
    return np.moveaxis(out.reshape(columns.shape), 0, 2)


def box(
    shape: tuple[int, int, int], forms: tuple[str, ...], seed: int = 0, void: bool = False
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Random labels and the stiffness of three phases."""
    rng = np.random.default_rng(seed)
    C = np.stack([stiffness(rng, form) for form in rng.choice(forms, 3)])
    if void:
        C[2] = 0
    return rng.integers(0, 3, shape).astype(np.int32), C


def near(
    results: NDArray[Any], expected: NDArray[Any], rtol: float = 1e-12, slack: float = 0.0
) -> None:
    atol = rtol * np.abs(expected).max() + slack
    np.testing.assert_allclose(results, expected, rtol=0, atol=atol)


def field(shape: tuple[int, int, int], cases: int = 2, seed: int = 1) -> NDArray[np.float64]:
    Z, Y, X = shape
    return np.random.default_rng(seed).standard_normal((Z, Y, cases, 3, X))


@pytest.mark.parametrize("b_bar", [False, True], ids=["full", "b-bar"])
@pytest.mark.parametrize("forms", [AXIS_ALIGNED, ("full", "turned")], ids=["9", "21"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_kernels_are_the_assembled_matrix(
    shape: tuple[int, int, int], forms: tuple[str, ...], b_bar: bool
) -> None:
    index, C = box(shape, forms, void=True)
    varying = deviatoric(C) if b_bar else None
    table, K = moduli.packed(C, varying), matrix(index, C, varying)
    assert table.shape[1] == (9 if forms == AXIS_ALIGNED else 21) * (1 + b_bar)
    u, b = field(shape), field(shape, seed=2)
    expected = apply(K, u)
    slack = 1e-13 * np.abs(C).max()
    out = np.full_like(u, np.nan)
    sweep.product(u, index, table, out)
    near(out, expected, slack=slack)
    out[...] = np.nan
    sweep.residual(u, b, index, table, out)
    near(out, b - expected, slack=slack)
    blocks = inverse_blocks(index, table).astype(float)
    out[...] = np.nan
    sweep.relax(u, b, index, table, blocks, 0.3, out)
    D = blocks[:, :, [[0, 5, 4], [5, 1, 3], [4, 3, 2]]]
    near(out, u + 0.3 * np.einsum("zyijx,zycjx->zycix", D, b - expected))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_force_is_the_work_of_the_stress_on_the_mean_strain(shape: tuple[int, int, int]) -> None:
    """f . u = sum of stress : strain, over any displacements."""
    rng = np.random.default_rng(3)
    index = rng.integers(0, 3, shape).astype(np.int32)
    stress = rng.standard_normal((3, 2, 6))
    f = np.full_like(field(shape), np.nan)
    force(index, stress.reshape(3, 12) / 4, f)
    u = field(shape, cases=1)
    strain = fields.mean_strain(u[:, :, 0])
    work = np.einsum("zyxcI,Izyx->c", stress[index], strain)
    near(np.einsum("zycix,zyix->c", f, u[:, :, 0]), work, 1e-11, slack=1e-14)


def test_force_and_product_agree_on_uniform_strain() -> None:
    """The load of a unit strain is minus the matrix times its displacements."""
    index, C = box((3, 4, 5), ("full",))
    K, f, _ = assembled(Elements(index, C, None, (1.0, 1.0, 1.0)))
    load = np.empty((3, 4, 6, 3, 5))
    force(index, -np.moveaxis(C, 2, 1).reshape(3, 36) / 4, load)
    near(load.transpose(0, 1, 4, 3, 2).reshape(-1, 6), f)


@given(st.integers(0, 2**32 - 1), st.tuples(*[st.floats(0.3, 3)] * 3))
def test_element_matrix_against_exact_integrals(
    seed: int, edges: tuple[float, float, float]
) -> None:
    C = stiffness(np.random.default_rng(seed), "full")
    near(element_matrix(C), element(C, (1, 1, 1)))
    scale = np.tile(edges, 8)
    expected = element(C, edges) * np.outer(1 / scale, 1 / scale)
    near(element_matrix(moduli.on_unit_grid(C, edges)), expected)


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1), st.tuples(*[st.floats(0.3, 3)] * 3))
def test_element_of_mean_dilatation_by_points_of_gauss(
    seed: int, edges: tuple[float, float, float]
) -> None:
    C = stiffness(np.random.default_rng(seed), "full")
    parts = [moduli.on_unit_grid(part, edges)[None] for part in (C, moduli.deviatoric(C))]
    (result,) = moduli.element_matrices(*parts)
    scale = np.tile(edges, 8)
    near(result, element_b_bar(C, edges) * np.outer(1 / scale, 1 / scale))


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1))
def test_corner_block_is_the_diagonal_of_the_element(seed: int) -> None:
    C = stiffness(np.random.default_rng(seed), "full")
    V = stiffness(np.random.default_rng(seed + 1), "full")
    alike, signed = corner_block(C[None], V[None])
    (result,) = moduli.element_matrices(C[None], V[None])
    for c, corner in enumerate(moduli.CORNERS):
        block = result[3 * c : 3 * c + 3, 3 * c : 3 * c + 3]
        x, y, z = corner
        expected = alike[0] + y * z * signed[0, 0] + x * z * signed[0, 1] + x * y * signed[0, 2]
        near(np.array([block[i, j] for i, j in VOIGT]), expected)


@pytest.mark.parametrize("forms", [AXIS_ALIGNED, ("full",)], ids=["9", "21"])
@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 3, TILE), (2, 2, TILE + 1)], ids=str)
def test_blocks_invert_the_diagonal(shape: tuple[int, int, int], forms: tuple[str, ...]) -> None:
    index, C = box(shape, forms)
    blocks = inverse_blocks(index, moduli.packed(C)).astype(float)
    K = matrix(index, C).toarray()
    Z, Y, X = shape
    number = np.arange(3 * Z * Y * X).reshape(Z, Y, 3, X)
    for z, y, x in np.ndindex(shape):
        own = number[z, y, :, x]
        xx, yy, zz, yz, xz, xy = blocks[z, y, :, x]
        inverse = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        np.testing.assert_allclose(inverse @ K[np.ix_(own, own)], np.eye(3), atol=2e-5)


def test_nodes_in_void_have_no_block() -> None:
    index = np.ones((4, 4, 4), np.int32)
    index[0] = 0
    C = np.stack([stiffness(np.random.default_rng(0), "full"), np.zeros((6, 6))])
    blocks = inverse_blocks(index, moduli.packed(C))
    assert (blocks[2:] == 0).all() and np.isfinite(blocks).all()
    assert (blocks[:2, :, :3] > 0).all()


SIDES = st.integers(1, 12).flatmap(
    lambda n: st.tuples(st.just(n), st.sampled_from(sorted({n, -(-n // 2), max(1, n - 1)})))
).filter(lambda pair: 2 * pair[1] >= pair[0])  # fmt: skip


@given(st.tuples(SIDES, SIDES, SIDES), st.integers(0, 99))
def test_restriction_is_the_transpose_of_interpolation(
    sides: tuple[tuple[int, int], ...], seed: int
) -> None:
    z, y, x = (transfer.Axis.between(n, m) for n, m in sides)
    scale = np.array([1.0, 0.5, 0.7])
    fine, coarse = zip(*sides, strict=True)
    u, v = field(coarse, seed=seed), field(fine, seed=seed + 1)
    up, down = np.zeros_like(v), np.full_like(u, np.nan)
    transfer.interpolate_add(u, (z, y, x), scale, up)
    transfer.restrict(v, (z, y, x), scale, down)
    np.testing.assert_allclose((up * v).sum(), (u * down).sum(), rtol=1e-11, atol=1e-11)
    before = v.copy()
    transfer.interpolate_add(np.ones_like(u), (z, y, x), scale, v)
    constant = np.broadcast_to(scale[:, None], v.shape)
    np.testing.assert_allclose(v - before, constant, rtol=1e-12)


@given(st.tuples(SIDES, SIDES, SIDES))
def test_averages_keep_the_mean_and_constants(sides: tuple[tuple[int, int], ...]) -> None:
    z, y, x = (transfer.Axis.between(n, m) for n, m in sides)
    values = np.random.default_rng(0).random([n for n, _ in sides])
    coarse = transfer.averaged(values, (z, y, x))
    assert coarse.shape == tuple(m for _, m in sides)
    assert coarse.mean() == pytest.approx(values.mean(), rel=1e-12)
    np.testing.assert_allclose(transfer.averaged(np.ones_like(values), (z, y, x)), 1, rtol=1e-12)


@given(st.tuples(*[st.integers(1, 40)] * 3), st.tuples(*[st.floats(0.3, 3)] * 3))
def test_grids_shrink_and_keep_the_box(
    shape: tuple[int, int, int], edges: tuple[float, float, float]
) -> None:
    again = coarser(shape, edges)
    assert all(n / 2 <= m <= n for n, m in zip(shape, again, strict=True))
    assert again != shape or max(shape) <= 3


def test_chebyshev_damps_its_part_of_the_spectrum() -> None:
    for steps in (1, 2, 3):
        weights = chebyshev(2.2, steps, 6.0)
        spectrum = np.linspace(2.2 / 6, 2.2, 200)
        left = np.abs(np.prod([1 - w * spectrum for w in weights], 0))
        expected = 1 / np.cosh(steps * np.arccosh((1 + 1 / 6) / (1 - 1 / 6)))
        assert left.max() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("forms", [AXIS_ALIGNED, ("full",)], ids=["9", "21"])
@pytest.mark.parametrize("shape", [(6, 7, 5), (1, 24, 9), (12, 3, 8)], ids=str)
def test_cycle_is_symmetric_and_positive(
    shape: tuple[int, int, int], forms: tuple[str, ...]
) -> None:
    """As the preconditioner of conjugate gradients must be, on forces that are in balance."""
    index, C = box(shape, forms, seed=4)
    system = Cpu.of(list(grids(index, C, (1.0, 1.3, 0.8))), 3)
    assert len(system.multigrid.levels) > 1
    f = [field(shape, 3, seed).astype(np.float32) for seed in (5, 6)]
    z = []
    for b in f:
        b -= b.mean((0, 1, 4), keepdims=True)
        out = np.full_like(b, np.nan)
        system.multigrid.solve(b.copy(), out)
        z.append(out)
    left, right = vectors.gram(f[0], z[1]), vectors.gram(z[0], f[1])
    energies = [np.diag(vectors.gram(b, out)) for b, out in zip(f, z, strict=True)]
    scale = np.sqrt(np.outer(*energies))
    assert (np.array(energies) > 0).all()
    np.testing.assert_allclose(left / scale, right / scale, atol=2e-5)


def test_sums_over_cases() -> None:
    a, b, x, r, p, q = (field((3, 4, 5), 3, seed) for seed in range(6))
    mix = np.random.default_rng(9).standard_normal((3, 3))
    flat = np.moveaxis(a, 2, 0).reshape(3, -1), np.moveaxis(b, 2, 0).reshape(3, -1)
    near(vectors.gram(a, b), flat[0] @ flat[1].T)
    near(vectors.norms(a), np.linalg.norm(flat[0], axis=1))
    expected = [f + s * np.einsum("zydix,dc->zycix", g, mix) for f, s, g in ((x, 1, p), (r, -1, q))]
    turned = a + np.einsum("zydix,dc->zycix", p, mix)
    single = np.empty(x.shape, np.float32)
    norms = vectors.step(x, r, p, q, mix, single)
    near(x, expected[0])
    near(r, expected[1])
    near(norms, np.linalg.norm(np.moveaxis(r, 2, 0).reshape(3, -1), axis=1))
    np.testing.assert_array_equal(single, r.astype(np.float32))
    vectors.turn(p, a, mix)
    near(p, turned)


def test_pseudo_inverse_leaves_out_what_depends() -> None:
    """Whatever the sizes of the directions: those of energies are many orders apart."""
    rng = np.random.default_rng(0)
    size = 10.0 ** np.array([-8, 0, 3, 9])
    shape = rng.standard_normal((4, 9))
    gram = shape @ shape.T
    near(pseudo_inverse(gram * np.outer(size, size)) * np.outer(size, size), np.linalg.inv(gram))
    both = shape[[0, 1, 1, 2]]
    gram = both @ both.T
    inverse = pseudo_inverse(gram * np.outer(size, size)) * np.outer(size, size)
    near(gram @ inverse @ gram, gram)
    assert not pseudo_inverse(np.zeros((3, 3))).any()


def test_results_do_not_depend_on_threads() -> None:
    index, C = box((34, 35, 20), ("full",), seed=1)
    before = numba.get_num_threads()
    results = []
    for threads in (1, min(2, before)):
        numba.set_num_threads(threads)
        results.append(homogenize(Elements(index, C, C[:, 0], (1.0, 1.0, 2.0)), 1e-2, 100, 3))
    numba.set_num_threads(before)
    first, second = results
    assert np.array_equal(first.stiffness, second.stiffness)
    assert np.array_equal(first.thermal, second.thermal)
    assert np.array_equal(first.residual, second.residual)
    assert first.iterations == second.iterations
