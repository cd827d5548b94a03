"""A TOML file that may come from anywhere: recipes and materials."""

import tomllib
from pathlib import Path
from typing import Any

from recon.core.errors import ReconError
from recon.core.storage.limits import TEXT, stat_regular_file

DOTS = 16_000_000
"""Most that the squares of the dots in each line may add up to: tomllib keeps every prefix of a
dotted key, so that one of 300,000 parts would take hundreds of gigabytes."""


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """Its table; `what` the file is begins the ReconError when it is none, or too large."""
    TEXT.check(stat_regular_file(path, what).st_size, f"{what} {path}", "shorten it")
    try:
        with path.open("rb") as file:
            text = file.read(TEXT.bytes).decode("utf-8")
        if sum(line.count(".") ** 2 for line in text.split("\n")) > DOTS:
            raise ReconError(f"{what} {path}: too many dots in a line; break it up")
        return tomllib.loads(text)
    except ReconError:
        raise
    except OSError as error:
        raise ReconError(f"cannot read {what} {path}: {error.strerror}") from None
    except RecursionError:
        raise ReconError(f"{what} {path}: not valid TOML: nested too deeply") from None
    except ValueError as error:  # no UTF-8, no TOML, an integer of thousands of digits
        raise ReconError(f"{what} {path}: not valid TOML: {error}") from None
