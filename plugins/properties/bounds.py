"""Bounds on effective properties from volume fractions alone."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import eigh

from recon.plugins.materials.voigt import KELVIN, Array


def elastic_bounds(
    fractions: ArrayLike,
    stiffness: ArrayLike,
    *,
    mean_stiffness: ArrayLike | None = None,
    mean_compliance: ArrayLike | None = None,
) -> dict[str, Array]:
    """Voigt and Reuss bounds, and those of Hashin and Shtrikman where they apply.

    fractions        (K,) that sum to 1;  stiffness  (K, 6, 6), zeros for void
    mean_stiffness   (6, 6) averages over the voxels, in place of those over the phases: for
    mean_compliance  phases whose axes follow the image
    returns  `voigt`, `reuss` (6, 6), reuss zero as soon as there is void; and when every phase is
             isotropic `bulk`, `shear` (2,): lower and upper Hashin-Shtrikman bound, which hold
             when the effective behaviour is isotropic as well

    Hashin & Shtrikman, J. Mech. Phys. Solids 11, 127 (1963); Walpole, ibid. 14, 151 (1966).
    """
    shares, C = np.asarray(fractions, float), np.asarray(stiffness, float)
    shares, C = shares[shares > 0], C[shares > 0]
    void = any(not one.any() for one in C)
    voigt = np.tensordot(shares, C, 1) if mean_stiffness is None else np.asarray(mean_stiffness)
    if void:
        reuss = np.zeros((6, 6))
    elif mean_compliance is None:
        reuss = np.linalg.inv(np.tensordot(shares, np.linalg.inv(C), 1))
    else:
        reuss = np.linalg.inv(np.asarray(mean_compliance, float))
    bounds: dict[str, Array] = {"voigt": voigt, "reuss": (reuss + reuss.T) / 2}
    moduli = [isotropic_moduli(one) for one in C]
    if all(pair is not None for pair in moduli):
        bulk, shear = np.array([pair for pair in moduli if pair is not None]).T
        bounds |= hashin_shtrikman(shares, bulk, shear)
    return bounds


def hashin_shtrikman(shares: Array, bulk: Array, shear: Array) -> dict[str, Array]:
    """`bulk` and `shear` (2,): lower and upper bound for any number of isotropic phases."""
    K, G = np.empty(2), np.empty(2)
    for side, extreme in enumerate((np.min, np.max)):
        k, g = extreme(bulk), extreme(shear)
        K[side] = _shifted_harmonic(shares, bulk, 4 / 3 * g)
        comparison = g / 6 * (9 * k + 8 * g) / (k + 2 * g) if k + 2 * g > 0 else 0.0
        G[side] = _shifted_harmonic(shares, shear, comparison)
    return {"bulk": K, "shear": G}


def isotropic_moduli(C: Array) -> tuple[float, float] | None:
    """Bulk and shear modulus of a stiffness (6, 6); None when it is not isotropic."""
    G = C[5, 5]
    K = C[0, 0] - 4 / 3 * G
    expected = np.diag([2 * G] * 3 + [G] * 3)
    expected[:3, :3] += K - 2 / 3 * G
    return (float(K), float(G)) if np.allclose(C, expected, atol=1e-9 * C.max()) else None


def conductivity_bounds(fractions: ArrayLike, coefficients: ArrayLike) -> dict[str, float]:
    """Wiener and Hashin-Shtrikman bounds of an effective conductivity or diffusivity.

    fractions     (K,); what lacks to 1 insulates
    coefficients  (K,) >= 0
    returns  `arithmetic`, `harmonic` (Wiener, any direction of any material), `upper`, `lower`
             (Hashin-Shtrikman, for effective behaviour that is isotropic in 3D)
    """
    shares, D = np.asarray(fractions, float), np.asarray(coefficients, float)
    rest = 1 - shares.sum()
    if rest > 1e-12:
        shares, D = np.append(shares, rest), np.append(D, 0.0)
    shares, D = shares[shares > 0], D[shares > 0]
    return {
        "arithmetic": float(shares @ D),
        "harmonic": _shifted_harmonic(shares, D, 0.0),
        "upper": _shifted_harmonic(shares, D, 2 * D.max()),
        "lower": _shifted_harmonic(shares, D, 2 * D.min()),
    }


def outside_bounds(
    C_eff: ArrayLike,
    fractions: ArrayLike,
    stiffness: ArrayLike,
    tolerance: float = 1e-6,
    *,
    mean_stiffness: ArrayLike | None = None,
    mean_compliance: ArrayLike | None = None,
) -> list[str]:
    """A line for every bound that an effective stiffness (6, 6) leaves; none as it should be.

    tolerance  by how much the energy of any strain may leave Voigt's or Reuss', as a share of it

    Arguments as for elastic_bounds. Hashin-Shtrikman bounds are not checked: a sample is never
    quite isotropic, and then they do not hold.
    """
    bounds = elastic_bounds(
        fractions, stiffness, mean_stiffness=mean_stiffness, mean_compliance=mean_compliance
    )
    C, voigt, reuss = np.asarray(C_eff, float), bounds["voigt"], bounds["reuss"]
    if not np.isfinite(C).all():
        return ["the stiffness is not finite"]
    C = (C + C.T) / 2
    if not voigt.any():
        return ["the stiffness of void must be zero"] if C.any() else []
    lines = []
    above = _ratios(C, voigt)[-1] - 1
    if not above <= tolerance:
        lines.append(_line("exceeds the Voigt", above, tolerance))
    below = 1 - _ratios(C, reuss)[0] if reuss.any() else -_ratios(C, voigt)[0]
    if not below <= tolerance:
        lines.append(_line("falls below the Reuss", below, tolerance))
    return lines


def _line(what: str, share: float, tolerance: float) -> str:
    return (
        f"the stiffness {what} bound by {100 * share:.3g} %, more than the tolerance "
        f"{tolerance:g}; lower the tolerance of the solver"
    )


def _ratios(C: Array, bound: Array) -> Sequence[float]:
    """Energies of C over those of the bound, of all strains: smallest to largest."""
    weights = KELVIN[:, None] * KELVIN
    ratios: Sequence[float] = eigh(C * weights, bound * weights, eigvals_only=True)
    return ratios


def _shifted_harmonic(shares: Array, values: Array, shift: float) -> float:
    """1 / sum(f / (v + s)) - s; 0 when a phase and the shift are zero."""
    if (values + shift).min() <= 0:
        return 0.0
    return max(float(1 / (shares @ (1 / (values + shift))) - shift), 0.0)
