"""What is known of a material from its micrographs."""

from typing import Any

import attrs
import numpy as np

from recon.core.catalog import catalog
from recon.core.data.micrographs import Micrographs
from recon.core.data.statistics import Arrays, Statistics
from recon.core.errors import ReconError, shown

KINDS = ("harmonizer", "refiner")
"""Kinds of plugins that may measure micrographs for themselves."""


@attrs.frozen
class Material:
    """What a fitted denoiser knows of its material beside its parameters."""

    phases: tuple[str, ...]
    voxel_size: tuple[float, float, float]
    statistics: Statistics

    @classmethod
    def of(cls, micrographs: Micrographs) -> "Material":
        """Names, voxel size and statistics of the micrographs, and what installed plugins need."""
        if len(micrographs.phases) < 2:
            raise ReconError("micrographs must show at least two phases, got one")
        statistics = Statistics.of(micrographs, arrays=measure_arrays(micrographs))
        return cls(micrographs.phases, micrographs.voxel_size, statistics)

    def check_measured(self, plugin: Any) -> None:
        """ReconError when the material lacks what a plugin needs of its micrographs."""
        needed = plugin.measures_micrographs() and plugin.needs_arrays
        if needed and _key(plugin) not in self.statistics.arrays:
            raise ReconError(
                f"{plugin.kind} {plugin.name} needs what it measures on micrographs, and the "
                "weights were made without it; train again with it installed, or leave it out"
            )


def measure_arrays(micrographs: Micrographs) -> dict[str, Arrays]:
    """Plugin -> the arrays that it measures; of every installed one that measures any."""
    plugins = [entry.cls for entry in catalog() if entry.kind in KINDS]
    return {
        _key(plugin): check_arrays(plugin, plugin.measure_micrographs(micrographs))
        for plugin in plugins
        if plugin.measures_micrographs()
    }


def check_arrays(plugin: Any, value: Any) -> Arrays:
    """The arrays that a plugin returned; ReconError unless they can be kept."""
    right = isinstance(value, dict) and all(
        isinstance(name, str)
        and isinstance(array, np.ndarray)
        and array.dtype.name in ("uint8", "int64", "float32", "float64")
        and np.isfinite(array).all()
        for name, array in value.items()
    )
    if not right:
        raise ReconError(
            f"{plugin.kind} {plugin.name} must measure a dict of finite arrays of uint8, int64, "
            f"float32 or float64, got {shown(value)}; tell its author, or disable it by "
            "RECON_DISABLED_PLUGINS"
        )
    return value  # type: ignore[no-any-return]


def _key(plugin: Any) -> str:
    return f"{plugin.kind}.{plugin.name}"
