"""Effective stiffness and thermal stress: exact answers, and laws that hold for any composite."""

from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.plugins.materials.voigt import build_isotropic, rotate_expansion, rotate_stiffness
from recon.plugins.properties.elasticity.cpu import Cpu
from recon.plugins.properties.elasticity.homogenize import Elements, homogenize

from .elastic_reference import (
    FORMS,
    composites,
    definite,
    direct,
    laminate,
    solved,
    stiffness,
    symmetric,
    torch_on_cpu,
)

SEEDS = st.integers(0, 2**32 - 1)


def close(results: np.ndarray, expected: np.ndarray, rtol: float = 1e-8) -> None:
    np.testing.assert_allclose(results, expected, rtol=0, atol=rtol * np.abs(expected).max())


def fractions(elements: Elements) -> np.ndarray:
    count = len(elements.stiffness)
    return np.bincount(elements.index.ravel(), minlength=count) / elements.index.size


@given(composites(max_side=5, b_bar=True))
def test_direct_solution(elements: Elements) -> None:
    result = solved(elements)
    C, beta = direct(elements)
    close(result.stiffness, C)
    close(result.thermal, beta)


@pytest.mark.slow
@given(composites(max_side=5, void=True, b_bar=True))
def test_direct_solution_with_void(elements: Elements) -> None:
    """Whatever else the void leaves beside three beams: loose pieces, strands, hinges."""
    index = elements.index.copy()
    index[0, 0, :], index[0, :, 0], index[:, 0, 0] = 0, 1, 0
    elements = attrs.evolve(elements, index=index)
    result = solved(elements, 1e-10)
    C, beta = direct(elements)
    scale = np.abs(elements.stiffness).max()
    np.testing.assert_allclose(result.stiffness, C, rtol=0, atol=1e-7 * scale)
    np.testing.assert_allclose(result.thermal, beta, rtol=0, atol=1e-7 * scale)


@given(
    st.lists(st.integers(0, 2), min_size=1, max_size=12),
    st.lists(st.sampled_from(FORMS), min_size=3, max_size=3),
    SEEDS,
    st.sampled_from("xyz"),
)
def test_laminates_are_exact_in_all_components(
    layers: list[int], forms: list[str], seed: int, normal: str
) -> None:
    rng = np.random.default_rng(seed)
    C = np.stack([stiffness(rng, form) for form in forms])
    alpha = rng.standard_normal((3, 6))
    axis = "zyx".index(normal)
    shape = rng.integers(1, 5, 3)
    shape[axis] = len(layers)
    across = np.expand_dims(layers, tuple({0, 1, 2} - {axis}))
    index = np.ascontiguousarray(np.broadcast_to(across, shape), np.int32)
    x, y, z = rng.uniform(0.5, 2, 3)
    result = solved(Elements(index, C, alpha, (x, y, z)))
    expected, beta = laminate(np.array(layers), C, alpha, normal)
    close(result.stiffness, expected, 1e-9)
    close(result.thermal, beta, 1e-9)


