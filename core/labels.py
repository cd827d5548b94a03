"""Phase labels from images: label images as they are, grey images by thresholds."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.core.errors import ReconError
from recon.core.volume import MAX_PHASES

MAX_VALUES = 8
BINS = 256

Stacks = Mapping[str, Sequence[NDArray[Any]]]
Labels = dict[str, list[NDArray[np.uint8]]]


def to_labels(planes: Stacks, phases: int | None = None) -> tuple[Labels, list[str]]:
    """Labels 0..K-1 of the images on each plane, and notices that say how they were made.

    Without `phases`, the images must be label images: integers, at most 8 distinct values, the
    same on all planes, which become 0..K-1 in ascending order. With `phases` = K, images of
    exactly K distinct values are mapped so too, and others are cut by K - 1 thresholds that all
    images share (`otsu`).

    planes   plane -> 2D arrays of integers or finite real numbers
    returns  plane -> 2D arrays uint8; notices
    """
    if phases is not None and not 2 <= phases <= MAX_PHASES:
        raise ReconError(f"number of phases must be in [2, {MAX_PHASES}], got {phases}")
    limit = max(MAX_VALUES, phases or 0)
    seen = {plane: _distinct(stack, limit) for plane, stack in planes.items()}
    if phases is None:
        return _by_value(planes, _label_values(planes, seen))
    values = sorted(set().union(*seen.values()))
    if len(values) < phases:
        raise ReconError(
            f"{phases} phases need as many distinct values, got {len(values)}: {_text(values)}; "
            "give a smaller --phases"
        )
    if len(values) == phases:
        return _by_value(planes, values)
    return _by_threshold(planes, phases)


def _distinct(stack: Sequence[NDArray[Any]], limit: int) -> set[Any]:
    """The distinct values of a stack; some of them when there are more than the limit."""
    values: set[Any] = set()
    for image in stack:
        values.update(np.unique(image)[: limit + 1].tolist())
        if len(values) > limit:
            break
    return values


def _label_values(planes: Stacks, seen: Mapping[str, set[Any]]) -> list[Any]:
    """The values of label images, ascending; ReconError when these are not label images."""
    for plane, stack in planes.items():
        real = next((image.dtype for image in stack if image.dtype.kind == "f"), None)
        if real is not None:
            raise ReconError(
                f"{plane} images hold real numbers ({real}), so they are grey; give --phases K to "
                "segment them, or save labels as integers"
            )
        if len(seen[plane]) > MAX_VALUES:
            raise ReconError(
                f"{plane} images are grey (more than {MAX_VALUES} distinct values); give --phases "
                "K to segment them, or label images"
            )
    if len(set(map(frozenset, seen.values()))) > 1:
        found = "; ".join(f"{plane} {_text(values)}" for plane, values in seen.items())
        raise ReconError(
            f"planes must show the same label values, got {found}; relabel them, or give --phases "
            "K when a phase is truly absent from a plane"
        )
    values = sorted(next(iter(seen.values())))
    if len(values) < 2:
        raise ReconError(f"images must show at least two phases, got only the value {values[0]}")
    return values


def _by_value(planes: Stacks, values: Sequence[Any]) -> tuple[Labels, list[str]]:
    labels: Labels = {}
    for plane, stack in planes.items():
        labels[plane] = [np.zeros(image.shape, np.uint8) for image in stack]
        for image, out in zip(stack, labels[plane], strict=True):
            for label, value in enumerate(values):
                out[image == value] = label
    count = _text(range(len(values)))
    notice = f"label images: the values {_text(values)} are the phases {count}"
    return labels, [notice, *_absent(labels, len(values))]


def _by_threshold(planes: Stacks, phases: int) -> tuple[Labels, list[str]]:
    thresholds = otsu([image for stack in planes.values() for image in stack], phases)
    labels: Labels = {
        plane: [
            np.searchsorted(thresholds, image, side="right").astype(np.uint8) for image in stack
        ]
        for plane, stack in planes.items()
    }
    notice = (
        f"grey images: {phases} phases, darkest first, by Otsu's thresholds over all images: "
        f"{', '.join(f'{threshold:.6g}' for threshold in thresholds)}"
    )
    return labels, [notice, *_absent(labels, phases)]


def _absent(labels: Labels, phases: int) -> list[str]:
    absent = {
        plane: set(range(phases)) - set().union(*(np.unique(image).tolist() for image in stack))
        for plane, stack in labels.items()
    }
    return [
        f"{plane} shows nothing of phase {_text(sorted(k))}" for plane, k in absent.items() if k
    ]


def _text(values: Iterable[Any]) -> str:
    return ", ".join(map(str, sorted(values)[: MAX_VALUES + 1]))


def otsu(images: Sequence[NDArray[Any]], classes: int) -> NDArray[np.float64]:
    """Thresholds (classes - 1,) of the greatest variance between classes, over all images.

    A value below the first threshold is in class 0. Exact on a histogram of 256 bins, which for
    integers in a range of at most 256 are the values themselves. O(classes 256^2 + pixels).

    Otsu, IEEE Trans. Syst. Man Cybern. 9, 62 (1979), by dynamic programming.
    """
    low = float(min(image.min() for image in images))
    high = float(max(image.max() for image in images))
    if high - low == np.inf:
        raise ReconError(f"grey values must span less than 1e308, got {low:g}..{high:g}")
    if all(image.dtype.kind in "iu" for image in images) and high - low < BINS:
        low, high = low - 0.5, low + BINS - 0.5
    edges = np.linspace(low, high, BINS + 1)
    counts = np.sum([np.histogram(image, BINS, (low, high))[0] for image in images], axis=0)
    weight = np.append(0, counts.cumsum())
    moment = np.append(0, (counts * np.arange(BINS)).cumsum())
    W = weight[None] - weight[:, None]  # pixels in the bins i..j-1
    M = moment[None] - moment[:, None]
    score = np.where(W > 0, M**2 / np.maximum(W, 1), -np.inf)
    best, cuts = score[0], []
    for _ in range(classes - 1):
        total = best[:, None] + score
        cuts.append(total.argmax(0))
        best = total.max(0)
    if not np.isfinite(best[-1]):
        raise ReconError(
            f"grey values fall into fewer than {classes} groups; give a smaller --phases"
        )
    chosen = [BINS]
    for cut in reversed(cuts):
        chosen.append(int(cut[chosen[-1]]))
    return edges[chosen[:0:-1]]
