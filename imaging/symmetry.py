"""Planes that the symmetry of a material makes equal, so that one micrograph serves for several."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from recon.core.data.planes import AXES, NORMAL, PLANES, in_plane
from recon.core.errors import ReconError

Stacks = dict[str, list[NDArray[np.uint8]]]


def repeat_plane(
    planes: Mapping[str, Sequence[NDArray[np.uint8]]], voxel_size: tuple[float, float, float]
) -> Stacks:
    """The slices of the one plane given, for all three planes."""
    if len(planes) != 1:
        raise ReconError(f"isotropic=True needs exactly one plane, got {', '.join(planes)}")
    _check_equal(voxel_size, AXES, "isotropic=True")
    (stack,) = planes.values()
    return {plane: list(stack) for plane in PLANES}


def turn_plane(
    planes: Mapping[str, Sequence[NDArray[np.uint8]]],
    axis: str,
    voxel_size: tuple[float, float, float],
) -> Stacks:
    """The missing plane of a material that looks the same from all sides around an axis.

    Given are the plane normal to the axis and one of the two that contain it; its slices serve
    for the other, transposed where the axis runs along rows in one and along columns in the other.
    """
    normal = next(plane for plane in PLANES if AXES[NORMAL[plane]] == axis)
    containing = [plane for plane in PLANES if plane != normal]
    given = [plane for plane in containing if plane in planes]
    if normal not in planes or len(given) != 1:
        raise ReconError(
            f'transverse="{axis}" needs the plane {normal} and one of {" and ".join(containing)}, '
            f"got {', '.join(planes)}"
        )
    _check_equal(voxel_size, [other for other in AXES if other != axis], f'transverse="{axis}"')
    (missing,) = (plane for plane in containing if plane not in planes)
    number = AXES.index(axis)
    turn = in_plane(given[0]).index(number) != in_plane(missing).index(number)
    stacks = {plane: list(stack) for plane, stack in planes.items()}
    stacks[missing] = [image.T if turn else image for image in stacks[given[0]]]
    return stacks


def _check_equal(size: tuple[float, float, float], axes: Sequence[str], option: str) -> None:
    lengths = [size[AXES.index(axis)] for axis in axes]
    if not np.allclose(lengths, lengths[0], rtol=1e-3, atol=0):
        raise ReconError(
            f"{option} needs voxels of the same length along {', '.join(axes)}, got "
            f"{', '.join(f'{length:g}' for length in lengths)} m; one voxel_size= resamples "
            "the images"
        )
