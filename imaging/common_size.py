"""One voxel size for images of all planes: stated, asked for, or the coarsest of theirs."""

from math import isclose

import attrs

from recon.core.data.planes import AXES, in_plane
from recon.core.data.units import format_length, format_voxel_size
from recon.core.errors import ReconError
from recon.imaging.picture import Picture, Pictures, list_names

VoxelSize = tuple[float, float, float]
UNKNOWN: VoxelSize = (1.0, 1.0, 1.0)
SAME = 1e-3
"""Relative difference of lengths that are meant to be equal."""
LARGE = 1e-3  # metres; a longer voxel is rather a forgotten unit


def resolve_voxel_size(
    pictures: Pictures, wanted: VoxelSize | None, given: bool
) -> tuple[VoxelSize, list[str]]:
    """The voxel size (z, y, x) in metres of what is to be made, and notices that say why.

    wanted  the size asked for
    given   whether pixel sizes were given by hand rather than read from the files

    Without `wanted`: what the planes state where they agree along every axis (an axis that no
    plane shows gets the length of the others); else cubes of the coarsest length stated. Images
    that state nothing are taken to have the size. Raises ReconError where that cannot be.
    """
    known = [
        _SizedPicture(plane, p) for plane, stack in pictures.items() for p in stack if p.pixel_size
    ]
    silent = {plane: [p for p in stack if not p.pixel_size] for plane, stack in pictures.items()}
    if wanted is not None:
        if max(wanted) > LARGE and wanted != UNKNOWN:
            text = format_voxel_size(wanted)
            return wanted, [f"voxel size is {text}; is the unit missing (0.4um)?"]
        return wanted, []
    if not known:
        return UNKNOWN, [
            'no file states its pixel size, so lengths are in voxels; give voxel_size="0.4um"'
        ]
    notices = []
    clash = _find_disagreement(known)
    if any(silent.values()):
        if clash:
            raise ReconError(
                f"pixel size of {list_names(silent)} is unknown while others differ ({clash}); "
                'give pixel_size={"PLANE": "LENGTH"}'
            )
        notices.append(
            f"pixel size of {list_names(silent)} is taken to be that of the other images"
        )
    source = "is that of pixel_size=" if given else "is taken from the files"
    if clash is None:
        size = _combine_axes(known)
        return size, [f"voxel size {format_voxel_size(size)} (z,y,x) {source}", *notices]
    coarsest = max(length for seen in known for length in seen.lengths)
    return (coarsest,) * 3, [
        f"{clash}, so voxels are {format_length(coarsest)}, the coarsest of them; "
        "voxel_size= chooses another size"
    ]


@attrs.frozen(eq=False)
class _SizedPicture:
    """An image of a plane whose pixel size is known."""

    plane: str
    picture: Picture

    @property
    def lengths(self) -> tuple[float, float]:
        rows, columns = self.picture.pixel_size or (1.0, 1.0)
        return rows, columns


def _find_disagreement(known: list[_SizedPicture]) -> str | None:
    """Two images that differ in their pixel size along an axis, in words."""
    first: dict[int, tuple[float, str]] = {}
    for seen in known:
        for axis, length in zip(in_plane(seen.plane), seen.lengths, strict=True):
            before, name = first.setdefault(axis, (length, seen.picture.name))
            if not isclose(before, length, rel_tol=SAME):
                return (
                    f"{name} and {seen.picture.name} differ in their pixel size along "
                    f"{AXES[axis]}: {format_length(before)} and {format_length(length)}"
                )
    return None


def _combine_axes(known: list[_SizedPicture]) -> VoxelSize:
    stated: dict[int, float] = {}
    for seen in known:
        for axis, length in zip(in_plane(seen.plane), seen.lengths, strict=True):
            stated.setdefault(axis, length)
    lengths = list(stated.values())
    if len(lengths) < 3 and not isclose(min(lengths), max(lengths), rel_tol=SAME):
        raise ReconError(
            "pixels are not square and no file states the third length of a voxel; "
            "give voxel_size=(z, y, x), or one length to resample to"
        )
    z, y, x = (stated.get(axis, lengths[0]) for axis in range(3))
    return z, y, x
