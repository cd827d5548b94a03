"""Numbers of patterns and pairs that hold a voxel of some planes of a volume."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from recon.plugins.refiners.annealing import Labels, Stack, Sums
from recon.plugins.refiners.pattern_counts import encode_patterns, encode_rows


def count(stack: Stack, sums: Sums) -> None:
    """Add the patterns and pairs that hold a voxel of the stack's planes."""
    phases = sums.pairs.shape[-1]
    for s, spacing in enumerate(stack.spacings):
        for plane in range(3):
            for codes in _encode_plane(stack, plane, int(spacing), phases):
                counts = np.bincount(codes.ravel(), minlength=sums.patterns.shape[-1])
                sums.patterns[plane, s] += counts
    for axis in range(3):
        for here, there in _pair_planes(stack, axis):
            codes = here.astype(np.int64).ravel() * phases + there.ravel()
            counts = np.bincount(codes, minlength=phases**2).reshape(phases, phases)
            sums.pairs[axis] += counts + counts.T


def _encode_plane(
    stack: Stack, plane: int, spacing: int, phases: int
) -> Iterator[NDArray[np.int64]]:
    """Codes of the patterns of a plane, of one plane of voxels in their middle after the other."""
    labels, low, high, wrap, _ = stack
    if plane == 0:
        for z in range(low, high):
            image = _extend(_extend(labels[z], 0, spacing, wrap[1]), 1, spacing, wrap[2])
            yield encode_patterns(image, phases, spacing)
        return
    reach = 0 if high - low == len(labels) else spacing
    for z in range(low - reach, high + reach):
        places = [_wrap_index(z + step, len(labels), wrap[0]) for step in (-spacing, 0, spacing)]
        if min(places) >= 0 and (0 <= z < len(labels) or wrap[0]):
            rows = [labels[place] if plane == 1 else labels[place].T for place in places]
            along = wrap[2 if plane == 1 else 1]
            yield encode_rows([_extend(row, 1, spacing, along) for row in rows], phases, spacing)


def _extend(image: Labels, axis: int, by: int, wrap: bool) -> Labels:
    """An image continued on both sides of an axis that is periodic."""
    places = np.arange(-by, image.shape[axis] + by) % image.shape[axis]
    return image.take(places, axis) if wrap else image


def _pair_planes(stack: Stack, axis: int) -> Iterator[tuple[Labels, Labels]]:
    """Voxels of the stack's planes and their neighbours along an axis, each pair once."""
    labels, low, high, wrap, _ = stack
    for z in range(low, high):
        if axis == 0:
            above = _wrap_index(z + 1, len(labels), wrap[0])
            if above >= 0:
                yield labels[z], labels[above]
        else:
            image = labels[z] if axis == 1 else labels[z].T
            yield image[:-1], image[1:]
            if wrap[axis]:
                yield image[-1:], image[:1]
    below = _wrap_index(low - 1, len(labels), wrap[0])
    if axis == 0 and below >= 0 and not low <= below < high:
        yield labels[low], labels[below]


def _wrap_index(at: int, side: int, wrap: bool) -> int:
    """The index, wrapped where the axis is periodic, or -1 outside."""
    return at % side if wrap or 0 <= at < side else -1
