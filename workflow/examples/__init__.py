"""Materials that recon generates itself, with a known true volume: the index, default first."""

from collections.abc import Callable
from functools import lru_cache

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.micrographs import Micrographs
from recon.core.data.volume import Volume
from recon.core.errors import unknown
from recon.workflow.examples import electrode, fibres, porous

VOXEL_SIZE = (4e-7, 4e-7, 4e-7)  # (z, y, x), metres
XY_STEP, SIDE_STEP = 4, 6  # voxels from one micrograph to the next


@attrs.frozen
class Example:
    """A material made from a seed.

    description  one line
    phases       names of the phases 0..K-1
    generate     (shape, seed) -> (z, y, x) uint8 labels, periodic; both have defaults
    """

    description: str
    phases: tuple[str, ...]
    generate: Callable[..., NDArray[np.uint8]]


EXAMPLES = {
    "porous": Example(
        "separator-like lamellae normal to x, two phases", porous.PHASES, porous.generate
    ),
    "fibres": Example(
        "short round fibres mostly along z, two phases", fibres.PHASES, fibres.generate
    ),
    "electrode": Example(
        "flattened particles, binder and pore, three phases", electrode.PHASES, electrode.generate
    ),
}


@lru_cache(maxsize=1)
def example(name: str) -> tuple[Micrographs, Volume]:
    """Micrographs and true volume of an example; the micrographs are from its half z < Z/2.

    errors  ReconError for an unknown name
    cost    2 to 7 s; the last example stays in memory
    """
    if name not in EXAMPLES:
        raise unknown("example", name, EXAMPLES)
    chosen = EXAMPLES[name]
    volume = Volume(chosen.generate(), VOXEL_SIZE, chosen.phases)
    return cut(volume), volume


def cut(volume: Volume) -> Micrographs:
    """Evenly spaced micrographs of the half z < Z/2 on all three planes.

    The half z >= Z/2 stays unseen, to score against.
    """
    half = volume.labels[: volume.shape[0] // 2]
    planes = {
        "xy": list(half[::XY_STEP]),
        "xz": list(half.transpose(1, 0, 2)[::SIDE_STEP]),
        "yz": list(half.transpose(2, 0, 1)[::SIDE_STEP]),
    }
    return Micrographs(planes, volume.voxel_size, volume.phases)
