"""Weights that are shipped with a denoiser, by the name of their material."""

import os
from importlib import resources
from pathlib import Path

from recon.core.catalog import catalog
from recon.core.errors import ReconError, unknown

DEFAULT = "porous"
"""Material of the weights that are taken when none are named."""


def bundled(denoiser: str) -> dict[str, Path]:
    """Name -> file of the weights shipped with a denoiser."""
    package = catalog().entry("denoiser", denoiser).summary.weights_package
    if package is None:
        return {}
    files = resources.files(package).iterdir()
    found = [Path(str(file)) for file in files if file.name.endswith(".safetensors")]
    return {file.stem: file for file in sorted(found)}


def weights_path(denoiser: str, given: str | None) -> Path:
    """File of the weights given by name or path; the default example's when nothing is given."""
    known = bundled(denoiser)
    name = given or DEFAULT
    if name in known:
        return known[name]
    if given is None:
        raise ReconError(f"denoiser {denoiser} has no weights; give weights= or micrographs=")
    path = Path(given)
    if os.path.exists(path) or path.suffix:
        return path
    raise unknown("weights", given, known)
