"""The kind `metric`."""

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

import attrs

from recon.core.kinds.plugin import Plugin

if TYPE_CHECKING:
    import xarray as xr

    from recon.core.data.micrographs import Micrographs
    from recon.core.data.volume import Volume


@attrs.frozen
class Metric(Plugin):
    """A spatial statistic.

    Where `chunked` is True, `measure` takes a ChunkedVolume too, to the same numbers (by_parts).
    """

    kind: ClassVar[str] = "metric"
    chunked: ClassVar[bool] = False

    @abstractmethod
    def measure(self, sample: "Volume | Micrographs") -> "xr.DataArray | xr.Dataset | float":
        """The statistic of a volume or of micrographs."""
