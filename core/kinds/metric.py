"""The kind `metric`, and what of it is compared with a material."""

from abc import abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import attrs

from recon.core.kinds.plugin import Plugin

if TYPE_CHECKING:
    import xarray as xr

    from recon.core.data.micrographs import Micrographs
    from recon.core.data.volume import Volume


@attrs.frozen
class Compared:
    """A number or curve of a metric that is compared with that of the material.

    The result has, in any order, at most the dims `phase`, one of places (`direction` or `plane`)
    and one axis, along which it is a curve.

    variable        of the Dataset that `measure` returns; "" when it returns an array or a number
    title           "Mean chord length"; by default made from the names
    phrase          in the middle of a sentence, "the mean chord length"; by default the title
    symbol, unit    "S2", "1/voxel"; the attribute `units` of the result goes before the unit
    axis            what the axis of a curve is called, "chord length"; by default its dim
    places          dim of directions or planes where it has another name, "axis"
    volumes         joins the comparison with a volume
    micrographs     joins the comparison with micrographs: `measure` takes Micrographs, and 2D
                    shows what it measures
    sampling_error  how far real subvolumes of the sample's size are from the material: "others",
                    each from the mean of the others, or "remainder", each from the material
                    without it. The latter holds for shares of the pairs or runs along a direction
                    that fit, (phase, direction, lag), or with the option `planes`
                    (phase, plane, lag)
    judged          enters the verdict
    occurrence      what it says of a phase that the value is above zero, "percolates": noted where
                    it is so in all samples and no real subvolume, or the other way round
    """

    variable: str = ""
    title: str = ""
    phrase: str = ""
    symbol: str = ""
    unit: str = ""
    axis: str = ""
    places: str = ""
    volumes: bool = True
    micrographs: bool = False
    sampling_error: Literal["others", "remainder"] = "others"
    judged: bool = True
    occurrence: str = ""


@attrs.frozen
class Metric(Plugin):
    """A spatial statistic.

    title              "Chord lengths", for headings; by default made from the name
    compared           what joins the comparison of a volume with its material by itself; anything
                       else is measured only
    unbiased           options under which a smaller sample has the same expectation; the
                       comparison sets them
    chunked            `measure` takes a ChunkedVolume too, to the same numbers (by_parts)
    """

    kind: ClassVar[str] = "metric"
    title: ClassVar[str] = ""
    compared: ClassVar[tuple[Compared, ...]] = ()
    unbiased: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    chunked: ClassVar[bool] = False

    @abstractmethod
    def measure(self, sample: "Volume | Micrographs") -> "xr.DataArray | xr.Dataset | float":
        """The statistic of a volume or of micrographs."""
