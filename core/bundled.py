"""Weights that are shipped with a denoiser, by the name of their material."""

import os
from importlib import resources
from pathlib import Path

from recon.core.catalog import catalog
from recon.core.errors import ReconError, unknown

DEFAULT = "porous"
"""Material of the weights that are taken when none are named."""


def list_bundled(denoiser: str) -> dict[str, Path]:
    """Name -> file of the weights shipped with a denoiser."""
    package = catalog().entry("denoiser", denoiser).summary.weights_package
    if package is None:
        return {}
    files = resources.files(package).iterdir()
    paths = [Path(str(file)) for file in files if file.name.endswith(".safetensors")]
    return {file.stem: file for file in sorted(paths)}


def find_weights(denoiser: str, name: str | None) -> Path:
    """File of the weights of a name or path; the default example's when there is none."""
    known = list_bundled(denoiser)
    if (name or DEFAULT) in known:
        return known[name or DEFAULT]
    if name is None:
        raise ReconError(f"denoiser {denoiser} has no weights; give weights= or micrographs=")
    path = Path(name)
    if os.path.exists(path) or path.suffix:
        return path
    raise unknown("weights", name, known)
