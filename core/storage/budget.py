"""Amounts of memory: as flags give them, what this process holds and what is left."""

import os
import re
from pathlib import Path

from recon.core.errors import ReconError

SIZE = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*([kmgt]?)(i?)b?\s*", re.ASCII | re.IGNORECASE)
POWERS = ("", "k", "m", "g", "t")
TYPICAL = 500_000_000


def parse_memory(text: str) -> int:
    """An amount of memory such as "2GB", "500 MB", "4GiB" or "2g" in bytes.

    Raises ReconError for anything else and for less than a byte.
    """
    match = SIZE.fullmatch(text)
    base = 1024 if match and match[3] else 1000
    bytes_ = int(float(match[1]) * base ** POWERS.index(match[2].lower())) if match else 0
    if bytes_ < 1:
        raise ReconError(f"memory must be an amount > 0 such as 2GB, 500MB or 4GiB, got {text!r}")
    return bytes_


def format_memory(amount: float) -> str:
    """Bytes in the unit that reads best: 2.1e9 is 2.1GB."""
    power = next((p for p in (4, 3, 2, 1) if amount >= 1000**p), 0)
    return f"{amount / 1000**power:.3g}{('', 'k', 'M', 'G', 'T')[power]}B"


def measure_resident() -> int:
    """Bytes of memory that this process holds; a typical amount where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, AttributeError, ValueError):
        return TYPICAL


def measure_available() -> int | None:
    """Bytes that this process may still take; None where the system does not tell.

    What the kernel gives without swapping, or what is left of the limit of the container or job.
    """
    try:
        facts = Path("/proc/meminfo").read_text(encoding="ascii")
        left = 1024 * int(facts.partition("MemAvailable:")[2].split()[0])
    except (OSError, ValueError, IndexError):
        return None
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii"))
    except (OSError, ValueError):  # no limit ("max"), or no control groups
        return left
    return max(0, min(left, limit - measure_resident()))
