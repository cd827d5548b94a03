"""The kind `refiner`."""

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

import attrs

from recon.core.kinds.plugin import Plugin

if TYPE_CHECKING:
    from recon.core.sampling.scene import Scene
    from recon.core.sampling.slabs.field import Field


@attrs.frozen
class Refiner(Plugin):
    """The finished field made better, after the last step and before it is decoded.

    `in_slabs` says that it uses nothing but + - * / and the functions of core.sampling.slabs on
    the field, so that it may lie on disk or over processes.
    """

    kind: ClassVar[str] = "refiner"
    in_slabs: ClassVar[bool] = False

    @abstractmethod
    def refine(self, field: "Field", scene: "Scene") -> "Field":
        """The field (C, Z, Y, X) of the clean volume, refined; it may be changed in place."""