def levin(C: np.ndarray, results: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Thermal stress of two phases from the mean stresses (Levin 1967), any symmetry."""
    hot = np.einsum("mij,mj->mi", C, alpha)
    concentrated = np.linalg.solve(C[1] - C[0], results - C[0])
    return hot[0] + (hot[1] - hot[0]) @ concentrated


@pytest.mark.slow
@given(
    composites(phases=2, b_bar=True),
    st.sampled_from([1e-1, 1e-3, 1e-8]),
    st.sampled_from([1, 2, 6]),
)
def test_levin_is_exact_whatever_the_tolerance(
    elements: Elements, tolerance: float, cases: int
) -> None:
    """Cases solved apart give a stiffness that is not symmetric: the mean stresses count."""
    result = solved(elements, tolerance, cases_at_once=cases)
    C, alpha = elements.stiffness, elements.expansion
    expected = levin(C, result.stiffness, alpha)
    contrast = np.linalg.cond(C[1] - C[0]) * np.abs(C).max() / np.abs(C[1] - C[0]).max()
    scale = np.abs(np.einsum("mij,mj->mi", C, alpha)).max()
    np.testing.assert_allclose(result.thermal, expected, rtol=0, atol=1e-14 * contrast * scale)


@pytest.mark.slow
@given(composites(phases=2), st.sampled_from([1e-1, 1e-6]))
def test_levin_of_isotropic_phases_to_twelve_digits(elements: Elements, tolerance: float) -> None:
    """alpha = alpha_1 + (alpha_2 - alpha_1) (S p - p / 3 K_1) / (1 / 3 K_2 - 1 / 3 K_1), with the
    effective compliance S of anisotropic mixtures acting on a unit pressure p (Levin 1967)."""
    pressure = np.array([1.0, 1, 1, 0, 0, 0])
    C = np.stack([build_isotropic(4.2, 0.34), build_isotropic(74, 0.2)])
    alpha = np.array([58.0, 5.0])
    given_ = attrs.evolve(elements, stiffness=C, expansion=np.outer(alpha, pressure))
    result = solved(given_, tolerance)
    expansion = np.linalg.solve(result.stiffness.T, result.thermal)
    yielding = np.linalg.solve(result.stiffness.T, pressure)
    soft, stiff = (1 / one[0, :3].sum() for one in C)
    expected = alpha[0] * pressure + (alpha[1] - alpha[0]) * (yielding - soft * pressure) / (
        stiff - soft
    )
    np.testing.assert_allclose(expansion, expected, rtol=0, atol=1e-12 * alpha[0])


@pytest.mark.slow
@given(composites(b_bar=True), st.sampled_from([1e-2, 1e-8]))
def test_uniform_expansion_is_the_expansion(elements: Elements, tolerance: float) -> None:
    alpha = np.array([3.0, -1.0, 2.0, 0.5, 0.0, -0.7])
    uniform = np.broadcast_to(alpha, (len(elements.stiffness), 6)).copy()
    result = solved(attrs.evolve(elements, expansion=uniform), tolerance)
    expected = result.stiffness.T @ alpha
    np.testing.assert_allclose(
        result.thermal, expected, rtol=0, atol=1e-12 * np.abs(elements.stiffness).max()
    )


@pytest.mark.slow
@given(composites(b_bar=True))
def test_between_reuss_and_voigt_symmetric_and_positive(elements: Elements) -> None:
    result = solved(elements).stiffness
    shares, C = fractions(elements), elements.stiffness
    voigt = np.tensordot(shares, C, 1)
    reuss = np.linalg.inv(np.tensordot(shares, np.linalg.inv(C), 1))
    close(result, result.T)
    assert definite(voigt - result, voigt) and definite(result - reuss, reuss)
    assert np.linalg.eigvalsh(symmetric(result))[0] > 0


@pytest.mark.slow
@given(composites(), st.floats(-15, 15))
def test_moduli_scale(elements: Elements, power: float) -> None:
    before = solved(elements)
    factor = 10**power
    after = solved(attrs.evolve(elements, stiffness=factor * elements.stiffness))
    close(after.stiffness, factor * before.stiffness)
    close(after.thermal, factor * before.thermal)


@pytest.mark.slow
@given(composites(max_side=5, b_bar=True), st.tuples(*[st.integers(0, 4)] * 3), st.integers(0, 2))
def test_translation_and_tiling_change_nothing(
    elements: Elements, shift: tuple[int, int, int], axis: int
) -> None:
    before = solved(elements)
    rolled = np.roll(elements.index, shift, (0, 1, 2))
    tiled = np.concatenate([elements.index] * 2, axis)
    for index in (rolled, tiled):
        after = solved(attrs.evolve(elements, index=index))
        close(after.stiffness, before.stiffness)
        close(after.thermal, before.thermal)


@pytest.mark.slow
@given(
    composites(b_bar=True), st.permutations([0, 1, 2]), st.tuples(*[st.sampled_from([1, -1])] * 3)
)
def test_right_angles(elements: Elements, order: list[int], signs: tuple[int, int, int]) -> None:
    """Turned or mirrored with its materials, a volume has turned constants."""
    turn = np.zeros((3, 3))  # new component n = sign times old component order[n]; x is axis 2
    for n in range(3):
        turn[2 - n, 2 - order[n]] = signs[n]
    index = elements.index.transpose(order)[tuple(slice(None, None, s) for s in signs)]
    x, y, z = np.abs(turn) @ elements.edges
    turned = Elements(
        np.ascontiguousarray(index),
        rotate_stiffness(elements.stiffness, turn.T),
        rotate_expansion(elements.expansion, turn.T),
        (x, y, z),
        None if elements.varying is None else rotate_stiffness(elements.varying, turn.T),
    )
    before, after = solved(elements), solved(turned)
    close(after.stiffness, rotate_stiffness(before.stiffness, turn.T))
    expansion = np.linalg.solve(before.stiffness, before.thermal)
    close(
        np.linalg.solve(after.stiffness, after.thermal),
        rotate_expansion(expansion, turn.T),
        1e-6,
    )


@pytest.mark.slow
@given(composites(), SEEDS, st.integers(0, 2))
def test_a_stiffer_phase_never_softens(elements: Elements, seed: int, phase: int) -> None:
    root = np.random.default_rng(seed).standard_normal((6, 2))
    more = elements.stiffness.copy()
    more[phase] += root @ root.T * np.abs(more[phase]).max()
    before = solved(elements).stiffness
    after = solved(attrs.evolve(elements, stiffness=more)).stiffness
    assert definite(after - before, after)


@pytest.mark.slow
@given(composites(phases=1, max_side=9, b_bar=True), st.booleans())
def test_one_material_returns_itself_and_does_not_fluctuate(elements: Elements, two: bool) -> None:
    """Patch test; two labels of the same material are one."""
    if two:
        index = (np.arange(elements.index.size) % 2).reshape(elements.index.shape)
        elements = Elements(
            index.astype(np.int32),
            elements.stiffness.repeat(2, 0),
            elements.expansion.repeat(2, 0),
            elements.edges,
            None if elements.varying is None else elements.varying.repeat(2, 0),
        )
    result = solved(elements, solved=lambda case, u: np.testing.assert_array_equal(u, 0))
    C, alpha = elements.stiffness[0], elements.expansion[0]
    close(result.stiffness, C, 1e-14)
    close(result.thermal, C @ alpha, 1e-13)
    assert result.iterations == [0] * 6 and (result.residual == 0).all()


def test_a_plate_in_void_bears_plane_stress_and_exactly_nothing_across() -> None:
    C = np.stack([stiffness(np.random.default_rng(3), "full"), np.zeros((6, 6))])
    index = np.zeros((6, 4, 5), np.int32)
    index[2:] = 1
    result = solved(Elements(index, C, None, (1.0, 2.0, 0.5)))
    within, out = [0, 1, 5], [2, 3, 4]
    plane = np.linalg.inv(np.linalg.inv(C[0])[np.ix_(within, within)]) / 3
    close(result.stiffness[np.ix_(within, within)], plane, 1e-10)
    assert np.abs(result.stiffness[out]).max() < 1e-12 * np.abs(C).max()
    assert result.thermal is None


def test_loose_pieces_in_void_change_nothing() -> None:
    rng = np.random.default_rng(2)
    C = np.stack([stiffness(rng, "full"), stiffness(rng, "isotropic"), np.zeros((6, 6))])
    alpha = rng.standard_normal((3, 6))
    index = rng.integers(0, 2, (9, 8, 7)).astype(np.int32)
    index[2:7, 2:7, 1:6] = 2
    empty = solved(Elements(index, C, alpha, (1.0, 1.0, 1.0)))
    index[4, 4, 2:4], index[4, 3, 2] = 0, 1
    loose = solved(Elements(index, C, alpha, (1.0, 1.0, 1.0)))
    close(loose.stiffness, empty.stiffness, 1e-9)
    close(loose.thermal, empty.thermal, 1e-9)


@pytest.mark.parametrize("contrast", [1e-3, 1e3])
def test_high_contrast_against_the_direct_solution(contrast: float) -> None:
    rng = np.random.default_rng(5)
    C = np.stack([stiffness(rng, "isotropic"), contrast * stiffness(rng, "isotropic")])
    index = rng.integers(0, 2, (6, 5, 6)).astype(np.int32)
    elements = Elements(index, C, None, (1.0, 1.0, 1.0))
    close(solved(elements).stiffness, direct(elements)[0], 1e-8)


@pytest.mark.parametrize("system", [Cpu.of, torch_on_cpu], ids=["numba", "torch"])
@pytest.mark.parametrize("contrast", [1e3, 1e5, 1e7, 1e9])
def test_separate_stiff_inclusions_are_not_taken_for_solved(contrast: float, system: Any) -> None:
    """Forces inside the inclusions balance first; the matrix between them bears the load."""
    index = np.zeros((5, 5, 5), np.int32)
    index[:3, :3, :3] = 1
    C = np.stack([build_isotropic(1, 0.3), build_isotropic(contrast, 0.3)])
    # 1e5 times stiffer is as good as rigid, and the direct solution is still exact there
    rigid = np.stack([C[0], build_isotropic(min(contrast, 1e5), 0.3)])
    expected, _ = direct(Elements(index, rigid, None, (1.0, 1.0, 1.0)))
    elements = Elements(index, C, None, (1.0, 1.0, 1.0))
    for shift in ((0, 0, 0), (1, 4, 2), (3, 3, 3)):  # other rounding errors
        moved = attrs.evolve(elements, index=np.roll(index, shift, (0, 1, 2)))
        close(solved(moved, 1e-6, system=system).stiffness, expected, 1e-4)


@pytest.mark.slow
def test_many_stiff_inclusions_are_not_taken_for_solved() -> None:
    """For some steps nothing seems to change: the inclusions are yet to move as wholes."""
    rng = np.random.default_rng(0)
    index = np.zeros((8, 8, 8), np.int32)
    for corner in np.ndindex(2, 2, 2):
        z, y, x = 4 * np.array(corner) + rng.integers(0, 2, 3)
        index[z : z + 2, y : y + 2, x : x + 2] = 1
    C = np.stack([build_isotropic(1, 0.3), build_isotropic(1e5, 0.3)])
    expected, _ = direct(Elements(index, C, None, (1.0, 1.0, 1.0)))
    for contrast in (1e5, 1e8):
        C[1] = build_isotropic(contrast, 0.3)
        result = solved(Elements(index, C, None, (1.0, 1.0, 1.0)), 1e-6)
        close(result.stiffness, expected, 1e-4)


def test_small_stiff_patches_on_the_coarsest_grid() -> None:
    index = np.zeros((5, 5, 5), np.int32)
    index[:2, :2, :2] = index[3, 3:5, 2:4] = 1
    elements = Elements(
        index, np.stack([build_isotropic(1, 0.3), build_isotropic(1e6, 0.3)]), None, (1, 1, 1)
    )
    assert max(solved(elements, 1e-6).iterations) < 20


@pytest.mark.slow
@given(composites(), st.sampled_from([1, 2, 3]))
def test_cases_may_be_solved_apart(elements: Elements, count: int) -> None:
    together, apart = solved(elements), solved(elements, cases_at_once=count)
    close(apart.stiffness, together.stiffness)
    close(apart.thermal, together.thermal)


def test_giving_up_is_told() -> None:
    rng = np.random.default_rng(0)
    C = np.stack([stiffness(rng, "isotropic"), 100 * stiffness(rng, "full")])
    index = rng.integers(0, 2, (8, 8, 8)).astype(np.int32)
    result = homogenize(Elements(index, C, None, (1.0, 1.0, 1.0)), 1e-9, 2)
    assert not result.reached and result.iterations == [2] * 6
    assert (result.residual > 1e-9).any()
