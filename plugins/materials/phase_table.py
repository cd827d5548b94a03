"""One [[phase]] of a materials file: which form it has, and whether it can be a material."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recon.core.errors import ReconError, shown
from recon.plugins.materials.voigt import Array, build_frames, build_isotropic, build_orthotropic

STRUCTURE_TENSOR = "structure-tensor"

AXES = ("axis", "axes")
FORMS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "a void": (("void",), (), ()),
    "a stiffness matrix": (("C",), ("alpha",), AXES),
    "an isotropic": (("E", "nu"), ("alpha",), ()),
    "an orthotropic": (
        ("E1", "E2", "E3", "nu12", "nu13", "nu23", "G12", "G13", "G23"),
        ("alpha1", "alpha2", "alpha3"),
        AXES,
    ),
    "a transversely isotropic": (
        ("E1", "E2", "nu12", "nu23", "G12"),
        ("alpha1", "alpha2"),
        (*AXES, "G23"),
    ),
}
"""Keys that a form must have, those that it has all or none of, and those that it may have."""

SIGNS = {"void": "a void", "C": "a stiffness matrix", "E": "an isotropic"} | dict.fromkeys(
    ("E3", "nu13", "G13", "alpha3"), "an orthotropic"
)
"""Keys that tell the form; with none of them it is transversely isotropic."""

SYMMETRY = 1e-4
"""Largest difference of C_ij and C_ji, relative to the largest entry; they are averaged."""


def read_constants(where: str, table: Mapping[str, Any]) -> tuple[Array, Array | None, Array | str]:
    """Stiffness (6, 6) and expansion (6,) or None in local axes, and the axes, of one phase.

    where  what messages begin with
    """
    form = _find_form(where, table)
    if form == "a void":
        if table["void"] is not True:
            raise ReconError(f"{where}: void must be true or left out, got {shown(table['void'])}")
        return np.zeros((6, 6)), None, np.eye(3)
    if form == "a stiffness matrix":
        C = _read_matrix(where, table["C"])
        alpha = check_numbers(where, "alpha", table["alpha"], 6) if "alpha" in table else None
        return _check_definite(where, C), alpha, _read_axes(where, table)
    given = {
        key: check_number(where, key, value)
        for key, value in table.items()
        if key not in ("name", *AXES)
    }
    for key, value in given.items():
        if key[0] in "EG" and value <= 0:
            raise ReconError(f"{where}: {key} must be > 0, got {value:g}")
    with np.errstate(all="ignore"):  # what overflows is refused below
        C = (
            _read_isotropic(where, given)
            if form == "an isotropic"
            else _read_orthotropic(where, given)
        )
    return _check_definite(where, C), _read_expansion(given), _read_axes(where, table)


def _find_form(where: str, table: Mapping[str, Any]) -> str:
    """The form that the keys tell; refuses missing keys and those of another form."""
    form = next((form for key, form in SIGNS.items() if key in table), "a transversely isotropic")
    needed, together, optional = FORMS[form]
    if not any(key in table for key in (*SIGNS, *needed)):
        raise ReconError(
            f"{where} must have void = true, C, E and nu, or E1, E2, nu12, nu23 and G12; got "
            f"{', '.join(map(shown, table)) or 'nothing'}"
        )
    allowed = ("name", *needed, *together, *optional)
    for key in table:
        if key not in allowed:
            raise ReconError(
                f"{where}: {shown(key)} is no key of {form} phase; allowed: {', '.join(allowed)}"
            )
    wanted = (*needed, *together) if any(key in table for key in together) else needed
    missing = [key for key in wanted if key not in table]
    if missing:
        raise ReconError(f"{where}: {form} phase also needs {', '.join(missing)}")
    return form


def _read_isotropic(where: str, given: Mapping[str, float]) -> Array:
    if not -1 < given["nu"] < 0.5:
        raise ReconError(f"{where}: nu must be in (-1, 0.5), got {given['nu']:g}")
    return build_isotropic(given["E"], given["nu"])


def _read_orthotropic(where: str, given: Mapping[str, float]) -> Array:
    """A transversely isotropic phase is one with E3 = E2, nu13 = nu12 and G13 = G12."""
    E1, E2, nu12, nu23, G12 = (given[key] for key in ("E1", "E2", "nu12", "nu23", "G12"))
    E3, nu13, G13 = given.get("E3", E2), given.get("nu13", nu12), given.get("G13", G12)
    for key, ratio, first, second in (
        ("nu12", nu12, E1, E2),
        ("nu13", nu13, E1, E3),
        ("nu23", nu23, E2, E3),
    ):
        limit = (first / second) ** 0.5
        if key in given and not abs(ratio) < limit:
            root = f"sqrt(E{key[2]} / E{key[3]})"
            if "E3" not in given:
                root = root.replace("sqrt(E2 / E3)", "1")
            bound = root if root == "1" else f"{root} = {limit:.4g}"
            raise ReconError(f"{where}: {key} must be within +-{bound}, got {ratio:g}")
    G23 = given.get("G23", E2 / (2 * (1 + nu23)))
    determinant = 1 - nu12**2 * E2 / E1 - nu13**2 * E3 / E1 - nu23**2 * E3 / E2
    if determinant - 2 * nu12 * nu23 * nu13 * E3 / E1 <= 0:
        raise ReconError(
            f"{where}: Poisson's ratios must keep the stiffness positive definite, got nu12 "
            f"{nu12:g}, nu13 {nu13:g}, nu23 {nu23:g}; lower their magnitudes"
        )
    return build_orthotropic((E1, E2, E3), (nu12, nu13, nu23), (G12, G13, G23))


def _read_expansion(given: Mapping[str, float]) -> Array | None:
    if "alpha" in given:
        return np.array([given["alpha"]] * 3 + [0.0] * 3)
    if "alpha1" not in given:
        return None
    second = given["alpha2"]
    return np.array([given["alpha1"], second, given.get("alpha3", second), 0.0, 0.0, 0.0])


def _read_matrix(where: str, value: Any) -> Array:
    rows = value if isinstance(value, list) else []
    if len(rows) != 6:
        raise ReconError(f"{where}: C must be 6 rows of 6 numbers, got {shown(value)}")
    C = np.stack([check_numbers(where, f"row {i + 1} of C", row, 6) for i, row in enumerate(rows)])
    with np.errstate(all="ignore"):  # what overflows is refused when it is not definite
        skew, mean = np.abs(C - C.T), (C + C.T) / 2
    if skew.max() > SYMMETRY * np.abs(C).max():
        i, j = (int(k) + 1 for k in sorted(np.unravel_index(skew.argmax(), skew.shape)))
        raise ReconError(
            f"{where}: C must be symmetric, got C{i}{j} {C[i - 1, j - 1]:g} and "
            f"C{j}{i} {C[j - 1, i - 1]:g}"
        )
    return mean


def _check_definite(where: str, C: Array) -> Array:
    eigenvalues = np.linalg.eigvalsh(C) if np.isfinite(C).all() else np.array([np.nan])
    if not eigenvalues[0] > 1e-12 * eigenvalues[-1]:
        raise ReconError(
            f"{where}: the stiffness must be positive definite, got the smallest eigenvalue "
            f"{eigenvalues[0]:.4g}; void = true is for a phase without stiffness"
        )
    return C


def _read_axes(where: str, table: Mapping[str, Any]) -> Array | str:
    """Local axes as rows; `axis` names or is the first, `axes` are the first two."""
    if "axis" in table and "axes" in table:
        raise ReconError(f"{where}: give axis or axes, not both")
    if "axes" in table:
        return _read_two_axes(where, table["axes"])
    axis = table.get("axis", "x")
    if axis == STRUCTURE_TENSOR:
        return STRUCTURE_TENSOR
    if isinstance(axis, str):
        if axis not in ("x", "y", "z"):
            known = f"x, y, z, {STRUCTURE_TENSOR} or three numbers (x, y, z)"
            raise ReconError(f"{where}: axis must be {known}, got {shown(axis)}")
        return build_frames(np.eye(3)["xyz".index(axis)])
    vector = check_numbers(where, "axis", axis, 3)
    if not vector.any():
        raise ReconError(f"{where}: axis must not be zero, got {shown(axis)}")
    return build_frames(vector / np.abs(vector).max())


def _read_two_axes(where: str, value: Any) -> Array:
    rows = value if isinstance(value, list) else []
    if len(rows) != 2:
        raise ReconError(
            f"{where}: axes must be two vectors (x, y, z), local axes 1 and 2, got {shown(value)}"
        )
    first, second = (check_numbers(where, f"axes {i + 1}", row, 3) for i, row in enumerate(rows))
    gram = np.array([first @ first, second @ second, 1 + first @ second])
    if np.abs(gram - 1).max() > 1e-3:
        raise ReconError(
            f"{where}: axes must be orthonormal within 1e-3, got lengths {gram[0] ** 0.5:.4g} and "
            f"{gram[1] ** 0.5:.4g} and the cosine {gram[2] - 1:.4g} between them"
        )
    first = first / np.linalg.norm(first)
    second = second - (second @ first) * first
    second /= np.linalg.norm(second)
    return np.stack([first, second, np.cross(first, second)])


def check_numbers(where: str, key: str, value: Any, count: int) -> Array:
    """So many finite numbers."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != count:
        raise ReconError(f"{where}: {key} must be {count} numbers, got {shown(value)}")
    return np.array([check_number(where, key, item) for item in value])


def check_number(where: str, key: str, value: Any) -> float:
    """A finite number."""
    number = np.nan
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = np.inf
    if not np.isfinite(number):
        raise ReconError(f"{where}: {key} must be a finite number, got {shown(value)}")
    return number
