"""From images to labels of one voxel size: crop, mask, flatten, denoise, resample, segment."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.errors import ReconError, unknown
from recon.core.kinds.reader import PixelSize
from recon.imaging.common_size import VoxelSize, resolve_voxel_size
from recon.imaging.cropping import Crop, crop, describe_banners
from recon.imaging.denoise import FILTERS, SPECKLED, denoise, measure_specks
from recon.imaging.field import Masks, crop_masks, describe_fields, keep_fields
from recon.imaging.labels import (
    Labels,
    describe_absent_phases,
    describe_few_values,
    find_label_values,
    label_by_value,
)
from recon.imaging.light import DEGREE, describe_light, flatten
from recon.imaging.picture import Picture, Pictures, filter_all, list_names, list_pixels
from recon.imaging.resample import average_grey, resample, vote_labels
from recon.imaging.rims import describe_rims, find_rims
from recon.imaging.segmentation import (
    Progress,
    Segmentation,
    Thresholds,
    segment_by_edges,
    segment_by_otsu,
    segment_by_thresholds,
)

SEGMENTATIONS = ("auto", "thresholds", "edges")
"""Ways to make phases of grey values; auto: thresholds, or edges where those leave rims."""


@attrs.frozen(kw_only=True)
class ImportOptions:
    """What a user decided on images; the rest is found out.

    crops         plane -> borders to take off
    masks         plane -> what of the images is of the material
    pixel_sizes   plane -> (rows, columns) in metres, in place of what files state
    voxel_size    (z, y, x) in metres of the result
    phases        number of phases of grey images
    thresholds    of grey images, ascending
    per_plane     whether each plane has its own Otsu thresholds
    flatten       whether uneven light in grey images is corrected
    denoise       name of a filter of grey images
    segment       how: one of SEGMENTATIONS
    """

    crops: Mapping[str, Crop] = attrs.field(factory=dict)
    masks: Masks = attrs.field(factory=dict)
    pixel_sizes: Mapping[str, PixelSize] = attrs.field(factory=dict)
    voxel_size: VoxelSize | None = None
    phases: int | None = None
    thresholds: Thresholds | None = None
    per_plane: bool = False
    flatten: bool = False
    denoise: str | None = None
    segment: str = "auto"


@attrs.frozen(eq=False)
class PreparedImages:
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
    thresholds: dict[str, Thresholds] | None
    notices: list[str]
    record: dict[str, Any]


def prepare(
    pictures: Pictures, options: ImportOptions, progress: Progress = lambda *_: None
) -> PreparedImages:
    """Labels of the images as decided. Raises ReconError for what cannot be meant."""
    _check(options)
    notices = _describe_colours(pictures)
    masks = crop_masks(pictures, options.masks, options.crops)
    pictures = crop(pictures, options.crops)
    notices += describe_banners(pictures)
    pictures, remarks = keep_fields(pictures, masks)
    notices += remarks
    notices += describe_fields({p: stack for p, stack in pictures.items() if p not in masks})
    pictures = {
        plane: [
            attrs.evolve(picture, pixel_size=options.pixel_sizes.get(plane, picture.pixel_size))
            for picture in stack
        ]
        for plane, stack in pictures.items()
    }
    size, remarks = resolve_voxel_size(pictures, options.voxel_size, bool(options.pixel_sizes))
    notices += remarks
    values = (
        None if options.thresholds else find_label_values(list_pixels(pictures), options.phases)
    )
    record = _record_choices(pictures, options, size)
    if values is not None:
        prepared = _prepare_labels(pictures, values, size, options)
    else:
        prepared = _prepare_grey(pictures, size, options, progress)
    phases = 1 + len(values[1:] if values else next(iter((prepared.thresholds or {}).values())))
    notices = [*notices, *prepared.notices, *describe_absent_phases(prepared.labels, phases)]
    return attrs.evolve(prepared, notices=notices, record={**record, **prepared.record})


def _check(options: ImportOptions) -> None:
    if options.segment not in SEGMENTATIONS:
        raise unknown("segmentation", options.segment, SEGMENTATIONS)
    if options.segment == "edges" and options.thresholds is not None:
        raise ReconError('segment="edges" and thresholds= exclude each other; give one of them')
    if options.thresholds is not None:
        count = len(options.thresholds) + 1
        if options.phases not in (None, count):
            raise ReconError(
                f"phases={options.phases} needs {(options.phases or 0) - 1} thresholds, got "
                f"{count - 1}; give thresholds= alone"
            )
        if options.per_plane:
            raise ReconError("per_plane= and thresholds= exclude each other; give one of them")


def _describe_colours(pictures: Pictures) -> list[str]:
    coloured = {plane: [p for p in stack if p.coloured] for plane, stack in pictures.items()}
    if not any(coloured.values()):
        return []
    return [f"colours of {list_names(coloured)} are turned to grey by their luminance"]


def _prepare_labels(
    pictures: Pictures, values: list[Any], size: VoxelSize, options: ImportOptions
) -> PreparedImages:
    given_options = (
        ("flatten", options.flatten),
        ("denoise", options.denoise),
        ("per_plane", options.per_plane),
        ("segment", options.segment != "auto"),
    )
    for name, given in given_options:
        if given:
            raise ReconError(
                f"{name}= is for grey images, but these are label images ({len(values)} distinct "
                "values); leave it out"
            )
    labels, notice = label_by_value(list_pixels(pictures), values)
    made: dict[str, list[Picture]] = {
        plane: [p.replace_pixels(array) for p, array in zip(stack, labels[plane], strict=True)]
        for plane, stack in pictures.items()
    }
    same, remarks = resample(made, size, vote_labels)
    return PreparedImages(
        list_pixels(same), size, pictures, None, [notice, *remarks], {"values": values}
    )


def _prepare_grey(
    pictures: Pictures, size: VoxelSize, options: ImportOptions, progress: Progress
) -> PreparedImages:
    notices = [] if options.thresholds else describe_few_values(list_pixels(pictures))
    record: dict[str, Any] = {}
    types = _list_types(pictures)
    phases = len(options.thresholds) + 1 if options.thresholds else options.phases or 2
    if options.flatten:
        pictures, spans = filter_all(pictures, "flatten", partial(flatten, phases=phases), progress)
        span = max(spans)
        how = f"a polynomial surface of degree {DEGREE}"
        notices.append(f"light is corrected by {how}, which spans up to {span:.3g} grey values")
        record["flatten"] = {"how": how, "span": span}
    else:
        notices += describe_light(pictures, phases)
    if options.denoise:
        pictures, levels = filter_all(
            pictures, "denoise", partial(denoise, name=options.denoise), progress
        )
        noise = float(np.mean(levels))
        how = FILTERS[options.denoise][1]
        notices.append(f"grey images are denoised by {how}; noise found: {noise:.3g} grey levels")
        record["denoise"] = {"filter": options.denoise, "how": how, "noise": noise}
    pictures, remarks = resample(pictures, size, average_grey)
    segmented, how = _segment(list_pixels(pictures), options, progress)
    if len(segmented.notices) > 1 and len(set(types.values())) > 1:
        each = ", ".join(f"{plane} {name}" for plane, name in types.items())
        raise ReconError(
            f"planes differ in type ({each}) and no thresholds suit all of them; give "
            "per_plane=True, or save them as one type"
        )
    record["thresholds"] = {plane: list(cuts) for plane, cuts in segmented.thresholds.items()}
    record["method"] = how
    notices += [*remarks, *segmented.notices]
    lone = float(
        np.mean([measure_specks(image) for stack in segmented.labels.values() for image in stack])
    )
    if lone > SPECKLED:
        remedy = "try another denoise=" if options.denoise else 'if it is noise, give denoise="nlm"'
        notices.append(f"{lone:.1%} of the pixels differ from all four neighbours; {remedy}")
    return PreparedImages(segmented.labels, size, pictures, segmented.thresholds, notices, record)


def _list_types(pictures: Pictures) -> dict[str, str]:
    """The type of the grey values of each plane; 8 and 16 bits in one have no common threshold."""
    types = {}
    for plane, stack in pictures.items():
        first = {picture.pixels.dtype.name: picture.name for picture in reversed(stack)}
        if len(first) > 1:
            each = ", ".join(f"{name} {kind}" for kind, name in first.items())
            raise ReconError(f"grey images of {plane} differ in type ({each}); save them alike")
        types[plane] = next(iter(first))
    return types


def _segment(
    images: dict[str, list[NDArray[Any]]], options: ImportOptions, progress: Progress
) -> tuple[Segmentation, str]:
    """Labels, and how they were made: by given thresholds, by Otsu's, or by edges.

    Of themselves edges are taken where thresholds leave rims that blur has made.
    """
    phases = options.phases or 2
    if options.segment == "edges":
        return segment_by_edges(images, phases, options.per_plane, progress), "edges"
    if options.thresholds is not None:
        segmented, how = segment_by_thresholds(images, options.thresholds), "given"
    else:
        segmented, how = segment_by_otsu(images, phases, options.per_plane), "otsu"
    rims = find_rims((i for stack in segmented.labels.values() for i in stack), phases)
    if not rims:
        return segmented, how
    if options.segment == "auto" and options.thresholds is None:
        segmented = segment_by_edges(images, phases, options.per_plane, progress)
        remedy = 'their borders are restored (segment="edges"); see the preview'
        return attrs.evolve(
            segmented, notices=[*segmented.notices, *describe_rims(rims, remedy)]
        ), "edges"
    remedy = 'segment="edges" restores their borders'
    return attrs.evolve(segmented, notices=[*segmented.notices, *describe_rims(rims, remedy)]), how


def _record_choices(pictures: Pictures, options: ImportOptions, size: VoxelSize) -> dict[str, Any]:
    """What was decided, as plain JSON."""
    sizes = {
        plane: list(dict.fromkeys(picture.pixel_size for picture in stack))
        for plane, stack in pictures.items()
    }
    return {
        "images": {plane: [picture.name for picture in stack] for plane, stack in pictures.items()},
        "coloured": any(p.coloured for stack in pictures.values() for p in stack),
        "crop": {plane: attrs.asdict(crop) for plane, crop in options.crops.items()},
        "mask": {p: m if isinstance(m, str) else "given" for p, m in options.masks.items()},
        "pixel_size": {
            plane: [list(pair) if pair else None for pair in pairs]
            for plane, pairs in sizes.items()
        },
        "voxel_size": list(size),
    }
