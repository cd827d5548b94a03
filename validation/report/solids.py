"""The phases of the volume, and of the reference when it is one, as pictures for the page."""

from collections.abc import Sequence

import attrs
import numpy as np

from recon.core.data.colours import pick_colours
from recon.core.data.micrographs import Micrographs
from recon.core.data.volume import Volume
from recon.validation.report.solid import SIDE, encode_png, picture_phase
from recon.validation.report.tiles import encode_uri

MOST = 8  # phases pictured


@attrs.frozen
class Solid:
    """One picture: of which phase, and of what ("" when there is only the volume)."""

    phase: int
    of: str
    source: str
    side: int
    alt: str


def picture_solids(
    volumes: Sequence[Volume], reference: Volume | Micrographs | None
) -> list[Solid]:
    """Every phase of the first volume, beside a part of a reference volume of its size."""
    volume = volumes[0]
    shown = [("volume", volume)]
    if isinstance(reference, Volume):
        shown.append(("reference", _crop_middle(reference, volume.shape)))
    made = []
    for k in range(min(len(volume.phases), MOST)):
        for of, material in shown:
            share = float((material.labels == k).mean())
            if share == 0:
                continue
            image = encode_png(picture_phase(material, k, pick_colours(len(volume.phases))[k]))
            name = f"Phase {volume.phases[k]} of the {of} in three dimensions, {share:.0%} of it"
            source = encode_uri("image/png", image)
            made.append(Solid(k, of if len(shown) > 1 else "", source, SIDE, name))
    return made


def _crop_middle(reference: Volume, shape: tuple[int, int, int]) -> Volume:
    starts = [max(0, n - w) // 2 for n, w in zip(reference.shape, shape, strict=True)]
    box = tuple(slice(a, a + w) for a, w in zip(starts, shape, strict=True))
    return Volume(np.asarray(reference.labels[box]), reference.voxel_size, reference.phases)
