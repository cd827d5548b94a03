"""From images to labels of one voxel size: crop, denoise, resample, segment, in this order."""

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.errors import ReconError
from recon.core.kinds.reader import PixelSize
from recon.imaging import resample
from recon.imaging.common_size import VoxelSize, settled_size
from recon.imaging.cropping import Crop, banner_notices, cropped
from recon.imaging.denoise import FILTERS, SPECKLED, denoised, specks
from recon.imaging.labels import Labels, absent, by_value, label_values
from recon.imaging.picture import Picture, Pictures, joined, pixels
from recon.imaging.segmentation import Cuts, Segmentation, by_given, by_otsu


@attrs.frozen(kw_only=True)
class Decisions:
    """What a user decided on images; the rest is found out.

    crops         plane -> borders to take off
    pixel_sizes   plane -> (rows, columns) in metres, in place of what files state
    voxel_size    (z, y, x) in metres of the result
    phases        number of phases of grey images
    thresholds    of grey images, ascending
    per_plane     whether each plane has its own Otsu thresholds
    denoise       name of a filter of grey images
    """

    crops: Mapping[str, Crop] = attrs.field(factory=dict)
    pixel_sizes: Mapping[str, PixelSize] = attrs.field(factory=dict)
    voxel_size: VoxelSize | None = None
    phases: int | None = None
    thresholds: Cuts | None = None
    per_plane: bool = False
    denoise: str | None = None


@attrs.frozen(eq=False)
class Prepared:
    """Labels of one voxel size, and how they came about.

    labels      plane -> slices (a, b) uint8
    voxel_size  (z, y, x) in metres
    images      plane -> what the labels were made of: grey values, or the label image as given
    thresholds  plane -> thresholds; None when the images were label images
    notices     one line each
    record      what was decided, for the file
    """

    labels: Labels
    voxel_size: VoxelSize
    images: Pictures
    thresholds: dict[str, Cuts] | None
    notices: list[str]
    record: dict[str, Any]


Told = Callable[[str, int, int], None]
"""Hears what is being done, how many images are done, and of how many."""


def prepare(pictures: Pictures, wishes: Decisions, tell: Told = lambda *_: None) -> Prepared:
    """Labels of the images as decided. Raises ReconError for what cannot be meant."""
    _check(wishes)
    notices = _colours(pictures)
    pictures = cropped(pictures, wishes.crops)
    notices += banner_notices(pictures)
    pictures = {
        plane: [
            attrs.evolve(picture, pixel_size=wishes.pixel_sizes.get(plane, picture.pixel_size))
            for picture in stack
        ]
        for plane, stack in pictures.items()
    }
    size, remarks = settled_size(pictures, wishes.voxel_size, bool(wishes.pixel_sizes))
    notices += remarks
    values = None if wishes.thresholds else label_values(pixels(pictures), wishes.phases)
    record = _record(pictures, wishes, size)
    if values is not None:
        prepared = _from_labels(pictures, values, size, wishes)
    else:
        prepared = _from_grey(pictures, size, wishes, tell)
    phases = 1 + len(values[1:] if values else next(iter((prepared.thresholds or {}).values())))
    notices = [*notices, *prepared.notices, *absent(prepared.labels, phases)]
    return attrs.evolve(prepared, notices=notices, record={**record, **prepared.record})


def _check(wishes: Decisions) -> None:
    if wishes.thresholds is not None:
        count = len(wishes.thresholds) + 1
        if wishes.phases not in (None, count):
            raise ReconError(
                f"--phases {wishes.phases} needs {(wishes.phases or 0) - 1} thresholds, got "
                f"{count - 1}; give --thresholds alone"
            )
        if wishes.per_plane:
            raise ReconError("--per-plane and --thresholds exclude each other; give one of them")


def _colours(pictures: Pictures) -> list[str]:
    coloured = {plane: [p for p in stack if p.coloured] for plane, stack in pictures.items()}
    if not any(coloured.values()):
        return []
    return [f"colours of {joined(coloured)} are turned to grey by their luminance"]


