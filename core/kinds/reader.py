"""The kind `reader`."""

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from recon.core.kinds.plugin import Plugin

if TYPE_CHECKING:
    from numpy.typing import NDArray

PixelSize = tuple[float, float]
"""Edge lengths of a pixel along (rows, columns) in metres."""


@attrs.frozen(eq=False)
class ImageFile:
    """What one image or volume file holds.

    path        where it came from
    slices      2D arrays of booleans, integers or finite real numbers, none of them empty
    pixel_size  edge lengths of a pixel along (rows, columns) in metres; None when unknown
    spacing     distance of the slices in metres; None when unknown
    coloured    whether the slices were colours and are their luminance
    """

    path: Path
    slices: "tuple[NDArray[Any], ...]"
    pixel_size: PixelSize | None = None
    spacing: float | None = None
    coloured: bool = False


@attrs.frozen
class Reader(Plugin):
    """A file format that images and volumes are read from.

    `suffixes` (".tif", ...) and `signatures`, the first bytes of such files, choose it.
    """

    kind: ClassVar[str] = "reader"
    suffixes: ClassVar[tuple[str, ...]]
    signatures: ClassVar[tuple[bytes, ...]] = ()

    @abstractmethod
    def read(self, path: Path) -> ImageFile:
        """The slices of a file and what it says of their size."""
