"""One image on its way from a file to labels."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
from numpy.typing import NDArray

from recon.core.kinds.reader import PixelSize


@attrs.frozen(eq=False)
class Picture:
    """A 2D image, where it came from and how large its pixels are.

    pixels      (a, b) integers or finite real numbers
    name        of the file, without folders, and the slice in it if there are several
    pixel_size  edge lengths along (rows, columns) in metres; None when unknown
    coloured    whether it was in colours, of which it is the luminance
    """

    pixels: NDArray[Any]
    name: str
    pixel_size: PixelSize | None = None
    coloured: bool = False

    def replace_pixels(self, pixels: NDArray[Any]) -> "Picture":
        """The same with other pixels of the same size."""
        return attrs.evolve(self, pixels=pixels)


Pictures = Mapping[str, Sequence[Picture]]
"""Plane -> its images."""


def filter_all(
    pictures: Pictures,
    what: str,
    function: Callable[[NDArray[Any]], tuple[NDArray[Any], float]],
    progress: Callable[[str, int, int], None],
) -> tuple[Pictures, list[float]]:
    """The images filtered, and the number that the function found in each."""
    numbers: list[float] = []
    total = sum(map(len, pictures.values()))
    result: dict[str, list[Picture]] = {plane: [] for plane in pictures}
    for plane, stack in pictures.items():
        for picture in stack:
            pixels, number = function(picture.pixels)
            numbers.append(number)
            progress(what, len(numbers), total)
            result[plane].append(picture.replace_pixels(pixels))
    return result, numbers


def list_pixels(pictures: Pictures) -> dict[str, list[NDArray[Any]]]:
    """Plane -> the bare arrays."""
    return {plane: [picture.pixels for picture in stack] for plane, stack in pictures.items()}


def list_names(pictures: Pictures) -> str:
    """The names of all images, at most three of them written out."""
    names = list(dict.fromkeys(picture.name for stack in pictures.values() for picture in stack))
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def make_printable(name: str) -> str:
    """A file name as text: bytes that are not UTF-8, which no font has, become the sign for it."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
