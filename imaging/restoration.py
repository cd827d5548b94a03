"""Phases of blurred grey images: the labels whose blurred picture is the image, with few borders.

A threshold turns the border of a dark and a bright phase, which blur makes grey, into a rim of the
phase between. Here the image is taken for one grey value a phase, blurred by a Gaussian, and
noise; grey values and blur are found with the labels. Of all labels those are sought that leave
the least of the image and have the shortest borders (a Potts model), by changing pairs of
neighbours: iterated conditional modes, Besag, J. R. Stat. Soc. B 48, 259 (1986). The blur found is
that from which the least energy is reached.
"""

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_gradient_magnitude

from recon.imaging.denoise import estimate_noise
from recon.imaging.restoration_sweep import DIAGONAL, sweep

BORDER = 0.8
"""Energy of a border between two pixels, beside half the square of a residual over its variance."""
STARTS = (0.8, 1.3, 2.0)
"""Blurs, in pixels, to start from."""
FACTORS = (0.87, 0.94, 1.0, 1.07, 1.15)
ROUNDS = 5
SWEEPS = 3
LAST_SWEEPS = 10
ENOUGH = 150_000
"""Pixels from which blur and grey values are found."""
QUIETEST = 1 / 40
"""Of the smallest difference of two phases: noise below is taken for so much."""

Floats = NDArray[np.float64]
Labels = NDArray[np.uint8]


@attrs.frozen(eq=False)
class Picture:
    """What the images are taken for: grey values of the phases, blur in pixels, noise."""

    means: Floats
    blur: float
    noise: float


def restore(
    images: Sequence[NDArray[Any]],
    thresholds: Sequence[float],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[list[Labels], Picture]:
    """Labels of images of one kind, phases in ascending order of grey, and what was found.

    thresholds  that tell the phases roughly apart, such as Otsu's
    progress    hears how many images are done, and of how many
    cost        some 5 s to find blur and grey values, then about 5 s a million pixels
    """
    progress(0, len(images))
    model = _find(_take_parts(images), thresholds)
    order = np.argsort(model.means)
    model = attrs.evolve(model, means=model.means[order])
    labels = []
    for number, image in enumerate(images):
        grey = image.astype(np.float64)
        own = _nearest(grey, model.means)
        _improve(grey, own, model, LAST_SWEEPS)
        labels.append(own)
        progress(number + 1, len(images))
    return labels, model


def _take_parts(images: Sequence[NDArray[Any]]) -> list[Floats]:
    """Middle parts of images spread over all of them: enough pixels to find the blur from."""
    chosen = [images[k] for k in np.unique(np.linspace(0, len(images) - 1, 4).astype(int))]
    side = max(32, int((ENOUGH / len(chosen)) ** 0.5))
    parts = []
    for image in chosen:
        places = tuple(slice((n - min(n, side)) // 2, (n + min(n, side)) // 2) for n in image.shape)
        parts.append(image[places].astype(np.float64))
    return parts


def _find(images: list[Floats], thresholds: Sequence[float]) -> Picture:
    """Grey values and blur: of several starts the one of the least energy."""
    means = _find_certain_means(images, thresholds)
    quietest = QUIETEST * float(np.diff(means).min())
    noise = max(float(np.mean([estimate_noise(image) for image in images])), quietest)
    ends = [_alternate(images, Picture(means, blur, noise)) for blur in STARTS]
    return min(ends, key=lambda end: end[0])[1]


def _find_certain_means(images: list[Floats], thresholds: Sequence[float]) -> Floats:
    """Median grey of each phase where the image is flattest."""
    values: list[list[Floats]] = [[] for _ in range(len(thresholds) + 1)]
    for image in images:
        slope, smooth = gaussian_gradient_magnitude(image, 1.0), gaussian_filter(image, 0.7)
        phases = np.searchsorted(thresholds, smooth, side="right")
        for k, some in enumerate(values):
            inside = phases == k
            if inside.any():
                some.append(smooth[inside & (slope <= np.quantile(slope[inside], 0.25))])
    edges = [min(i.min() for i in images), *thresholds, max(i.max() for i in images)]
    middles = [(a + b) / 2 for a, b in zip(edges, edges[1:], strict=False)]
    return np.array(
        [np.median(np.concatenate(some)) if some else middle
         for some, middle in zip(values, middles, strict=True)]
    )  # fmt: skip


def _alternate(images: list[Floats], start: Picture) -> tuple[float, Picture]:
    """Labels for the picture and the picture for the labels, in turn; the energy at the end."""
    model = start
    labels = [_nearest(image, model.means) for image in images]
    for number in range(ROUNDS):
        # At first as if there were more noise: borders move more freely.
        loose = attrs.evolve(model, noise=model.noise * (2 if number == 0 else 1))
        for image, own in zip(images, labels, strict=True):
            _improve(image, own, loose, SWEEPS)
        blurs = [model.blur * factor for factor in FACTORS]
        fits = [(*_fit(images, labels, model.means, blur), blur) for blur in blurs]
        _, means, blur = min(fits, key=lambda fit: fit[0])
        model = attrs.evolve(model, means=means, blur=blur)
    left, _ = _fit(images, labels, model.means, model.blur)
    energy = left / (2 * model.noise**2) + BORDER * sum(map(_measure_borders, labels))
    return energy, model


def _fit(
    images: list[Floats], labels: list[Labels], means: Floats, blur: float
) -> tuple[float, Floats]:
    """The sum of squares that the best grey values leave, and these; absent phases keep theirs."""
    count = len(means)
    matrix, right, total = 1e-6 * np.eye(count), 1e-6 * means, 0.0
    for image, own in zip(images, labels, strict=True):
        shares = np.stack(
            [gaussian_filter((own == k).astype(np.float64), blur).ravel() for k in range(count)]
        )
        matrix = matrix + shares @ shares.T
        right = right + shares @ image.ravel()
        total += float((image**2).sum())
    best = np.asarray(np.linalg.solve(matrix, right), np.float64)
    return total - float(2 * best @ right - best @ matrix @ best), best


def _improve(image: Floats, labels: Labels, picture: Picture, sweeps: int) -> None:
    """Change labels until few change any more."""
    overlap = _make_overlap(picture.blur)
    for _ in range(sweeps):
        left = image - gaussian_filter(picture.means[labels], picture.blur)
        pull = gaussian_filter(left, picture.blur)
        changed = sweep(labels, picture.means, pull, overlap, picture.noise**2, BORDER)
        if changed < 2e-4 * labels.size:
            break


def _make_overlap(blur: float) -> Floats:
    """The blur applied twice to a single pixel."""
    radius = int(np.ceil(4 * blur))
    point = np.zeros((4 * radius + 1,) * 2)
    point[2 * radius, 2 * radius] = 1
    return np.asarray(gaussian_filter(gaussian_filter(point, blur), blur))


def _nearest(image: Floats, means: Floats) -> Labels:
    return np.asarray(np.abs(image[..., None] - means).argmin(-1), np.uint8)


def _measure_borders(labels: Labels) -> float:
    """Pairs of neighbours of two phases, those across corners by their weight."""
    straight = (labels[1:] != labels[:-1]).sum() + (labels[:, 1:] != labels[:, :-1]).sum()
    turned = (labels[1:, 1:] != labels[:-1, :-1]).sum() + (labels[1:, :-1] != labels[:-1, 1:]).sum()
    return float(straight + DIAGONAL * turned)
