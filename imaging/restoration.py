"""Phases of blurred grey images: labels whose blurred picture is the image, as borders usually are.

A threshold turns the border of a dark and a bright phase, which blur makes grey, into a rim of the
phase between. Here the image is taken for one grey value a phase, blurred by a Gaussian, and
noise. Borders are taken for those of a Potts model with an energy for each pair of phases.

Grey values and blur are found first, with the labels of the least energy under equal borders
(iterated conditional modes, Besag, J. R. Stat. Soc. B 48, 259 (1986)), from several blurs. Then
labels are drawn from their distribution given the image, and energies of borders estimated from
the labels drawn, in turn (stochastic expectation maximization, Celeux & Diebolt, Comput. Stat. Q.
2, 73 (1985)). The labels of the least energy would do worse: of what the image leaves open they
always take the same side.

It starts from energies under which layers between two phases stay: where the image does not tell,
too many layers go more readily than lost ones return. A flat layer of two pixels and a ragged
border without one have nearly the same picture under a blur of two pixels. So from about there on,
or less with more noise, it may stop short of the truth.
"""

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d, gaussian_gradient_magnitude

from recon.imaging.border_energies import Energies, estimate_borders, guess_borders
from recon.imaging.denoise import estimate_noise
from recon.imaging.restoration_sweep import DIAGONAL, sweep

BORDER = 0.8
"""Energy of every border while grey values and blur are sought, beside half the square of a
residual over its variance."""
STARTS = (0.8, 1.3, 2.0)
"""Blurs, in pixels, to start from."""
FACTORS = (0.87, 0.94, 1.0, 1.07, 1.15)
TURNS = 5
SWEEPS = 3
SETTLING = 4
"""Sweeps with the first energies of borders."""
ROUNDS = 48
"""Most sweeps in which energies of borders are learned, these among them."""
STILL = 12
CHANGE = 0.002
"""Learning ends when no phase fraction has changed by so much in so many rounds."""
DRAWS = 20
"""Sweeps of a whole image, with energies as they were while they were learned."""
STEP = 0.03
"""Blurs that are compared in a round differ by this share."""
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
    borders: tuple[Energies, ...] = ()
    """Energies of borders, (K, K), by which labels are drawn: one for each sweep."""


