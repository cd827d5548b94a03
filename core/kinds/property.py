"""The kind `property`."""

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import attrs

from recon.core.kinds.plugin import Plugin

if TYPE_CHECKING:
    import xarray as xr

    from recon.core.data.volume import Volume


Report = Callable[[int, int, str], None]
"""Hears how many steps are done, of how many, and a word on the state."""


def _ignore(done: int, total: int, state: str) -> None: ...


@attrs.frozen
class Property(Plugin):
    """An effective physical property.

    One that takes long calls `report` now and then. A variable of the result whose attribute
    `picture` says what it shows is a map (..., down, right) for the report, and no number.
    """

    kind: ClassVar[str] = "property"
    report: Report = attrs.field(default=_ignore, kw_only=True, eq=False, repr=False)

    @abstractmethod
    def solve(self, volume: "Volume") -> "xr.Dataset":
        """The property of a volume."""
