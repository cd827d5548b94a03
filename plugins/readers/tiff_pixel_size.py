"""The pixel size that TIFF files state: ImageJ, OME and two makers of electron microscopes."""

import contextlib
import warnings
from math import isclose
from typing import Any
from xml.etree import ElementTree  # nosec B405

from recon.core.data.units import parse_length
from recon.core.errors import ReconError
from recon.core.kinds.reader import PixelSize
from recon.plugins.readers.lengths import to_metres

PRINT_UNITS = ("cm", "inch")  # a resolution for printing, not of the microscope
UNKNOWN = (
    ReconError,
    KeyError,
    IndexError,
    TypeError,
    ValueError,
    StopIteration,
    ZeroDivisionError,
    ElementTree.ParseError,
)


def read_pixel_size(tiff: Any) -> tuple[PixelSize | None, float | None]:
    """Edge lengths along (rows, columns) and distance of slices in metres of an open TiffFile.

    Each None when not stated. Bare resolution tags are not believed: most programs write 72 or
    300 dots per inch there.
    """
    sources = (
        (tiff.is_ome, _read_ome),
        (tiff.is_fei, _read_thermo_fisher),
        (tiff.is_sem, _read_zeiss),
        (tiff.is_imagej, _read_imagej),
    )
    for present, read in sources:
        if present:
            with contextlib.suppress(*UNKNOWN):
                return read(tiff)
    return None, None


def _read_imagej(tiff: Any) -> tuple[PixelSize | None, float | None]:
    """As ImageJ writes it: y and z may have units of their own, and a depth of 1 is left out."""
    metadata = tiff.imagej_metadata or {}
    unit = str(metadata.get("unit", ""))
    if not unit or unit in PRINT_UNITS:
        return None, None
    rows, columns = (tiff.pages[0].tags[name].value for name in ("YResolution", "XResolution"))
    y = to_metres(f"{rows[1] / rows[0]:.6g}", str(metadata.get("yunit", unit)))
    x = to_metres(f"{columns[1] / columns[0]:.6g}", unit)
    depth, zunit = metadata.get("spacing"), str(metadata.get("zunit", unit))
    if depth is not None:  # below 0: the slices run downwards
        z = to_metres(abs(float(depth)), zunit)
    elif metadata.get("slices", 1) > 1:
        z = to_metres(1, zunit)
        if z is not None and y is not None and not isclose(z, y, rel_tol=1e-3):
            warnings.warn(
                f"{tiff.filename}: slices lie 1 {zunit} apart (the file has no spacing, and "
                "ImageJ leaves out a spacing of 1); give voxel_size= if they do not",
                stacklevel=2,
            )
    else:
        z = None
    return (y, x) if y and x else None, z


def _read_ome(tiff: Any) -> tuple[PixelSize | None, float | None]:
    # Entities that grow without bound are an error of expat 2.4.1 and newer.
    tree = ElementTree.fromstring(tiff.ome_metadata)  # nosec B314
    pixels = next(node for node in tree.iter() if node.tag.endswith("Pixels"))
    z, y, x = (
        to_metres(pixels.get(f"PhysicalSize{axis}"), pixels.get(f"PhysicalSize{axis}Unit", "um"))
        for axis in "ZYX"
    )
    return (y, x) if y and x else None, z


def _read_thermo_fisher(tiff: Any) -> tuple[PixelSize | None, float | None]:
    scan = tiff.fei_metadata["Scan"]
    return (parse_length(f"{scan['PixelHeight']}"), parse_length(f"{scan['PixelWidth']}")), None


def _read_zeiss(tiff: Any) -> tuple[PixelSize | None, float | None]:
    metadata = tiff.sem_metadata
    value = metadata.get("ap_image_pixel_size") or metadata["ap_pixel_size"]
    length = parse_length(f"{value[1]}{value[2]}")
    return (length, length), None