def restore(
    images: Sequence[NDArray[Any]],
    thresholds: Sequence[float],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[list[Labels], Picture]:
    """Labels of images of one kind, phases in ascending order of grey, and what was found.

    thresholds  that tell the phases roughly apart, such as Otsu's
    progress    hears how many images are done, and of how many
    cost        some 5 s to find blur, grey values and borders, then about 5 s a million pixels
    """
    progress(0, len(images))
    parts = _take_parts(images)
    model = _learn_borders(parts, _find(parts, thresholds))
    labels = []
    for number, image in enumerate(images):
        labels.append(_draw_labels(image.astype(np.float64), model, number))
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
    best = min(ends, key=lambda end: end[0])[1]
    return attrs.evolve(best, means=np.sort(best.means))


def _learn_borders(images: list[Floats], model: Picture) -> Picture:
    """Energies of borders from labels that they make likely, grey values and blur with them."""
    energies = guess_borders(len(model.means))
    labels = [_nearest(image, model.means) for image in images]
    chances = [np.random.default_rng(number) for number in range(len(images))]
    used, fractions = [energies], [_measure_fractions(labels, len(energies))]
    for number in range(ROUNDS):
        for image, own, chance in zip(images, labels, chances, strict=True):
            _sweep(image, own, model, energies, chance.random((2, *own.shape)))
        if number + 1 >= SETTLING:
            energies = estimate_borders(labels, energies)
            model = _follow(images, labels, model)
        used.append(energies)
        fractions.append(_measure_fractions(labels, len(energies)))
        if number >= 2 * STILL and np.ptp(fractions[-STILL:], axis=0).max() < CHANGE:
            break
    chosen = np.linspace(0, len(used) - 1, DRAWS).round().astype(int)
    return attrs.evolve(model, borders=tuple(used[k] for k in chosen))


def _draw_labels(image: Floats, model: Picture, seed: int) -> Labels:
    """Labels of an image, drawn as those were from which the borders were learned."""
    labels = _nearest(image, model.means)
    chance = np.random.default_rng(seed)
    places = _overlap(image, model)
    for number, energies in enumerate(model.borders):
        if number < SETTLING or number % SETTLING == 0:  # afterwards few labels change
            pull = _find_pull(image, labels, model)
        draws = chance.random((2, *labels.shape))
        sweep(labels, model.means, pull, *places, model.noise**2, energies, draws)
    return labels


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
    for number in range(TURNS):
        # At first as if there were more noise: borders move more freely.
        loose = attrs.evolve(model, noise=model.noise * (2 if number == 0 else 1))
        for image, own in zip(images, labels, strict=True):
            _improve(image, own, loose)
        blurs = [model.blur * factor for factor in FACTORS]
        fits = [(*_fit(images, labels, model.means, blur), blur) for blur in blurs]
        _, means, blur = min(fits, key=lambda fit: fit[0])
        model = attrs.evolve(model, means=means, blur=blur)
    left, _ = _fit(images, labels, model.means, model.blur)
    energy = left / (2 * model.noise**2) + BORDER * sum(map(_measure_borders, labels))
    return energy, model


def _follow(images: list[Floats], labels: list[Labels], model: Picture) -> Picture:
    """A step to the blur, grey values and noise of labels that were drawn."""
    left = [_fit(images, labels, model.means, model.blur * f)[0] for f in (1 - STEP, 1, 1 + STEP)]
    curvature = left[0] - 2 * left[1] + left[2]
    shift = (left[0] - left[2]) / (2 * curvature) if curvature > 0 else 0.0
    blur = model.blur * (1 + STEP * float(np.clip(shift, -1, 1)))
    least, means = _fit(images, labels, model.means, blur)
    quietest = QUIETEST * float(np.diff(np.sort(means)).min())
    noise = max(0.0, least / sum(image.size for image in images)) ** 0.5
    return Picture(np.sort(means), blur, max(noise, quietest))


def _fit(
    images: list[Floats], labels: list[Labels], means: Floats, blur: float
) -> tuple[float, Floats]:
    """The sum of squares that the best grey values leave, and these; absent phases keep theirs."""
    count = len(means)
    matrix, right, total = 1e-6 * np.eye(count), 1e-6 * means, 0.0
    for image, own in zip(images, labels, strict=True):
        some = [gaussian_filter((own == k).astype(np.float64), blur) for k in range(count - 1)]
        shares = np.stack([*some, 1 - sum(some)]).reshape(count, -1)  # they add up to 1
        matrix = matrix + shares @ shares.T
        right = right + shares @ image.ravel()
        total += float((image**2).sum())
    best = np.asarray(np.linalg.solve(matrix, right), np.float64)
    return total - float(2 * best @ right - best @ matrix @ best), best


def _improve(image: Floats, labels: Labels, picture: Picture) -> None:
    """Change labels to those of less energy until few change any more."""
    count = len(picture.means)
    equal = BORDER * (1 - np.eye(count))
    for _ in range(SWEEPS):
        if _sweep(image, labels, picture, equal, np.empty((2, 0, 0))) < 2e-4 * labels.size:
            break


def _sweep(
    image: Floats, labels: Labels, picture: Picture, borders: Energies, draws: Floats
) -> int:
    pull, places = _find_pull(image, labels, picture), _overlap(image, picture)
    return int(sweep(labels, picture.means, pull, *places, picture.noise**2, borders, draws))


def _find_pull(image: Floats, labels: Labels, picture: Picture) -> Floats:
    """The blur applied to what the blurred labels leave of the image."""
    left = image - gaussian_filter(picture.means[labels], picture.blur)
    return np.asarray(gaussian_filter(left, picture.blur), np.float64)


def _overlap(image: Floats, picture: Picture) -> tuple[Floats, Floats]:
    rows, columns = (_make_overlap(length, picture.blur) for length in image.shape)
    return rows, columns


def _make_overlap(length: int, blur: float) -> Floats:
    """(length, 2 R + 1) the blur applied twice to a point at each place, reflected at the ends."""
    radius = int(np.ceil(4.5 * blur))
    end = 2 * int(4 * blur + 1) + radius
    side = min(length, 2 * end + 1)
    once = gaussian_filter1d(np.eye(side), blur, axis=0)
    twice = np.pad(once.T @ once, ((0, 0), (radius, radius)))
    bands = np.stack([twice[i, i : i + 2 * radius + 1] for i in range(side)])
    return np.repeat(bands, [length - side + 1 if i == side // 2 else 1 for i in range(side)], 0)


def _nearest(image: Floats, means: Floats) -> Labels:
    return np.asarray(np.abs(image[..., None] - means).argmin(-1), np.uint8)


def _measure_fractions(labels: list[Labels], count: int) -> Floats:
    counts = np.sum([np.bincount(own.ravel(), minlength=count) for own in labels], axis=0)
    return np.asarray(counts / counts.sum(), np.float64)


def _measure_borders(labels: Labels) -> float:
    """Pairs of neighbours of two phases, those across corners by their weight."""
    straight = (labels[1:] != labels[:-1]).sum() + (labels[:, 1:] != labels[:, :-1]).sum()
    turned = (labels[1:, 1:] != labels[:-1, :-1]).sum() + (labels[1:, :-1] != labels[:-1, 1:]).sum()
    return float(straight + DIAGONAL * turned)
