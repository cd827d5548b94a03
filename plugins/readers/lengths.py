"""Lengths as image files write them, with any name or symbol of their unit, in metres."""

import math
from decimal import Decimal, InvalidOperation
from typing import Any

from recon.core.storage.multiscales import MICRO, UNITS

SYMBOLS = {
    f"{prefix}m": Decimal(1).scaleb(power)
    for prefix, power in {
        **{"Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1},
        **{"": 0, "d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18},
        **{"z": -21, "y": -24},
    }.items()
} | {
    "\N{LATIN CAPITAL LETTER A WITH RING ABOVE}": UNITS["angstrom"],
    "\N{ANGSTROM SIGN}": UNITS["angstrom"],
    "A": UNITS["angstrom"],
    "thou": UNITS["inch"] / 1000,
    "in": UNITS["inch"],
    "ft": UNITS["foot"],
    "yd": UNITS["yard"],
    "mi": UNITS["mile"],
}
"""Metres in each symbol, of which upper and lower case differ (OME's UnitsLength)."""


def to_metres(number: Any, unit: str) -> float | None:
    """A length > 0 in metres; None for a unit that is no length and for what is no such number."""
    plain = unit.strip().replace("\\u00B5", "u").translate(MICRO)
    factor = SYMBOLS.get(plain) or UNITS.get(plain.lower()) or UNITS.get(plain.lower().rstrip("s"))
    try:
        length = float(Decimal(str(number)) * (factor or 0))
    except (InvalidOperation, OverflowError):
        return None
    return length if 0 < length < math.inf else None