def _from_labels(
    pictures: Pictures, values: list[Any], size: VoxelSize, wishes: Decisions
) -> Prepared:
    for flag, given in (("--denoise", wishes.denoise), ("--per-plane", wishes.per_plane)):
        if given:
            raise ReconError(
                f"{flag} is for grey images, but these are label images ({len(values)} distinct "
                "values); leave it out"
            )
    labels, notice = by_value(pixels(pictures), values)
    made: dict[str, list[Picture]] = {
        plane: [p.showing(array) for p, array in zip(stack, labels[plane], strict=True)]
        for plane, stack in pictures.items()
    }
    same, remarks = resample.resampled(made, size, resample.labels)
    return Prepared(pixels(same), size, pictures, None, [notice, *remarks], {"values": values})


def _from_grey(pictures: Pictures, size: VoxelSize, wishes: Decisions, tell: Told) -> Prepared:
    notices: list[str] = []
    record: dict[str, Any] = {}
    types = _types(pictures)
    if wishes.denoise:
        pictures, noise = _denoised(pictures, wishes.denoise, tell)
        how = FILTERS[wishes.denoise][1]
        notices.append(f"grey images are denoised by {how}; noise found: {noise:.3g} grey levels")
        record["denoise"] = {"filter": wishes.denoise, "how": how, "noise": noise}
    pictures, remarks = resample.resampled(pictures, size, resample.grey)
    found = _segmented(pixels(pictures), wishes)
    if len(found.notices) > 1 and len(set(types.values())) > 1:
        each = ", ".join(f"{plane} {name}" for plane, name in types.items())
        raise ReconError(
            f"planes differ in type ({each}) and no thresholds suit all of them; give "
            "--per-plane, or save them alike"
        )
    record["thresholds"] = {plane: list(cuts) for plane, cuts in found.thresholds.items()}
    record["method"] = "given" if wishes.thresholds else "otsu"
    notices += [*remarks, *found.notices]
    lone = float(np.mean([specks(image) for stack in found.labels.values() for image in stack]))
    if lone > SPECKLED:
        remedy = "try another --denoise" if wishes.denoise else "if it is noise, give --denoise nlm"
        notices.append(f"{lone:.1%} of the pixels differ from all four neighbours; {remedy}")
    return Prepared(found.labels, size, pictures, found.thresholds, notices, record)


def _types(pictures: Pictures) -> dict[str, str]:
    """The type of the grey values of each plane; 8 and 16 bits in one have no common threshold."""
    types = {}
    for plane, stack in pictures.items():
        first = {picture.pixels.dtype.name: picture.name for picture in reversed(stack)}
        if len(first) > 1:
            each = ", ".join(f"{name} {kind}" for kind, name in first.items())
            raise ReconError(f"grey images of {plane} differ in type ({each}); save them alike")
        types[plane] = next(iter(first))
    return types


def _segmented(images: dict[str, list[NDArray[Any]]], wishes: Decisions) -> Segmentation:
    if wishes.thresholds is not None:
        return by_given(images, wishes.thresholds)
    return by_otsu(images, wishes.phases or 2, wishes.per_plane)


def _denoised(pictures: Pictures, name: str, tell: Told) -> tuple[Pictures, float]:
    """The filtered images, and the mean of the noise found in them."""
    levels: list[float] = []
    total = sum(map(len, pictures.values()))
    result: dict[str, list[Picture]] = {}
    for plane, stack in pictures.items():
        result[plane] = []
        for picture in stack:
            image, noise = denoised(picture.pixels, name)
            levels.append(noise)
            tell("denoise", len(levels), total)
            result[plane].append(picture.showing(image))
    return result, float(np.mean(levels))


def _record(pictures: Pictures, wishes: Decisions, size: VoxelSize) -> dict[str, Any]:
    """What was decided, as plain JSON."""
    sizes = {
        plane: list(dict.fromkeys(picture.pixel_size for picture in stack))
        for plane, stack in pictures.items()
    }
    return {
        "images": {plane: [picture.name for picture in stack] for plane, stack in pictures.items()},
        "coloured": any(p.coloured for stack in pictures.values() for p in stack),
        "crop": {plane: attrs.asdict(crop) for plane, crop in wishes.crops.items()},
        "pixel_size": {
            plane: [list(pair) if pair else None for pair in pairs]
            for plane, pairs in sizes.items()
        },
        "voxel_size": list(size),
    }
