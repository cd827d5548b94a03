"""How often each pattern of 3 x 3 pixels occurs on the planes of micrographs.

Kept of the patterns that occur, for pixels next to each other and for every second pixel: what an
eye, or a classifier, sees of edges and corners and two-point statistics do not tell.
"""

from collections.abc import Iterable

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.micrographs import Micrographs

SPACINGS = (1, 2)
"""Pixels from one of a pattern to the next."""
CELLS = 9
MAX_PHASES = 4
"""Of more phases there are too many patterns to be counted in a few micrographs."""


@attrs.frozen(eq=False)
class Counted:
    """Patterns that occur, ascending, and how often.

    code   (n,) the phases of the nine pixels, row by row, as digits of a number to the base K
    count  (n,)
    """

    code: NDArray[np.int64]
    count: NDArray[np.int64]

    @classmethod
    def of(cls, images: Iterable[NDArray[np.uint8]], phases: int, spacing: int) -> "Counted":
        """Count those of all images."""
        dense = np.zeros(phases**CELLS, np.int64)
        for image in images:
            dense += np.bincount(codes(image, phases, spacing).ravel(), minlength=len(dense))
        code = np.flatnonzero(dense)
        return cls(code, dense[code])

    def dense(self, phases: int) -> NDArray[np.float64]:
        """Share (K^9,) of every pattern; zeros where nothing was counted."""
        shares = np.zeros(phases**CELLS)
        shares[self.code] = self.count / max(self.count.sum(), 1)
        return shares


Patterns = dict[str, tuple[Counted, ...]]
"""Plane -> the patterns of each of SPACINGS."""


def patterns_of(micrographs: Micrographs) -> Patterns | None:
    """Patterns of every plane; None of more than MAX_PHASES phases."""
    phases = len(micrographs.phases)
    if phases > MAX_PHASES:
        return None
    return {
        plane: tuple(Counted.of(map(np.asarray, stack), phases, step) for step in SPACINGS)
        for plane, stack in micrographs.planes.items()
    }


def codes(image: NDArray[np.uint8], phases: int, spacing: int) -> NDArray[np.int64]:
    """Code of the pattern about every pixel that is 'spacing' or more away from the border."""
    rows, columns = (max(side - 2 * spacing, 0) for side in image.shape)
    found = np.zeros((rows, columns), np.int64)
    for row in range(0, 3 * spacing, spacing):
        for column in range(0, 3 * spacing, spacing):
            found *= phases
            found += image[row : row + rows, column : column + columns]
    return found
