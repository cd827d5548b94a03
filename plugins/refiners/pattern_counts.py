"""How often each pattern of 3 x 3 pixels occurs on the planes of micrographs.

Kept for those that occur, for pixels next to each other and for every second pixel: what an
eye, or a classifier, sees of edges and corners and two-point statistics do not tell.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import PLANES
from recon.core.errors import ReconError

SPACINGS = (1, 2)
"""Pixels from one of a pattern to the next."""
CELLS = 9
MAX_PHASES = 4
"""Of more phases there are too many patterns to be counted in a few micrographs."""


@attrs.frozen(eq=False)
class PatternCounts:
    """Patterns that occur, ascending, and how often.

    code   (n,) the phases of the nine pixels, row by row, as digits of a number to the base K
    count  (n,)
    """

    code: NDArray[np.int64]
    count: NDArray[np.int64]

    @classmethod
    def of(cls, images: Iterable[NDArray[np.uint8]], phases: int, spacing: int) -> "PatternCounts":
        """Count those of all images."""
        dense = np.zeros(phases**CELLS, np.int64)
        for image in images:
            dense += np.bincount(
                encode_patterns(image, phases, spacing).ravel(), minlength=len(dense)
            )
        code = np.flatnonzero(dense)
        return cls(code, dense[code])

    def dense(self, phases: int) -> NDArray[np.float64]:
        """Share (K^9,) of every pattern; zeros where nothing was counted."""
        shares = np.zeros(phases**CELLS)
        shares[self.code] = self.count / max(self.count.sum(), 1)
        return shares


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


def to_arrays(patterns: PlanePatterns) -> dict[str, NDArray[np.int64]]:
    """Plane and spacing, such as "xy.1" -> codes and counts (2, n)."""
    return {
        f"{plane}.{spacing}": np.stack([one.code, one.count])
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
    right = array is not None and array.dtype == np.int64 and array.ndim == 2 and len(array) == 2
    right = right and phases <= MAX_PHASES
    if array is not None and right and array.shape[1] > 0:
        code, count = array
        right = bool((np.diff(code) > 0).all() and code[0] >= 0 and code[-1] < phases**CELLS)
        right = right and bool((count > 0).all() and count.max() < 2**53 // len(count))
    if array is None or not right:
        raise ReconError(
            f"refiner patterns: {name} in the weights must be ascending codes of patterns and "
            "their counts, int64; fetch or train them again, or leave the refiner out"
        )
    return PatternCounts(*array)


def encode_patterns(image: NDArray[np.uint8], phases: int, spacing: int) -> NDArray[np.int64]:
    """Code of the pattern about every pixel that is 'spacing' or more away from the border."""
    rows, columns = (max(side - 2 * spacing, 0) for side in image.shape)
    codes = np.zeros((rows, columns), np.int64)
    for row in range(0, 3 * spacing, spacing):
        for column in range(0, 3 * spacing, spacing):
            codes *= phases
            codes += image[row : row + rows, column : column + columns]
    return codes
