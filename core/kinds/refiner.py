"""The kind `refiner`."""

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

import attrs

from recon.core.kinds.plugin import MaterialPlugin

if TYPE_CHECKING:
    from recon.core.sampling.scene import Scene
    from recon.core.sampling.slabs.field import Field


@attrs.frozen
class Refiner(MaterialPlugin):
    """The finished field made better, after the last step and before it is decoded.

    `in_slabs` says that it uses nothing but + - * / and the functions of core.sampling.slabs on
    the field, which may then lie on disk or over processes.
    """

    kind: ClassVar[str] = "refiner"
    in_slabs: ClassVar[bool] = False

    def check(self, scene: "Scene") -> None:  # noqa: B027  most have nothing to refuse
        """Refuse options or arrays that do not suit the scene, before work begins."""

    @abstractmethod
    def refine(self, field: "Field", scene: "Scene") -> "Field":
        """The field (C, Z, Y, X) of the clean volume, refined.

        field  as the harmonizer left it, or the refiner before; it may be changed in place
        scene  the volume; of its fractions those that the harmonizer aimed at. Anchors are in the
               field already and are to stay
        """
