"""The kind `exporter`."""

from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import attrs

from recon.core.kinds.plugin import Plugin

if TYPE_CHECKING:
    from recon.core.data.volume import Volume

Report = Callable[[int, int], None]
"""Hears how many steps are done, and of how many."""


def _ignore(done: int, total: int) -> None: ...


@attrs.frozen
class Exporter(Plugin):
    """A file format that volumes are written to; `suffixes` (".vti", ...) choose it.

    One that takes long calls `report` now and then.
    """

    kind: ClassVar[str] = "exporter"
    suffixes: ClassVar[tuple[str, ...]]
    report: Report = attrs.field(default=_ignore, kw_only=True, eq=False, repr=False)

    def list_outputs(self, volume: "Volume", path: Path) -> tuple[Path, ...]:
        """The files that `write` makes, all of them in the folder of the path.

        Called before anything is written: ReconError for what the format cannot hold belongs here.
        """
        return (path,)

    @abstractmethod
    def write(self, volume: "Volume", path: Path) -> None:
        """Write these files, none of which exists; all appear together once this has returned."""
