"""How often each pattern of 3 x 3 pixels occurs on the planes of micrographs.

Kept for those that occur, for pixels next to each other and for every second pixel: what an
eye, or a classifier, sees of edges and corners and two-point statistics do not tell. Counted for
each orientation of the interface nearby, so that the patterns of a straight edge can be told from
those of a rough one.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import PLANES
from recon.core.errors import ReconError
from recon.plugins.refiners.local_orientation import BINS, CLASSES, classify_orientation

Codes = NDArray[np.int64]

SPACINGS = (1, 2)
"""Pixels from one of a pattern to the next."""
CELLS = 9
COUNT_BITS = 32
"""Of a number that holds a code and its count."""
MAX_PHASES = 4
"""Of more phases there are too many patterns to be counted in a few micrographs."""


@attrs.frozen(eq=False)
class PatternCounts:
    """Patterns that occur, ascending, and how often.

    code   (n,) the phases of the nine pixels, row by row, as digits of a number to the base K, and
           before them the class of `classify_orientation` at the middle one
    count  (n,)
    """

    code: Codes
    count: Codes

    @classmethod
    def of(cls, images: Iterable[NDArray[np.uint8]], phases: int, spacing: int) -> "PatternCounts":
        """Count those of all images."""
        dense = np.zeros(CLASSES * phases**CELLS, np.int64)
        for image in images:
            classes = take_middles(classify_orientation(image[None], phases), spacing)[0]
            codes = encode_patterns(image, phases, spacing) + classes * phases**CELLS
            dense += np.bincount(codes.ravel(), minlength=len(dense))
        code = np.flatnonzero(dense)
        return cls(code, dense[code])

    def share(self, phases: int, angles: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Share (K^9,) of every pattern; zeros where nothing was counted.

        angles  (BINS,) how the interfaces that have an orientation are to be shared among the
                angles; as they were counted when None
        """
        classes, pattern = np.divmod(self.code, phases**CELLS)
        have = np.bincount(classes, self.count, CLASSES)
        factor = np.ones(CLASSES)
        if angles is not None:
            factor[-BINS:] = angles * have[-BINS:].sum() / np.maximum(have[-BINS:], 1)
        shares = np.bincount(pattern, self.count * factor[classes], phases**CELLS)
        return np.asarray(shares / max(shares.sum(), 1))


PlanePatterns = dict[str, tuple[PatternCounts, ...]]
"""Plane -> the patterns of each of SPACINGS."""


def count_patterns(micrographs: Micrographs) -> PlanePatterns:
    """Patterns of every plane; of none when there are more than MAX_PHASES phases."""
    phases = len(micrographs.phases)
    if phases > MAX_PHASES:
        return {}
    return {
        plane: tuple(PatternCounts.of(map(np.asarray, stack), phases, step) for step in SPACINGS)
        for plane, stack in micrographs.planes.items()
    }


def to_arrays(patterns: PlanePatterns) -> dict[str, Codes]:
    """Plane and spacing, such as "xy.1" -> (n,) code and count of each pattern in one number."""
    return {
        f"{plane}.{spacing}": one.code << COUNT_BITS | one.count
        for plane, each in patterns.items()
        for spacing, one in zip(SPACINGS, each, strict=True)
    }


def from_arrays(arrays: Mapping[str, NDArray[Any]], phases: int) -> PlanePatterns:
    """Patterns of all planes from what `to_arrays` gave; of none from no arrays.

    Raises ReconError when an array is missing or cannot be codes, ascending, and their counts.
    """
    if not arrays:
        return {}
    return {
        plane: tuple(_read(f"{plane}.{spacing}", arrays, phases) for spacing in SPACINGS)
        for plane in PLANES
    }


def _read(name: str, arrays: Mapping[str, NDArray[Any]], phases: int) -> PatternCounts:
    array = arrays.get(name)
    if array is not None and array.dtype == np.int64 and array.ndim == 1 and phases <= MAX_PHASES:
        code, count = array >> COUNT_BITS, array & (1 << COUNT_BITS) - 1
        last = CLASSES * phases**CELLS
        if (np.diff(code, prepend=-1, append=last) > 0).all() and (count > 0).all():
            return PatternCounts(code, count)
    raise ReconError(
        f"refiner patterns: {name} in the weights must be ascending codes of patterns with their "
        "counts, int64; fetch or train them again, or leave the refiner out"
    )


def take_middles(values: NDArray[np.uint8], spacing: int) -> NDArray[np.int64]:
    """Values (n, a, b) of the pixels in the middle of a pattern."""
    rows, columns = (max(side - 2 * spacing, 0) for side in values.shape[1:])
    return values[:, spacing : spacing + rows, spacing : spacing + columns].astype(np.int64)


def encode_patterns(image: NDArray[np.uint8], phases: int, spacing: int) -> NDArray[np.int64]:
    """Code of the pattern about every pixel that is 'spacing' or more away from the border."""
    height = max(len(image) - 2 * spacing, 0)
    rows = [image[first : first + height] for first in range(0, 3 * spacing, spacing)]
    return encode_rows(rows, phases, spacing)


def encode_rows(rows: Sequence[NDArray[np.uint8]], phases: int, spacing: int) -> NDArray[np.int64]:
    """Codes of patterns whose three rows of pixels lie in three images, along the last axis."""
    height, width = rows[0].shape
    codes = np.zeros((height, max(width - 2 * spacing, 0)), np.int64)
    for row in rows:
        for first in range(0, 3 * spacing, spacing):
            codes *= phases
            codes += row[:, first : first + codes.shape[1]]
    return codes
