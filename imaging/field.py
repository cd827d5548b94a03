"""The field of view of an image: what lies outside of it, and the rectangles that fit inside."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, label

from recon.core.errors import ReconError
from recon.imaging.cropping import LEAST, Crop, count_banner_rows
from recon.imaging.labels import MAX_VALUES
from recon.imaging.picture import Picture, Pictures, list_names

NOTABLE = 0.03
"""Share of an image outside of its field of view, from which it is worth a notice."""
FLAT = 0.02
"""Of the range of grey values: what differs less from a corner is as dark as the corner."""
LARGE = 0.01
"""Share of an image from which a connected part counts; text beside the field is smaller."""
PATCH = 5
"""Pixels along the side of a corner, which is to be flat."""
RIM = 0.02
"""Width of the rim of a field, of the shorter side of the image."""
FILLED, FILLED_LABELS = 0.5, 0.8
"""Share of its rim that is not as the corners are. Labels must have a value of their own outside:
around parts of one phase in another, too, all is of one value."""
ENOUGH = 250_000
"""Pixels from which a notice is made."""

Mask = NDArray[np.bool_]
Masks = Mapping[str, str | Sequence[Mask]]
"""Plane -> "auto" for the field of view that is found, or masks, one for all images or one each."""


def find_field(image: NDArray[Any]) -> Mask:
    """Where an image (a, b) shows something: true within the field of view.

    Outside is what has the value of a flat corner; the field is the convex hull of the large
    connected parts of the rest, so that pores as dark as the corners stay within it. A hull with a
    rim mostly empty is that of parts of a phase, and no field; nor is one that takes less than half
    of the rows or columns. Without a field all is true.
    """
    whole = np.ones(image.shape, bool)
    grey = image.astype(np.float64)
    labels = image.dtype.kind in "biu" and len(np.unique(image)) <= MAX_VALUES
    reach = 0.0 if labels else FLAT * float(np.ptp(grey))
    flat = np.zeros(image.shape, bool)
    for rows in (slice(PATCH), slice(-PATCH, None)):
        for columns in (slice(PATCH), slice(-PATCH, None)):
            corner = float(np.median(grey[rows, columns]))
            if (np.abs(grey[rows, columns] - corner) <= reach).mean() > 0.9:
                flat |= np.abs(grey - corner) <= reach
    if flat.mean() < NOTABLE:
        return whole
    from skimage.morphology import convex_hull_image  # with numba below: loaded when needed

    parts = np.asarray(label(~flat)[0])
    large = np.bincount(parts.ravel()) >= LARGE * image.size
    large[0] = False
    if not large.any():
        return whole
    hull = np.asarray(convex_hull_image(large[parts]), np.bool_)
    width = max(3, round(RIM * min(image.shape)))
    rim = hull & ~binary_erosion(hull, np.ones((3, 3), bool), width, border_value=1)
    wide = hull.any(0).mean() > 0.5 and hull.any(1).mean() > 0.5
    filled = rim.any() and 1 - flat[rim].mean() > (FILLED_LABELS if labels else FILLED)
    return hull if wide and filled else whole


def keep_fields(pictures: Pictures, masks: Masks) -> tuple[Pictures, list[str]]:
    """The images of each plane cut to rectangles within their masks, and a notice a plane."""
    result = dict(pictures)
    notices = []
    for plane, mask in masks.items():
        stack = pictures[plane]
        parts = [part for n, picture in enumerate(stack) for part in _cut(picture, mask, n)]
        if not parts:
            raise ReconError(
                f"the mask leaves no rectangle of {LEAST} x {LEAST} pixels of {plane}; "
                "give another mask="
            )
        result[plane] = parts
        before, after = (sum(p.pixels.size for p in some) for some in (stack, parts))
        notices.append(
            f"{plane}: {len(parts)} rectangle{'s' * (len(parts) > 1)} within the field of view of "
            f"{len(stack)} image{'s' * (len(stack) > 1)} {'are' if len(parts) > 1 else 'is'} used, "
            f"{after / before:.0%} of the pixels"
        )
    return result, notices


def crop_masks(pictures: Pictures, masks: Masks, crops: Mapping[str, Crop]) -> Masks:
    """The masks without the borders that are to be taken off the images.

    Raises ReconError for masks of another size than their images.
    """
    result = dict(masks)
    for plane, given in masks.items():
        if isinstance(given, str):
            continue
        stack = pictures[plane]
        if len(given) not in (1, len(stack)):
            raise ReconError(
                f"mask= must hold one mask or one for each of the {len(stack)} images of {plane}, "
                f"got {len(given)}"
            )
        for picture, mask in zip(stack, given if len(given) > 1 else [given[0]] * len(stack),
                                 strict=True):  # fmt: skip
            if mask.shape != picture.pixels.shape:
                sizes = [" x ".join(map(str, a.shape)) for a in (picture.pixels, mask)]
                raise ReconError(
                    f"mask= must be of the size of {picture.name}, {sizes[0]}, got {sizes[1]}"
                )
        border = crops.get(plane)
        result[plane] = [border.apply(mask) if border else mask for mask in given]
    return result


def _cut(picture: Picture, masks: str | Sequence[Mask], number: int) -> list[Picture]:
    """The parts of an image that count."""
    if isinstance(masks, str):
        mask = find_field(picture.pixels)
    else:
        mask = masks[number if len(masks) > 1 else 0]
    rectangles = list_rectangles(mask)
    several = len(rectangles) > 1
    return [
        attrs.evolve(
            picture,
            pixels=picture.pixels[where],
            name=f"{picture.name} part {n + 1}" if several else picture.name,
        )
        for n, where in enumerate(rectangles)
    ]


def list_rectangles(mask: Mask) -> list[tuple[slice, slice]]:
    """The largest rectangle in a mask, and then the largest in the rest while it is long enough.

    Every side must have half the shorter side of the first: small parts would shrink what can be
    trained on and the lags that statistics reach.
    """
    from recon.imaging.largest_rectangle import find_largest_rectangle

    left = mask.copy()
    rectangles: list[tuple[slice, slice]] = []
    least = LEAST
    while True:
        top, bottom, start, end = find_largest_rectangle(left, least)
        if bottom == 0:
            return rectangles
        rectangles.append((slice(top, bottom), slice(start, end)))
        left[rectangles[-1]] = False
        least = max(least, min(bottom - top, end - start) // 2)


def describe_fields(pictures: Pictures) -> list[str]:
    """A line for each plane whose images seem to have something black around them."""
    notices = []
    for plane, stack in pictures.items():
        picture = stack[len(stack) // 2]
        share = measure_outside(picture.pixels)
        if share >= NOTABLE and not count_banner_rows(picture.pixels):
            notices.append(
                f"{share:.0%} of {list_names({plane: [picture]})} has the value of its corners and "
                'surrounds the rest; if it is not material, mask="auto" excludes it'
            )
    return notices


def measure_outside(image: NDArray[Any]) -> float:
    """The share of an image that lies outside of its field of view."""
    step = max(1, int(np.ceil((image.size / ENOUGH) ** 0.5)))
    return 1 - float(find_field(image[::step, ::step]).mean())
