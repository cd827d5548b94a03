"""Lengths as image files write them, with any name or symbol of their unit, in metres."""

import math
import warnings
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from recon.plugins.readers.multiscales import MICRO, UNITS

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


LARGEST = 1e-3
"""Metres; a longer voxel was not meant in metres."""


def read_bare_lengths(numbers: Sequence[float], path: Path) -> tuple[float, ...] | None:
    """Lengths of a format that has no unit, in metres, as recon writes them.

    None where all are 1, which is what programs write that know none, and, with a warning, where
    one is longer than a millimetre.
    """
    lengths = tuple(to_metres(f"{number:.7g}", "m") for number in numbers)
    if set(numbers) == {1.0} or not all(lengths):
        return None
    if max(numbers) > LARGEST:
        each = ", ".join(f"{number:g}" for number in numbers)
        warnings.warn(
            f"{path}: its spacing {each} (z, y, x) has no unit and is too long for metres, so it "
            'is unknown; give voxel_size="0.4um"',
            stacklevel=2,
        )
        return None
    return tuple(length for length in lengths if length)
