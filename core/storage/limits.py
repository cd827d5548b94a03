"""Sizes that recon does not go beyond, and the environment variables that move them.

Images, volumes, weights and recipes may come from anywhere: what a file says of its own size is
held against a limit before anything is read or allocated.
"""

import os
import re
import stat
from pathlib import Path

import attrs

from recon.core.errors import ReconError
from recon.core.storage.budget import format_memory, parse_memory


@attrs.frozen
class Limit:
    """The most bytes of one thing.

    variable  of the environment: an amount such as 500MB or 16GiB in place of the default
    """

    variable: str
    default: int

    @property
    def bytes(self) -> int:
        """The limit that holds; ReconError when the variable is no amount."""
        amount = os.environ.get(self.variable, "")
        try:
            return parse_memory(amount) if amount.strip() else self.default
        except ReconError as error:
            raise ReconError(f"{self.variable}: {error}") from None

    def check(self, amount: int, what: str, remedy: str) -> None:
        """ReconError for an amount of bytes beyond the limit."""
        if amount > self.bytes:
            got = format_memory(min(amount, 10**30))
            raise ReconError(
                f"{what} must take at most {format_memory(self.bytes)}, got {got}; {remedy}, "
                f"or raise the limit {self.variable}"
            )


VOLUME = Limit("RECON_MAX_VOLUME", 2**36)
"""The labels of a volume, one byte a voxel."""

WEIGHTS = Limit("RECON_MAX_WEIGHTS", 4_000_000_000)
"""A weights file."""

TEXT = Limit("RECON_MAX_TEXT", 2_000_000)
"""A recipe, a materials file, the metadata of a zarr array."""


def stat_regular_file(path: Path, what: str) -> os.stat_result:
    """Status of a file that can be read to its end; ReconError for anything else.

    A pipe or a device in its place would be waited for without end.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise ReconError(f"cannot read {what} {shorten_path(path)}: {reason}") from None
    if not stat.S_ISREG(status.st_mode):
        kind = "folder" if stat.S_ISDIR(status.st_mode) else "pipe or a device"
        raise ReconError(f"cannot read {what} {path}: it is a {kind}; give a file")
    return status


def missing_error(path: Path, what: str) -> ReconError:
    """Error for a file or folder that is not there."""
    if address := re.fullmatch(r"([A-Za-z][A-Za-z0-9+.-]+):/(.+)", path.as_posix()):
        return ReconError(  # Path makes one slash of two
            f"{what} {address[1]}://{address[2]} is an address, and recon reads files on disk; "
            "download it first"
        )
    return ReconError(f"{what} {path} does not exist; check the path")


def shorten_path(path: Path) -> str:
    """A path as it is, cut where nobody would read on."""
    text = str(path)
    return text if len(text) <= 200 else f"{text[:197]}..."
