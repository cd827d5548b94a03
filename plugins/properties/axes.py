"""The directions that a property is asked for."""

from collections.abc import Sequence

from recon.core.errors import ReconError


def check_axes(where: str, axes: Sequence[str]) -> None:
    """ReconError unless there is one or more, each once; `where` begins the message."""
    if not axes or len(set(axes)) < len(axes):
        raise ReconError(f"{where}: axes must be one or more, each once, got {tuple(axes)}")
