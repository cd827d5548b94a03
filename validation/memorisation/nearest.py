"""The nearest training window of a window, over all positions of all slices of a plane, exactly."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

Image = NDArray[np.uint8]
BATCH = 1 << 22  # pixels transformed at once


class Library:
    """Slices of one plane that windows are looked for in; mirrored ones too."""

    def __init__(self, slices: Sequence[Image], phases: int) -> None:
        self.phases = phases
        self.count = len(slices)
        shapes = dict.fromkeys(image.shape for image in slices)
        self._groups = []
        for shape in shapes:
            members = [n for n, image in enumerate(slices) if image.shape == shape]
            encoded = _encode(np.stack([slices[n] for n in members]), phases)
            self._groups.append((shape, members, torch.fft.rfft2(encoded)))

    def find_distances(self, window: Image) -> NDArray[np.float64]:
        """Share of pixels whose phase differs, at the best position in each slice (count,).

        window  (a, b) labels; mirrored along rows, columns and both as well. A slice that is
                smaller than the window has distance 1.

        cost    four inverse real FFTs of every slice: matches are a correlation of each phase
        """
        a, b = window.shape
        nearest = np.ones(self.count)
        mirrored = np.stack([window, window[::-1], window[:, ::-1], window[::-1, ::-1]])
        for shape, members, spectra in self._groups:
            if shape[0] < a or shape[1] < b:
                continue
            wanted = torch.fft.rfft2(_encode(mirrored, self.phases), s=shape).conj()
            step = max(1, BATCH // (4 * shape[0] * shape[1]))
            for first in range(0, len(members), step):
                part = spectra[first : first + step]
                product = torch.einsum("mkab,nkab->mnab", wanted, part)
                correlation = torch.fft.irfft2(product, s=shape)
                best = correlation[..., : shape[0] - a + 1, : shape[1] - b + 1].amax((0, 2, 3))
                equal = np.rint(_count_matches(best.double().numpy(), a * b, self.phases))
                nearest[members[first : first + step]] = 1 - equal / (a * b)
        return nearest


def _encode(labels: Image, phases: int) -> torch.Tensor:
    """(n, C, a, b) numbers whose products count matches: +-1 of two phases, else one for each."""
    if phases == 2:
        return torch.as_tensor(2.0 * labels[:, None] - 1.0, dtype=torch.float32)
    inside = labels[:, None] == np.arange(phases)[None, :, None, None]
    return torch.as_tensor(inside, dtype=torch.float32)


def _count_matches(products: NDArray[np.float64], pixels: int, phases: int) -> NDArray[np.float64]:
    return (products + pixels) / 2 if phases == 2 else products
