"""The pixel size that TIFF files state: ImageJ, OME and two makers of electron microscopes."""

import contextlib
from typing import Any
from xml.etree import ElementTree  # nosec B405

from recon.core.data.units import parse_length
from recon.core.errors import ReconError
from recon.core.kinds.reader import PixelSize

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
    metadata = tiff.imagej_metadata or {}
    unit = str(metadata.get("unit", "")).replace("\\u00B5", "u")
    if not unit or unit in PRINT_UNITS:
        return None, None
    rows, columns = (tiff.pages[0].tags[name].value for name in ("YResolution", "XResolution"))
    pixel = (
        parse_length(f"{rows[1] / rows[0]:.6g}{unit}"),
        parse_length(f"{columns[1] / columns[0]:.6g}{unit}"),
    )
    return pixel, _read_length(metadata.get("spacing"), unit)


def _read_ome(tiff: Any) -> tuple[PixelSize | None, float | None]:
    # Entities that grow without bound are an error of expat 2.4.1 and newer.
    tree = ElementTree.fromstring(tiff.ome_metadata)  # nosec B314
    pixels = next(node for node in tree.iter() if node.tag.endswith("Pixels"))
    z, y, x = (
        _read_length(pixels.get(f"PhysicalSize{axis}"), pixels.get(f"PhysicalSize{axis}Unit", "um"))
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


def _read_length(number: Any, unit: str) -> float | None:
    with contextlib.suppress(ReconError):
        return None if number is None else parse_length(f"{number}{unit}")
    return None
