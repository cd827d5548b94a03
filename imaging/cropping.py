"""Cutting scale bars and banners off images, and telling where there seems to be one."""

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.errors import ReconError
from recon.imaging.picture import Pictures, list_names

LEAST = 16
"""Pixels along each side that must be left."""


@attrs.frozen
class Crop:
    """Pixels to take off each side."""

    top: int
    bottom: int
    left: int
    right: int

    @classmethod
    def parse(cls, text: str) -> "Crop":
        """From "top,bottom,left,right"."""
        parts = [part.strip() for part in text.split(",")]
        if len(parts) != 4 or not all(part.isascii() and part.isdigit() for part in parts):
            raise ReconError(
                "crop= must be four numbers of pixels, top,bottom,left,right, such as 0,64,0,0, "
                f"got {text!r}"
            )
        return cls(*map(int, parts))

    def __str__(self) -> str:
        return f"({self.top}, {self.bottom}, {self.left}, {self.right})"

    def apply(self, image: NDArray[Any]) -> NDArray[Any]:
        """What is left of an image (a, b)."""
        a, b = image.shape
        return image[self.top : max(0, a - self.bottom), self.left : max(0, b - self.right)]


def crop(pictures: Pictures, crops: Mapping[str, Crop]) -> Pictures:
    """The images of each plane without their borders.

    Raises ReconError when less than 16 pixels would be left of a side.
    """
    result = dict(pictures)
    for plane, border in crops.items():
        for picture in pictures[plane]:
            left = border.apply(picture.pixels).shape
            if min(left) < LEAST:
                raise ReconError(
                    f"crop={border} must leave at least {LEAST} x {LEAST} pixels, leaves "
                    f"{left[0]} x {left[1]} of {picture.name} "
                    f"({picture.pixels.shape[0]} x {picture.pixels.shape[1]})"
                )
        result[plane] = [
            picture.replace_pixels(border.apply(picture.pixels)) for picture in pictures[plane]
        ]
    return result


def describe_banners(pictures: Pictures) -> list[str]:
    """A line for each plane and height of what looks like a banner; it is not removed."""
    banners: dict[int, dict[str, list[Any]]] = {}
    for plane, stack in pictures.items():
        for picture in stack:
            rows = count_banner_rows(picture.pixels)
            if rows:
                banners.setdefault(rows, {}).setdefault(plane, []).append(picture)
    notices = []
    for rows, planes in banners.items():
        several = len(banners) > 1 or len(planes) < len(pictures)
        border = str(Crop(0, rows, 0, 0))
        if several:
            border = "{" + ", ".join(f'"{plane}": {border}' for plane in planes) + "}"
        notices.append(
            f"the lowest {rows} rows of {list_names(planes)} look like a banner; crop={border} "
            "removes them"
        )
    return notices


def count_banner_rows(image: NDArray[Any]) -> int:
    """How many rows at the bottom look like the banner of an electron microscope; 0 for none.

    A banner is of one value but for text, begins at once across the whole width, and takes up to
    a third of the image; above it there are grey values of many kinds.
    """
    a = len(image)
    if a < 4 * LEAST or image.shape[1] < LEAST:
        return 0
    values, counts = np.unique(image[-max(4, a // 50) :], return_counts=True)
    flat = (image == values[counts.argmax()]).mean(1)
    border = np.ptp(image[:, 2:-2], axis=1) == 0  # a line around or above the banner
    inside = np.where(border, 1.0, flat)
    for start in range(a - a // 3, a - 5):
        if inside[start] < 0.99 or inside[start - 1] > 0.5:
            continue
        if flat[start:].mean() > 0.6 and inside[start:].min() > 0.1:
            above = image[start // 2 : start]
            if len(np.unique(above)) > 16 and (flat[start:] < 0.99).any():
                return a - start
    return 0
