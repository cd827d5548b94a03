"""Volumes larger than one memory: fields in slabs, on disk or over processes."""

from recon.core.sampling.slabs.field import Field, mapped, materialize
from recon.core.sampling.slabs.slabs import Slabs, Stored

__all__ = ["Field", "Slabs", "Stored", "mapped", "materialize"]
