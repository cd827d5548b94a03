"""Sizes of voxels and pixels as text, such as flags give them."""

from recon.core.data.units import parse_length
from recon.core.errors import ReconError


def parse_voxel_size(text: str) -> tuple[float, float, float]:
    """One length for all axes or three (z, y, x) separated by commas, in metres."""
    parts = text.split(",")
    if len(parts) not in (1, 3):
        raise ReconError(
            "voxel size must be one length or three separated by commas (z,y,x) with a decimal "
            f"point, such as 0.4um or 0.5um,0.4um,0.4um, got {text!r}"
        )
    if len({part.strip()[-1:].isalpha() for part in parts}) > 1:
        raise ReconError(f"voxel size must have a unit on every length or on none, got {text!r}")
    z, y, x = (parse_length(part) for part in (parts * 3)[:3])
    return z, y, x


def parse_pixel_size(text: str) -> tuple[float, float]:
    """One length for square pixels or two (rows, columns) separated by a comma, in metres."""
    parts = text.split(",")
    if len(parts) > 2 or len({part.strip()[-1:].isalpha() for part in parts}) > 1:
        raise ReconError(
            "pixel size must be one length or two separated by a comma (of rows, of columns) with "
            f"a decimal point and a unit, such as 0.2um or 0.3um,0.2um, got {text!r}"
        )
    rows, columns = (parse_length(part) for part in (parts * 2)[:2])
    return rows, columns
