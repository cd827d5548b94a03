"""Label images: which images are, and their values as the phases 0..K-1."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.core.data.volume import MAX_PHASES
from recon.core.errors import ReconError

MAX_VALUES = 8

Stacks = Mapping[str, Sequence[NDArray[Any]]]
Labels = dict[str, list[NDArray[np.uint8]]]


def find_label_values(planes: Stacks, phases: int | None = None) -> list[Any] | None:
    """The values of label images in ascending order; None for grey images to be segmented.

    planes  plane -> 2D arrays of integers or finite real numbers

    Without `phases`, the images must be label images: integers, at most 8 distinct values, the
    same on all planes. With `phases` = K, images of exactly K distinct values are label images.
    Raises ReconError where neither can be meant.
    """
    if phases is not None and not 2 <= phases <= MAX_PHASES:
        raise ReconError(f"number of phases must be in [2, {MAX_PHASES}], got {phases}")
    limit = max(MAX_VALUES, phases or 0)
    seen = {plane: _find_distinct(stack, limit) for plane, stack in planes.items()}
    if phases is None:
        return _find_stated_values(planes, seen)
    values = sorted(set().union(*seen.values()))
    if len(values) < phases:
        raise ReconError(
            f"{phases} phases need as many distinct values, got {len(values)}: {_format(values)}; "
            "give a smaller phases="
        )
    return values if len(values) == phases else None


def describe_few_values(planes: Stacks) -> list[str]:
    """A notice on grey images of so few integer values that they may be label images."""
    seen = [_find_distinct(stack, MAX_VALUES) for stack in planes.values()]
    values = set().union(*seen)
    if len(values) > MAX_VALUES or not all(isinstance(value, int) for value in values):
        return []
    return [
        f"the images hold {len(values)} values only, {_format(values)}, as label images do; "
        f"phases={len(values)} keeps them apart"
    ]


def _find_distinct(stack: Sequence[NDArray[Any]], limit: int) -> set[Any]:
    """The distinct values of a stack; some of them when there are more than the limit."""
    values: set[Any] = set()
    for image in stack:
        values.update(np.unique(image)[: limit + 1].tolist())
        if len(values) > limit:
            break
    return values


def _find_stated_values(planes: Stacks, seen: Mapping[str, set[Any]]) -> list[Any]:
    """The values of label images, ascending; ReconError when these are not label images."""
    remedy = "give phases=K or thresholds=(A, B) to segment them, or"
    for plane, stack in planes.items():
        real = next((image.dtype for image in stack if image.dtype.kind == "f"), None)
        if real is not None:
            raise ReconError(
                f"{plane} images hold real numbers ({real}), so they are grey; {remedy} save "
                "labels as integers"
            )
        if len(seen[plane]) > MAX_VALUES:
            raise ReconError(
                f"{plane} images are grey (more than {MAX_VALUES} distinct values); {remedy} give "
                "label images"
            )
    if len(set(map(frozenset, seen.values()))) > 1:
        by_plane = "; ".join(f"{plane} {_format(values)}" for plane, values in seen.items())
        raise ReconError(
            f"planes must show the same label values, got {by_plane}; relabel them, or give "
            "phases=K when a phase is truly absent from a plane"
        )
    values = sorted(next(iter(seen.values())))
    if len(values) < 2:
        raise ReconError(f"images must show at least two phases, got only the value {values[0]}")
    return values


def label_by_value(planes: Stacks, values: Sequence[Any]) -> tuple[Labels, str]:
    """Labels 0..K-1 for K values in order, and a notice that says so."""
    labels: Labels = {}
    for plane, stack in planes.items():
        labels[plane] = [np.zeros(image.shape, np.uint8) for image in stack]
        for image, out in zip(stack, labels[plane], strict=True):
            for label, value in enumerate(values):
                out[image == value] = label
    count = _format(range(len(values)))
    return labels, f"label images: the values {_format(values)} are the phases {count}"


def describe_absent_phases(labels: Stacks, phases: int) -> list[str]:
    """A notice for each plane that does not show all phases."""
    missing = {
        plane: set(range(phases)) - set().union(*(np.unique(image).tolist() for image in stack))
        for plane, stack in labels.items()
    }
    return [f"{plane} shows nothing of phase {_format(k)}" for plane, k in missing.items() if k]


def _format(values: Iterable[Any]) -> str:
    return ", ".join(map(str, sorted(values)[: MAX_VALUES + 1]))
