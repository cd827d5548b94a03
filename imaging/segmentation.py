"""Phases of grey images: given thresholds, or Otsu's over all images or plane by plane."""

from collections.abc import Mapping, Sequence
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
    labels = {plane: _segment(stack, cuts) for plane, stack in planes.items()}
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
    labels = {plane: _segment(stack, thresholds[plane]) for plane, stack in planes.items()}
    start = f"grey images: {phases} phases, darkest first, by Otsu's thresholds"
    if own:
        each = "; ".join(f"{plane} {_format(cuts)}" for plane, cuts in own.items())
        return Segmentation(labels, thresholds, [f"{start} of each plane: {each}"])
    notices = [f"{start} over all images: {_format(common)}"]
    if len(planes) > 1:
        notices += _compare_brightness(planes, labels, phases)
    return Segmentation(labels, thresholds, notices)


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
            _count_shares(_segment(stack, own), phases),
        )
        most = int(np.abs(then - now).argmax())
        if abs(then[most] - now[most]) > NOTABLE:
            notices.append(
                f"{plane} by itself would be cut at {_format(own)}, which makes its phase {most} "
                f"{then[most]:.3f} instead of {now[most]:.3f}; if brightness differs between "
                "planes, give per_plane=True"
            )
    return notices


def _find_thresholds(images: Sequence[NDArray[Any]], phases: int) -> Thresholds:
    return tuple(float(cut) for cut in find_otsu_thresholds(images, phases))


def _segment(stack: Sequence[NDArray[Any]], cuts: Thresholds) -> list[NDArray[np.uint8]]:
    return [np.searchsorted(cuts, image, side="right").astype(np.uint8) for image in stack]


def _count_shares(images: Sequence[NDArray[np.uint8]], phases: int) -> NDArray[np.float64]:
    counts = np.sum([np.bincount(image.ravel(), minlength=phases) for image in images], axis=0)
    shares: NDArray[np.float64] = counts / counts.sum()
    return shares


def _format(cuts: Sequence[float] | Mapping[str, float]) -> str:
    return ", ".join(f"{cut:.6g}" for cut in cuts)
