"""Filters that take noise off grey images before they are segmented."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from recon.core.errors import unknown

SPECKLED = 0.01
"""Share of lone pixels from which noise is worth a notice; real labels have at most 0.005."""

Image = NDArray[Any]
Filter = Callable[[Image], Image]


def _median(image: Image) -> Image:
    filtered: Image = median_filter(image, 3, mode="reflect")
    return filtered


def _nlm(image: Image) -> Image:
    from skimage.restoration import denoise_nl_means  # takes a second to load

    filtered: Image = denoise_nl_means(
        image, patch_size=5, patch_distance=6, h=0.6, sigma=1.0, fast_mode=True
    )
    return filtered


def _tv(image: Image) -> Image:
    from skimage.restoration import denoise_tv_chambolle

    filtered: Image = denoise_tv_chambolle(image, weight=0.7)
    return filtered


FILTERS: dict[str, tuple[Filter, str]] = {
    "median": (_median, "median of 3 x 3 pixels"),
    "nlm": (_nlm, "non-local means, patches of 5 x 5 pixels, strength 0.6 of the noise"),
    "tv": (_tv, "total variation, weight 0.7 of the noise"),
}
"""Name -> the filter of an image whose noise has the standard deviation 1, and its strength.

The strengths are those that gave back most labels of a three-phase anode, an NMC cathode and a
battery separator, rendered with a blur of 0.7 pixels and noise of 9 to 26 % of the grey range.
"""


def denoise(image: Image, name: str) -> tuple[Image, float]:
    """The filtered image (a, b) in its own units, float32, and the noise found in it."""
    if name not in FILTERS:
        raise unknown("filter", name, FILTERS)
    noise = estimate_noise(image)
    grey = image.astype(np.float32)
    if name == "median":
        return _median(grey), noise
    if noise == 0:  # nothing to measure the strength by, and nothing to do
        return grey, noise
    return (FILTERS[name][0](grey / np.float32(noise)) * noise).astype(np.float32), noise


def estimate_noise(image: Image) -> float:
    """Standard deviation of white noise: median of the finest diagonal details (Donoho 1994)."""
    a, b = (side // 2 * 2 for side in image.shape)
    block = image[:a, :b].astype(np.float64)
    detail = block[::2, ::2] - block[1::2, ::2] - block[::2, 1::2] + block[1::2, 1::2]
    return float(np.median(np.abs(detail)) / 2 / 0.6745) if detail.size else 0.0


def measure_specks(labels: NDArray[np.uint8]) -> float:
    """Share of the pixels that differ from all four neighbours: mostly noise."""
    inner = labels[1:-1, 1:-1]
    alone = np.ones(inner.shape, bool)
    for other in (labels[:-2, 1:-1], labels[2:, 1:-1], labels[1:-1, :-2], labels[1:-1, 2:]):
        alone &= inner != other
    return float(alone.mean()) if alone.size else 0.0
