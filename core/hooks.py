"""The hooks: each takes no argument and returns the plugin classes of its kind."""

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from types import ModuleType

    import click

    from recon.core import kinds

API = 1
"""Version of the plugin interface: raised when plugins made for the one before no longer work.
A module of plugins may say in RECON_API which one it was made for."""
hookspec = pluggy.HookspecMarker("recon")
hookimpl = pluggy.HookimplMarker("recon")


def check_api(module: "ModuleType") -> None:
    """ImportError for a module of plugins that was made for another version of the interface."""
    made_for = getattr(module, "RECON_API", API)
    if made_for != API:
        raise ImportError(
            f"it was made for version {made_for} of recon's plugin interface, and this recon has "
            f"version {API}; install a version of the package that was made for it"
        )


@hookspec
def recon_denoisers() -> "list[type[kinds.Denoiser]]":  # type: ignore[empty-body]
    """Models of the slices of each plane."""


@hookspec
def recon_schedules() -> "list[type[kinds.Schedule]]":  # type: ignore[empty-body]
    """Which planes are denoised at which step."""


@hookspec
def recon_harmonizers() -> "list[type[kinds.Harmonizer]]":  # type: ignore[empty-body]
    """One reverse step of the volume."""


@hookspec
def recon_refiners() -> "list[type[kinds.Refiner]]":  # type: ignore[empty-body]
    """The finished field made better, before it is decoded."""


@hookspec
def recon_metrics() -> "list[type[kinds.Metric]]":  # type: ignore[empty-body]
    """Spatial statistics of a volume or of micrographs."""


@hookspec
def recon_properties() -> "list[type[kinds.Property]]":  # type: ignore[empty-body]
    """Effective properties of a volume."""


@hookspec
def recon_exporters() -> "list[type[kinds.Exporter]]":  # type: ignore[empty-body]
    """File formats that volumes are written to, by suffix."""


@hookspec
def recon_readers() -> "list[type[kinds.Reader]]":  # type: ignore[empty-body]
    """File formats that images and volumes are read from, by suffix or first bytes."""


@hookspec
def recon_commands() -> "list[click.Command]":  # type: ignore[empty-body]
    """Commands of their own, as `recon NAME`."""
