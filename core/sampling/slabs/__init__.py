"""Volumes larger than one memory: fields in slabs, on disk or over processes."""

from recon.core.sampling.slabs.operations import (
    SlabWithNeighbours,
    all_gather,
    all_reduce_sum,
    allocate_labels,
    as_slabs,
    as_tensor,
    iterate_slabs,
    iterate_with_neighbours,
    map_placed_slabs,
    map_slabs,
    materialize,
)
from recon.core.sampling.slabs.slab_field import SlabField
from recon.core.sampling.slabs.slabs import Read, Slabs, Stored

__all__ = [
    "Read",
    "SlabField",
    "SlabWithNeighbours",
    "Slabs",
    "Stored",
    "all_gather",
    "all_reduce_sum",
    "allocate_labels",
    "as_slabs",
    "as_tensor",
    "iterate_slabs",
    "iterate_with_neighbours",
    "map_placed_slabs",
    "map_slabs",
    "materialize",
]
