"""Statistics of micrographs that every weights file carries."""

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from recon.core.data.encoding import count_channels, encode
from recon.core.data.micrographs import Micrographs

MAX_LAG = 48
Arrays = Mapping[str, NDArray[Any]]


@attrs.frozen(eq=False)
class Statistics:
    """Phase fractions and autocovariance of the encoded field on each plane, and what plugins need.

    fractions   (K,) share of each phase
    mean        (C,) mean of the encoded field
    covariance  plane -> (C, 2 la + 1, 2 lb + 1), lag (0, 0) in the middle, of the encoded field
                over the pairs of pixels that fit; the lags keep their signs, so that a tilted
                texture keeps its tilt
    arrays      kind and name of a plugin, such as "refiner.patterns" -> what it measured, by name
    """

    fractions: NDArray[np.float64]
    mean: NDArray[np.float64]
    covariance: dict[str, NDArray[np.float64]]
    arrays: Mapping[str, Arrays] = attrs.field(factory=dict)

    @classmethod
    def of(
        cls,
        micrographs: Micrographs,
        max_lag: int = MAX_LAG,
        arrays: Mapping[str, Arrays] | None = None,
    ) -> "Statistics":
        """Measure; lags up to max_lag or half the shortest slice, whichever is less."""
        fractions = micrographs.fractions()
        mean = 2.0 * fractions[1:] - 1.0 if len(fractions) == 2 else 2.0 * fractions - 1.0
        phases = len(micrographs.phases)
        covariance = {
            plane: autocovariance(stack, phases, max_lag)
            for plane, stack in micrographs.planes.items()
        }
        return cls(fractions, mean, covariance, arrays or {})

    def arrays_of(self, plugin: Any) -> Arrays:
        """What a plugin measured on the micrographs; nothing where there were none."""
        return self.arrays.get(f"{plugin.kind}.{plugin.name}", {})


def autocovariance(
    stack: tuple[NDArray[np.uint8], ...], phases: int, max_lag: int
) -> NDArray[np.float64]:
    """Autocovariance (C, 2 la + 1, 2 lb + 1) of the encoded slices of one plane.

    The products are pooled over all slices and the pairs that fit, about the pooled mean.
    """
    import torch

    la, lb = (min(max_lag, min(side) // 2) for side in zip(*(i.shape for i in stack), strict=True))
    fields = [encode(torch.as_tensor(np.array(i)), phases).double().numpy() for i in stack]
    pixels = sum(image.size for image in stack)
    mean = sum(field.sum((1, 2)) for field in fields) / pixels
    products = np.zeros((count_channels(phases), 2 * la + 1, 2 * lb + 1))
    pairs = np.zeros((2 * la + 1, 2 * lb + 1))
    for field in fields:
        products += lagged_products(field - mean[:, None, None], la, lb)
        pairs += overlap(field.shape[1], la)[:, None] * overlap(field.shape[2], lb)
    return products / pairs


def lagged_products(field: NDArray[np.float64], la: int, lb: int) -> NDArray[np.float64]:
    """Sums of f(p) f(p + r) over the pairs that fit, r in [-la, la] x [-lb, lb] (padded FFT)."""
    a, b = field.shape[1:]
    shape = [scipy.fft.next_fast_len(a + la, True), scipy.fft.next_fast_len(b + lb, True)]
    spectrum = np.abs(scipy.fft.rfft2(field, shape)) ** 2
    full = scipy.fft.irfft2(spectrum, shape)
    return np.asarray(full[:, np.arange(-la, la + 1)][:, :, np.arange(-lb, lb + 1)])


def overlap(side: int, max_lag: int) -> NDArray[np.int64]:
    """How many pairs along a line of `side` pixels have lag -max_lag .. max_lag."""
    return side - np.abs(np.arange(-max_lag, max_lag + 1))
