"""The kind `exporter`."""

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import attrs

from recon.core.kinds.plugin import Plugin

if TYPE_CHECKING:
    from recon.core.data.volume import Volume


@attrs.frozen
class Exporter(Plugin):
    """A file format that volumes are written to; `suffixes` (".vti", ...) choose it."""

    kind: ClassVar[str] = "exporter"
    suffixes: ClassVar[tuple[str, ...]]

    @abstractmethod
    def write(self, volume: "Volume", path: Path) -> None:
        """Write the volume to a path that does not exist yet."""
