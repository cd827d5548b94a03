"""The voxel size that image files state: ImageJ and OME metadata of TIFF files."""

import contextlib
from collections.abc import Mapping, Sequence
from math import isclose
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from recon.core.errors import ReconError
from recon.core.planes import AXES, in_plane
from recon.core.units import format_length, parse_length

if TYPE_CHECKING:
    from recon.core.images import ImageFile

PixelSize = tuple[float, float]
PRINT_UNITS = ("cm", "inch")  # a resolution for printing, not of the microscope


def tiff_pixel_size(tiff: Any) -> PixelSize | None:
    """Edge lengths along (rows, columns) in metres that an open TiffFile states, if it does.

    Bare resolution tags are not believed: most programs write 72 or 300 dots per inch there.
    """
    unknown = (ReconError, KeyError, StopIteration, ZeroDivisionError, ElementTree.ParseError)
    with contextlib.suppress(*unknown):
        return _ome(tiff.ome_metadata) if tiff.is_ome else _imagej(tiff)
    return None


def _imagej(tiff: Any) -> PixelSize | None:
    unit = (tiff.imagej_metadata or {}).get("unit", "")
    unit = str(unit).replace("\\u00B5", "u")
    if not unit or unit in PRINT_UNITS:
        return None
    rows, columns = (tiff.pages[0].tags[name].value for name in ("YResolution", "XResolution"))
    return (
        parse_length(f"{rows[1] / rows[0]:.6g}{unit}"),
        parse_length(f"{columns[1] / columns[0]:.6g}{unit}"),
    )


def _ome(xml: str) -> PixelSize:
    pixels = next(
        node for node in ElementTree.fromstring(xml).iter() if node.tag.endswith("Pixels")
    )
    rows, columns = (
        parse_length(
            pixels.attrib[f"PhysicalSize{axis}"] + pixels.get(f"PhysicalSize{axis}Unit", "um")
        )
        for axis in "YX"
    )
    return rows, columns


def stated_voxel_size(
    planes: "Mapping[str, Sequence[ImageFile]]",
) -> tuple[float, float, float] | None:
    """Voxel size (z, y, x) in metres that the files of each plane state; None when none does.

    An axis that no file sees gets the size of the others when these agree. Raises ReconError when
    files disagree or the axis cannot be guessed.
    """
    stated: dict[int, tuple[float, Any]] = {}
    for plane, files in planes.items():
        for file in files:
            for axis, length in zip(in_plane(plane), file.pixel_size or (), strict=False):
                known, source = stated.setdefault(axis, (length, file.path))
                if not isclose(known, length, rel_tol=1e-3):
                    raise ReconError(
                        f"{source} and {file.path} differ in their pixel size along {AXES[axis]}: "
                        f"{format_length(known)} and {format_length(length)}; resample one of "
                        "them or give --voxel-size"
                    )
    if not stated:
        return None
    lengths = [length for length, _ in stated.values()]
    if len(lengths) < 3 and not isclose(min(lengths), max(lengths), rel_tol=1e-3):
        raise ReconError(
            "pixels are not square and no file tells the third length of a voxel; "
            "give --voxel-size z,y,x"
        )
    z, y, x = (stated.get(axis, (lengths[0], None))[0] for axis in range(3))
    return z, y, x
