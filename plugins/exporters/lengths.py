"""Lengths of a voxel in the unit of a file."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recon.core.data.volume import Volume

METRES = {"m": 1.0, "mm": 1e-3, "um": 1e-6, "nm": 1e-9}
UNITS = tuple(METRES)
UNIT = "Unit of length in the file."


def measure_edges(volume: "Volume", unit: str) -> tuple[float, float, float]:
    """Edges of a voxel along (x, y, z)."""
    z, y, x = (float(f"{edge / METRES[unit]:.12g}") for edge in volume.voxel_size)
    return x, y, z
