"""Phases of grey images: given thresholds, or Otsu's over all images or plane by plane."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.errors import ReconError
from recon.imaging.labels import Labels, Stacks
from recon.imaging.otsu import find_otsu_thresholds

NOTABLE = 0.02
"""Change of a phase fraction from which a plane's own thresholds are worth a notice."""

Thresholds = tuple[float, ...]
Progress = Callable[[str, int, int], None]
"""Hears what is being done, how many images are done, and of how many."""


@attrs.frozen(eq=False)
class Segmentation:
    """Labels of grey images, the thresholds of each plane, and notices on them.

    A grey value below the first threshold is phase 0, so the darkest phase comes first.
    """

    labels: Labels
    thresholds: dict[str, Thresholds]
    notices: list[str]


def parse_thresholds(text: str) -> Thresholds:
    """Ascending numbers separated by commas: K - 1 of them for K phases."""
    try:
        cuts = tuple(float(part) for part in text.split(","))
    except ValueError:
        cuts = ()
    if not cuts or not np.isfinite(cuts).all():
        raise ReconError(
            f"thresholds= must be numbers separated by commas, such as 87,140, got {text!r}"
        )
    if any(a >= b for a, b in zip(cuts, cuts[1:], strict=False)):
        raise ReconError(f"thresholds= must ascend, got {text}; give the lowest first")
    return cuts


def segment_by_thresholds(planes: Stacks, cuts: Thresholds) -> Segmentation:
    """Phases by given thresholds; ReconError where no pixel of all images is between two."""
    labels = {plane: apply_thresholds(stack, cuts) for plane, stack in planes.items()}
    fractions = _count_shares(
        [image for stack in labels.values() for image in stack], len(cuts) + 1
    )
    if not fractions.all():
        low = min(float(image.min()) for stack in planes.values() for image in stack)
        high = max(float(image.max()) for stack in planes.values() for image in stack)
        raise ReconError(
            f"thresholds=({_format(cuts)}) leave phase {int(fractions.argmin())} without a pixel; "
            f"grey values are {low:g} to {high:g}"
        )
    notice = f"grey images: {len(cuts) + 1} phases, darkest first, by thresholds {_format(cuts)}"
    return Segmentation(labels, dict.fromkeys(planes, cuts), [notice])


def segment_by_otsu(planes: Stacks, phases: int, per_plane: bool = False) -> Segmentation:
    """Phases by Otsu's thresholds over all images, or over those of each plane."""
    own = (
        {plane: _find_thresholds(stack, phases) for plane, stack in planes.items()}
        if per_plane
        else {}
    )
    common = _find_thresholds([image for stack in planes.values() for image in stack], phases)
    thresholds = own or dict.fromkeys(planes, common)
    labels = {plane: apply_thresholds(stack, thresholds[plane]) for plane, stack in planes.items()}
    start = f"grey images: {phases} phases, darkest first, by Otsu's thresholds"
    if own:
        each = "; ".join(f"{plane} {_format(cuts)}" for plane, cuts in own.items())
        return Segmentation(labels, thresholds, [f"{start} of each plane: {each}"])
    notices = [f"{start} over all images: {_format(common)}"]
    if len(planes) > 1:
        notices += _compare_brightness(planes, labels, phases)
    return Segmentation(labels, thresholds, notices)


def segment_by_edges(
    planes: Stacks, phases: int, per_plane: bool = False, progress: Progress = lambda *_: None
) -> Segmentation:
    """Phases whose borders lie where they were before the image was blurred.

    Grey values and blur are found over all images, or for each plane by itself. The thresholds
    lie half way between the grey values found.
    """
    from recon.imaging.restoration import restore  # loads a compiler

    groups = [[plane] for plane in planes] if per_plane else [list(planes)]
    labels: Labels = {}
    thresholds: dict[str, Thresholds] = {}
    notices = []
    total = sum(map(len, planes.values()))
    for group in groups:
        images = [image for plane in group for image in planes[plane]]
        done = sum(map(len, labels.values()))
        own, model = restore(
            images,
            _find_thresholds(images, phases),
            lambda count, _, done=done: progress("segment", done + count, total),  # type: ignore[misc]
        )
        means = model.means.tolist()
        cuts = tuple((a + b) / 2 for a, b in zip(means, means[1:], strict=False))
        rest = iter(own)
        for plane in group:
            labels[plane], thresholds[plane] = [next(rest) for _ in planes[plane]], cuts
        where = f" of {', '.join(group)}" if per_plane else ""
        notices.append(
            f"grey images{where}: {phases} phases, darkest first, grey {_format(means)}, by edges, "
            f"for a blur of {model.blur:.2g} pixels"
        )
    ordered = {plane: labels[plane] for plane in planes}
    return Segmentation(ordered, {plane: thresholds[plane] for plane in planes}, notices)


def _compare_brightness(planes: Stacks, labels: Labels, phases: int) -> list[str]:
    """A notice for each plane that its own thresholds would change."""
    notices = []
    for plane, stack in planes.items():
        try:
            own = _find_thresholds(stack, phases)
        except ReconError:  # one grey value, or fewer than there are phases
            continue
        now, then = (
            _count_shares(labels[plane], phases),
            _count_shares(apply_thresholds(stack, own), phases),
        )
        most = int(np.abs(then - now).argmax())
        if abs(then[most] - now[most]) > NOTABLE:
            notices.append(
                f"{plane} alone would have thresholds of {_format(own)}, which makes its phase "
                f"{most} {then[most]:.3f} instead of {now[most]:.3f}; if brightness differs "
                "between planes, give per_plane=True"
            )
    return notices


def _find_thresholds(images: Sequence[NDArray[Any]], phases: int) -> Thresholds:
    return tuple(float(cut) for cut in find_otsu_thresholds(images, phases))


def apply_thresholds(stack: Sequence[NDArray[Any]], cuts: Thresholds) -> list[NDArray[np.uint8]]:
    """Labels of grey images: 0 below the first threshold."""
    return [np.searchsorted(cuts, image, side="right").astype(np.uint8) for image in stack]


def _count_shares(images: Sequence[NDArray[np.uint8]], phases: int) -> NDArray[np.float64]:
    counts = np.sum([np.bincount(image.ravel(), minlength=phases) for image in images], axis=0)
    shares: NDArray[np.float64] = counts / counts.sum()
    return shares


def _format(cuts: Sequence[float] | Mapping[str, float]) -> str:
    return ", ".join(f"{cut:.6g}" for cut in cuts)
