import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.plugins.materials.voigt import build_isotropic
from recon.plugins.properties.bounds import (
    conductivity_bounds,
    elastic_bounds,
    isotropic_moduli,
    outside_bounds,
)

IN, OUT = [0, 1, 5], [2, 3, 4]
"""Strains that are equal in the layers of a laminate normal to z, and stresses that are."""


@st.composite
def mixtures(draw):
    """Fractions and isotropic stiffnesses of 1 to 4 phases."""
    phases = draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shares = rng.dirichlet(np.ones(phases))
    return shares, np.stack(
        [build_isotropic(10 ** rng.uniform(-3, 3), rng.uniform(-0.5, 0.45)) for _ in shares]
    )


def anisotropic(seed, phases):
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((phases, 6, 6))
    return rng.dirichlet(np.ones(phases)), root @ root.swapaxes(1, 2) + 0.1 * np.eye(6)


def laminate(shares, C):
    """Exact stiffness of layers normal to z: in-plane strain and normal stress are continuous."""
    oo, oi, ii = C[:, OUT][:, :, OUT], C[:, OUT][:, :, IN], C[:, IN][:, :, IN]
    inverse = np.linalg.inv(oo)
    normal = np.linalg.inv(np.tensordot(shares, inverse, 1))
    coupling = np.tensordot(shares, inverse @ oi, 1)
    result = np.zeros((6, 6))
    result[np.ix_(OUT, OUT)] = normal
    result[np.ix_(OUT, IN)] = normal @ coupling
    result[np.ix_(IN, OUT)] = result[np.ix_(OUT, IN)].T
    inner = np.tensordot(shares, ii - oi.swapaxes(1, 2) @ inverse @ oi, 1)
    result[np.ix_(IN, IN)] = inner + coupling.T @ normal @ coupling
    return result


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_a_laminate_lies_within_the_bounds_and_touches_them(seed, phases):
    shares, C = anisotropic(seed, phases)
    effective = laminate(shares, C)
    assert outside_bounds(effective, shares, C, 1e-8) == []
    bounds = elastic_bounds(shares, C)
    assert outside_bounds(bounds["voigt"], shares, C, 1e-8) == []
    assert outside_bounds(bounds["reuss"], shares, C, 1e-8) == []


@given(mixtures())
def test_a_laminate_attains_voigt_in_plane_shear_and_reuss_across(mixture):
    shares, C = mixture
    effective, bounds = laminate(shares, C), elastic_bounds(shares, C)
    assert effective[5, 5] == pytest.approx(bounds["voigt"][5, 5])
    assert effective[3, 3] == pytest.approx(bounds["reuss"][3, 3])


@given(mixtures())
def test_hashin_shtrikman_lies_inside_voigt_and_reuss(mixture):
    shares, C = mixture
    bounds = elastic_bounds(shares, C)
    K_voigt, G_voigt = isotropic_moduli(bounds["voigt"])
    K_reuss, G_reuss = isotropic_moduli(bounds["reuss"])
    slack = 1 + 1e-9
    for low, high, reuss, voigt in (
        (*bounds["bulk"], K_reuss, K_voigt),
        (*bounds["shear"], G_reuss, G_voigt),
    ):
        assert reuss <= low * slack and low <= high * slack and high <= voigt * slack


@given(mixtures())
def test_equal_phases_leave_no_room(mixture):
    shares, C = mixture
    bounds = elastic_bounds(shares, np.broadcast_to(C[0], C.shape))
    K, G = isotropic_moduli(C[0])
    assert np.allclose(bounds["voigt"], C[0]) and np.allclose(bounds["reuss"], C[0])
    assert np.allclose(bounds["bulk"], K) and np.allclose(bounds["shear"], G)


