"""The kind `reader`."""

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from recon.core.errors import ReconError
from recon.core.kinds.plugin import Plugin

if TYPE_CHECKING:
    from numpy.typing import NDArray

PixelSize = tuple[float, float]
"""Edge lengths of a pixel along (rows, columns) in metres."""


def _as_slices(value: Any, image: Any) -> "tuple[NDArray[Any], ...]":
    if not hasattr(value, "ndim"):
        return tuple(value)
    if value.ndim == 2:
        return (value,)
    if value.ndim != 3 or 0 in value.shape:
        raise ReconError(
            f"{image.path} must be a slice (2D) or a stack of slices (3D), not empty, got shape "
            f"{value.shape}"
        )
    return tuple(value)


@attrs.frozen(eq=False)
class ImageFile:
    """What one image or volume file holds.

    path        where it came from
    slices      2D arrays of booleans, integers or finite real numbers, none of them empty; may be
                given as one 2D or 3D array
    pixel_size  edge lengths of a pixel along (rows, columns) in metres; None when unknown
    spacing     distance of the slices in metres; None when unknown
    coloured    whether the slices were colours and are their luminance
    phases      names of the labels 0, 1, ... of a label image; None when unknown
    """

    path: Path
    slices: "tuple[NDArray[Any], ...]" = attrs.field(
        converter=attrs.Converter(_as_slices, takes_self=True)  # type: ignore[misc]
    )
    pixel_size: PixelSize | None = None
    spacing: float | None = None
    coloured: bool = False
    phases: tuple[str, ...] | None = None


@attrs.frozen
class Reader(Plugin):
    """A file format that images and volumes are read from.

    `signatures`, the first bytes of such files, choose it; `suffixes` (".tif", ...) only where it
    has none, or where two readers know the bytes. A folder is read where it holds one of `members`.
    """

    kind: ClassVar[str] = "reader"
    suffixes: ClassVar[tuple[str, ...]] = ()
    signatures: ClassVar[tuple[bytes, ...]] = ()
    members: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def read(self, path: Path) -> ImageFile:
        """The slices of a file and what it says of their size.

        Errors other than ReconError are reported as those of a damaged file.
        """


def damage_error(path: Path, reason: object) -> ReconError:
    """Error for an image that is not as it was written."""
    text = " ".join(str(reason).split()) or type(reason).__name__
    return ReconError(f"image {path} is damaged: {text}; save it again")
