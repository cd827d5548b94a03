"""The public face of recon: what plugins and scripts import."""

from recon.core.catalog import Catalog, catalog
from recon.core.data.chunked_volume import ChunkedVolume
from recon.core.errors import ReconError
from recon.core.hooks import hookimpl
from recon.core.kinds import Denoiser, Harmonizer, Metric, Property, Schedule
from recon.core.data.micrographs import Micrographs
from recon.core.sampling.noise import Step
from recon.core.options import option
from recon.core.sampler import State, measure, reconstruct
from recon.core.recipe import Recipe
from recon.core.data.volume import Volume

__all__ = [
    "Catalog",
    "ChunkedVolume",
    "Denoiser",
    "Harmonizer",
    "Metric",
    "Micrographs",
    "Property",
    "Recipe",
    "ReconError",
    "Schedule",
    "State",
    "Step",
    "Volume",
    "catalog",
    "hookimpl",
    "measure",
    "option",
    "reconstruct",
]
