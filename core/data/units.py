"""Lengths with units, as flags and image files give them, in metres."""

import re
from decimal import Decimal
from math import floor, log10

from recon.core.errors import ReconError

EXPONENTS = {
    "m": 0,
    "cm": -2,
    "mm": -3,
    "um": -6,
    "micron": -6,
    "microns": -6,
    "nm": -9,
    "angstrom": -10,
    "pm": -12,
}
LENGTH = re.compile(r"\s*(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?\s*([^\W\d_]*)\s*", re.ASCII)
RULE = "a length > 0 with a unit (m, mm, um, nm) such as 0.4um, or in metres such as 4e-7"


def parse_length(text: str) -> float:
    """A length such as "0.4um", "398 nm" or "4e-7" (metres when no unit is given) in metres.

    Raises ReconError for another unit, a number <= 0 or anything else.
    """
    plain = text.replace("\N{MICRO SIGN}", "u").replace("\N{GREEK SMALL LETTER MU}", "u")
    match = LENGTH.fullmatch(plain)
    unit = match[3] or "m" if match else ""
    if match is None or unit not in EXPONENTS:
        raise ReconError(f"length must be {RULE}, got {text!r}")
    # Decimal, so that 0.4um is exactly the float 4e-7.
    metres = float(Decimal(match[1] + (match[2] or "")).scaleb(EXPONENTS[unit]))
    if metres == 0:
        raise ReconError(f"length must be {RULE}, got {text!r}")
    return metres


def format_length(metres: float) -> str:
    """A length in the unit that reads best: 4e-07 is 400nm."""
    unit = next((unit for unit in ("m", "mm", "um") if metres >= 10 ** EXPONENTS[unit]), "nm")
    return f"{metres / 10.0 ** EXPONENTS[unit]:.6g}{unit}"


def round_length(length: float) -> float:
    """The largest of 1, 2, 5, 10, 20, ... (times a power of ten) that is not above a length."""
    power: float = 10.0 ** floor(log10(length))
    return power * max(step for step in (1, 2, 5) if step * power <= length * (1 + 1e-9))


def format_voxel_size(size: tuple[float, float, float]) -> str:
    """One length when the voxels are cubes, else three (z,y,x)."""
    if len(set(size)) == 1:
        return format_length(size[0])
    return ",".join(map(format_length, size))
