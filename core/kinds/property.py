"""The kind `property`."""

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

import attrs

from recon.core.kinds.plugin import Plugin

if TYPE_CHECKING:
    import xarray as xr

    from recon.core.data.volume import Volume


@attrs.frozen
class Property(Plugin):
    """An effective physical property."""

    kind: ClassVar[str] = "property"

    @abstractmethod
    def solve(self, volume: "Volume") -> "xr.Dataset":
        """The property of a volume."""
