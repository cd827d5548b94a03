"""The five hooks: each takes no argument and returns the plugin classes of its kind."""

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from recon.core.kinds import Denoiser, Harmonizer, Metric, Property, Schedule

hookspec = pluggy.HookspecMarker("recon")
hookimpl = pluggy.HookimplMarker("recon")


@hookspec
def recon_denoisers() -> "list[type[Denoiser]]":  # type: ignore[empty-body]
    """Models of the slices of each plane."""


@hookspec
def recon_schedules() -> "list[type[Schedule]]":  # type: ignore[empty-body]
    """Which planes are denoised at which step."""


@hookspec
def recon_harmonizers() -> "list[type[Harmonizer]]":  # type: ignore[empty-body]
    """One reverse step of the volume."""


@hookspec
def recon_metrics() -> "list[type[Metric]]":  # type: ignore[empty-body]
    """Spatial statistics of a volume or of micrographs."""


@hookspec
def recon_properties() -> "list[type[Property]]":  # type: ignore[empty-body]
    """Effective properties of a volume."""
