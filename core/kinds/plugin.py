"""What all kinds of plugins share."""

from abc import ABC
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recon.core.data.micrographs import Micrographs


class Plugin(ABC):
    """A plugin class is its own configuration, its flags and its documentation.

    It has a kind, a name on the command line, and options (see core.options.option).
    """

    kind: ClassVar[str]
    name: ClassVar[str]


class MaterialPlugin(Plugin):
    """A plugin that may need more of a material than the statistics that all weights carry.

    Where `needs_arrays` is False it can do without what it measures: older weights lack it.
    """

    needs_arrays: ClassVar[bool] = True

    @classmethod
    def measure_micrographs(cls, micrographs: "Micrographs") -> "Mapping[str, NDArray[Any]]":
        """Arrays by name, integers or finite floats, that are kept in the weights.

        Where the plugin works they are `scene.statistics.arrays_of(self)`.
        """
        return {}

    @classmethod
    def measures_micrographs(cls) -> bool:
        """Whether it needs arrays of its own."""
        return cls.measure_micrographs.__func__ is not (  # type: ignore[attr-defined]
            MaterialPlugin.measure_micrographs.__func__  # type: ignore[attr-defined]
        )
