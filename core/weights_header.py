"""What a weights file tells of its material, which may come from anywhere, held against what it
must be."""

import json
import sys
from collections.abc import Callable
from typing import Any

from recon.core.data.encoding import count_channels
from recon.core.data.planes import PLANES
from recon.core.data.volume import MAX_PHASES
from recon.core.errors import shown


def parse_header(text: str) -> dict[str, Any]:
    """The table of the header as JSON; ValueError says what is wrong."""
    try:
        header = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(header, dict):
        raise ValueError(f"it must be a table, got {shown(header)}")
    return header


def check_header(header: dict[str, Any]) -> None:
    """ValueError for a key that is missing or not of its type; KeyError has its name."""
    _check(header, "denoiser", lambda v: isinstance(v, str), "a name")
    _check(header, "options", lambda v: isinstance(v, dict), "a table")
    _check(header, "phases", _are_names, f"2 to {MAX_PHASES} different names")
    _check(header, "voxel_size", lambda v: _are_numbers(v, 3) and min(v) > 0, "3 lengths > 0")
    _check(header, "planes", _are_planes, f"different ones of {', '.join(PLANES)}")
    _check(header, "arrays", _are_arrays, "a table of plugins, each with the names of its arrays")
    phases = len(header["phases"])
    _check(header, "fractions", lambda v: _are_shares(v, phases), f"{phases} numbers in [0, 1]")
    count = count_channels(phases)
    _check(header, "mean", lambda v: _are_numbers(v, count), f"{count} numbers")


def check_covariance(plane: str, shape: tuple[int, ...], phases: int) -> None:
    """ValueError unless the lag (0, 0) can stand in the middle, for each channel."""
    count = count_channels(phases)
    if len(shape) != 3 or shape[0] != count or shape[1] % 2 == 0 or shape[2] % 2 == 0:
        raise ValueError(f"the covariance of {plane} must be ({count}, odd, odd), got {shape}")


def _check(header: dict[str, Any], key: str, right: Callable[[Any], bool], rule: str) -> None:
    if not right(header[key]):
        raise ValueError(f"{key} must be {rule}, got {shown(header[key])}")


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _are_names(value: Any) -> bool:
    return _are_texts(value) and 2 <= len(value) <= MAX_PHASES and len(set(value)) == len(value)


def _are_planes(value: Any) -> bool:
    return _are_texts(value) and 1 <= len(set(value) & set(PLANES)) == len(value)


def _are_arrays(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_are_texts, value.values()))


def _are_numbers(value: Any, count: int) -> bool:
    """Whether it is a list of so many finite numbers, none of them an integer beyond floats."""
    if not isinstance(value, list) or len(value) != count:
        return False
    right = all(isinstance(item, int | float) and not isinstance(item, bool) for item in value)
    return right and all(abs(item) <= sys.float_info.max for item in value)


def _are_shares(value: Any, count: int) -> bool:
    return _are_numbers(value, count) and min(value) >= 0 and max(value) <= 1
