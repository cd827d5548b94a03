"""Values in physical units: what is counted in voxels, in the unit that suits their size."""

import re
from collections.abc import Sequence

from recon.validation.report.tiles import choose_unit

COUNTED = re.compile(r"(1/)?voxels?(?:\^(\d))?")


def choose_scale(unit: str, voxel_size: Sequence[float]) -> tuple[float, str]:
    """Factor and unit, "1/µm²" of "1/voxel^2"; 1 and the same where voxels are no known cubes."""
    match = COUNTED.fullmatch(unit)
    length, name = choose_unit(voxel_size)
    if match is None or name == "voxels" or len(set(voxel_size)) > 1:
        return 1.0, unit
    inverse, power = match.groups()
    exponent = int(power or 1)
    factor = (voxel_size[0] / length) ** (-exponent if inverse else exponent)
    raised = "" if exponent == 1 else "⁰¹²³"[exponent]
    return factor, f"{inverse or ''}{name}{raised}"
