"""Elastic phases as Abaqus writes them."""

from collections.abc import Iterator, Sequence

import numpy as np

from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.plugins.materials.materials import Materials, Phase
from recon.plugins.materials.voigt import Array

PASCALS = {"Pa": 1.0, "kPa": 1e3, "MPa": 1e6, "GPa": 1e9}
STRESS = {"m": "Pa", "mm": "MPa", "um": "MPa", "nm": "GPa"}
"""Unit of length -> of stress, so that the force is N, N, uN and nN: units that fit together."""

ORDER = (0, 1, 2, 5, 4, 3)
"""Abaqus puts 11, 22, 33, 12, 13, 23; the Voigt order here is xx, yy, zz, yz, xz, xy."""


def check_materials(materials: Materials, labels: Sequence[int], volume: Volume) -> None:
    """Refuse labels without a phase in the table, and what an input file cannot say."""
    for label in labels:
        name = volume.phases[label]
        if label >= len(materials.phases):
            raise ReconError(
                f"materials {materials.source} must have a [[phase]] for every label of the "
                f"volume, got labels 0..{len(materials.phases) - 1} and none for label {label} "
                f"({name}); add it to the file"
            )
    for number, phase in enumerate(materials.phases):
        if phase.follows_image:
            raise ReconError(
                f"materials {materials.source}: the axis of phase {phase.name} follows the image, "
                "which an .inp file cannot hold; give the phase one axis"
            )
        if number in labels and phase.alpha is not None and phase.alpha[3:].any():
            raise ReconError(
                f"materials {materials.source}: the expansion of phase {volume.phases[number]} "
                "must have no shear in its local axes for an .inp file; choose its "
                "principal axes"
            )


def format_blocks(materials: Materials | None, names: dict[int, str], unit: str) -> Iterator[str]:
    """Orientations, sections and materials of the labels, named as their element sets are."""
    if materials is None:
        yield (
            "** PLACEHOLDERS: E = 1, nu = 0.3 for every phase; put in the constants of your\n"
            "** materials, or export again with materials\n"
        )
        for name in names.values():
            yield f"*SOLID SECTION, ELSET={name}, MATERIAL={name}\n"
            yield f"*MATERIAL, NAME={name}\n*ELASTIC\n1., 0.3\n"
        return
    known = materials.unit in PASCALS
    stress = STRESS[unit] if known else materials.unit
    factor = PASCALS[materials.unit] / PASCALS[stress] if known else 1.0
    fits = (
        f"moduli in {stress}, which fits lengths in {unit}"
        if known
        else (f"moduli in {stress} as in the file; check that it fits lengths in {unit}")
    )
    yield f"** Materials: {materials.source}; {fits}\n"
    for label, name in names.items():
        yield from _format_block(materials.phases[label], name, factor)


def _format_block(material: Phase, name: str, factor: float) -> Iterator[str]:
    elastic, isotropic = _format_elastic(material.stiffness * factor)
    expansion = _format_expansion(material.alpha)
    turned = not isotropic or "ORTHO" in expansion
    if turned:  # Abaqus wants one for whatever is not isotropic
        assert not isinstance(material.axes, str)  # refused before
        axes = ", ".join(f"{component:.12g}" for component in material.axes[:2].ravel())
        yield f"*ORIENTATION, NAME=AXES_{name}, SYSTEM=RECTANGULAR\n{axes}\n"
    orientation = f", ORIENTATION=AXES_{name}" * turned
    yield f"*SOLID SECTION, ELSET={name}, MATERIAL={name}{orientation}\n"
    yield f"*MATERIAL, NAME={name}\n** {material.name}\n{elastic}{expansion}"


def _format_elastic(C: Array) -> tuple[str, bool]:
    """The block *ELASTIC in the simplest form that holds the stiffness; whether it is isotropic."""
    S = np.linalg.inv(C)
    E, G = 1 / S.diagonal()[:3], 1 / S.diagonal()[[5, 4, 3]]
    nu = -S[[0, 0, 1], [1, 2, 2]] * E[[0, 0, 1]]
    orthotropic = np.zeros((6, 6), bool)
    orthotropic[:3, :3] = orthotropic[range(6), range(6)] = True
    if np.abs(C[~orthotropic]).max() > 1e-9 * np.abs(C).max():
        D = C[np.ix_(ORDER, ORDER)]
        constants = [D[i, j] for j in range(6) for i in range(j + 1)]
        return f"*ELASTIC, TYPE=ANISOTROPIC\n{_format_rows(constants)}", False
    same = np.allclose(E, E[0]) and np.allclose(nu, nu[0]) and np.allclose(G, G[0])
    if same and np.isclose(G[0], E[0] / (2 * (1 + nu[0]))):
        return f"*ELASTIC\n{_format_rows([E[0], nu[0]])}", True
    return f"*ELASTIC, TYPE=ENGINEERING CONSTANTS\n{_format_rows([*E, *nu, *G])}", False


def _format_expansion(alpha: Array | None) -> str:
    if alpha is None:
        return ""
    if np.allclose(alpha[:3], alpha[0], atol=0):
        return f"*EXPANSION\n{_format_rows(alpha[:1])}"
    return f"*EXPANSION, TYPE=ORTHO\n{_format_rows(alpha[:3])}"


def _format_rows(numbers: Sequence[float] | Array) -> str:
    """Eight numbers a line, as many as Abaqus takes."""
    text = [f"{number:.10g}" for number in numbers]
    return "".join(", ".join(text[k : k + 8]) + "\n" for k in range(0, len(text), 8))