def test_two_phases_by_the_published_formula():
    """Hashin & Shtrikman 1963, Eq. 4.1-4.4, phase 2 the stiffer."""
    f2 = 0.3
    f1, (K1, G1), (K2, G2) = 1 - f2, (3.0, 1.0), (40.0, 30.0)
    C = np.stack([build_isotropic(9 * K * G / (3 * K + G), (3 * K - 2 * G) / (6 * K + 2 * G))
                  for K, G in ((K1, G1), (K2, G2))])  # fmt: skip
    low_K = K1 + f2 / (1 / (K2 - K1) + 3 * f1 / (3 * K1 + 4 * G1))
    high_K = K2 + f1 / (1 / (K1 - K2) + 3 * f2 / (3 * K2 + 4 * G2))
    low_G = G1 + f2 / (1 / (G2 - G1) + 6 * (K1 + 2 * G1) * f1 / (5 * G1 * (3 * K1 + 4 * G1)))
    high_G = G2 + f1 / (1 / (G1 - G2) + 6 * (K2 + 2 * G2) * f2 / (5 * G2 * (3 * K2 + 4 * G2)))
    bounds = elastic_bounds([f1, f2], C)
    assert np.allclose(bounds["bulk"], [low_K, high_K])
    assert np.allclose(bounds["shear"], [low_G, high_G])


def test_void_lowers_the_lower_bounds_to_zero_when_it_is_there():
    C = np.stack([build_isotropic(3, 0.2), np.zeros((6, 6))])
    bounds = elastic_bounds([0.6, 0.4], C)
    assert not bounds["reuss"].any() and bounds["bulk"][0] == bounds["shear"][0] == 0
    assert 0 < bounds["bulk"][1] < 0.6 * 3 / (3 * 0.6)
    assert np.allclose(elastic_bounds([1.0, 0.0], C)["reuss"], C[0])
    assert outside_bounds(0.1 * C[0], [0.6, 0.4], C) == []
    assert "below the Reuss" in outside_bounds(-0.1 * C[0], [0.6, 0.4], C)[0]
    assert outside_bounds(C[1], [0.0, 1.0], C) == []
    assert elastic_bounds([0.0, 1.0], C)["shear"].tolist() == [0, 0]


@given(st.integers(0, 2**32 - 1))
def test_leaving_the_bounds_is_told(seed):
    shares, C = anisotropic(seed, 3)
    bounds = elastic_bounds(shares, C)
    assert "bulk" not in bounds
    (line,) = outside_bounds(1.01 * bounds["voigt"], shares, C, 1e-3)
    assert line.startswith("the stiffness exceeds the Voigt bound by 1 %, more than the tolerance")
    (line,) = outside_bounds(0.98 * bounds["reuss"], shares, C, 1e-3)
    assert line.startswith("the stiffness falls below the Reuss bound by 2 %")
    assert outside_bounds(1.0001 * bounds["voigt"], shares, C, 1e-3) == []
    assert outside_bounds(np.full((6, 6), np.nan), shares, C) == ["the stiffness is not finite"]


def test_means_over_the_voxels_take_the_place_of_those_over_phases():
    shares, C = anisotropic(0, 2)
    rng = np.random.default_rng(1)
    field = rng.choice(C, 50) * rng.uniform(1, 2, (50, 1, 1))
    means = {"mean_stiffness": field.mean(0), "mean_compliance": np.linalg.inv(field).mean(0)}
    bounds = elastic_bounds(shares, C, **means)
    assert np.allclose(bounds["voigt"], field.mean(0))
    assert np.allclose(np.linalg.inv(bounds["reuss"]), means["mean_compliance"])
    assert outside_bounds(laminate(np.full(50, 0.02), field), shares, C, 1e-8, **means) == []
    assert outside_bounds(1.1 * field.mean(0), shares, C, **means) != []


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_conductivity_bounds_are_nested(seed, phases):
    rng = np.random.default_rng(seed)
    shares, D = rng.dirichlet(np.ones(phases)), 10 ** rng.uniform(-3, 3, phases)
    result = conductivity_bounds(shares, D)
    nested = [D.min(), *(result[key] for key in ("harmonic", "lower", "upper", "arithmetic"))]
    assert all(a <= b * (1 + 1e-9) for a, b in zip(nested, [*nested[1:], D.max()], strict=True))


def test_conductivity_of_one_conducting_phase():
    result = conductivity_bounds([0.4], [2.0])
    assert result["harmonic"] == result["lower"] == 0
    assert result["arithmetic"] == pytest.approx(0.8)
    assert result["upper"] == pytest.approx(2 * 0.4 * 2 / (3 - 0.4))  # Maxwell
    assert conductivity_bounds([0.4, 0.6], [2.0, 0.0]) == pytest.approx(result)
    same = conductivity_bounds([0.4, 0.6], [2.0, 2.0])
    assert all(value == pytest.approx(2) for value in same.values())
    assert set(conductivity_bounds([1.0], [0.0]).values()) == {0.0}
