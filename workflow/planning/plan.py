"""What a run will take, and which split of the volume keeps it within a memory."""

import time
from functools import partial
from math import prod

import attrs
import torch

from recon.core.data.planes import NORMAL, PLANES, in_plane
from recon.core.errors import ReconError
from recon.core.kinds import Denoiser
from recon.core.recipe import Recipe
from recon.core.sampler import field_channels, torch_device
from recon.core.sampling.noise import Step
from recon.core.storage.budget import available, format_memory
from recon.workflow.planning.passes import Passes, count
from recon.workflow.planning.tracing import Cost, traced

LIBRARIES = 420e6
"""Bytes of Python, torch and the rest before any work."""
IN_MEMORY = 60
"""Bytes a voxel and channel of a sampler whose volume is in memory."""
IN_SLABS = 40
"""The same for the slab that is worked on."""
KERNELS = 2.0
"""Memory of a network pass over that of its tensors: kernels take working memory."""
ON_DISK = 30
"""Bytes a voxel and channel of the fields on disk at one time."""
THICKNESSES = (64, 32, 16, 8)
CHUNK = 64
"""Slices handed to the denoiser at a time."""
TIMED = 32 * 128**2
"""Pixels of a network pass that is timed."""
UNASKED = 500e6
"""Bytes that every machine has."""
TYPICAL = Step(0, 2, 500, 0.5, 0.6, ("xy",))
SPARE = 0.8
"""Share of the available memory that a run takes when no limit is given."""


@attrs.frozen
class Memory:
    """Bytes that one sample takes.

    whole  with the volume in memory;  slabs  thickness -> with fields in slabs on disk
    """

    whole: int
    slabs: dict[int, int]

    @classmethod
    def of(cls, recipe: Recipe, denoiser: Denoiser) -> "Memory":
        """Largest of what the planes take."""
        voxels, channels = prod(recipe.shape), field_channels(denoiser)
        network = LIBRARIES + KERNELS * max(
            cost.peak if cost else 0 for cost in costs(recipe, denoiser).values()
        )
        largest = voxels // min(recipe.shape) * channels
        return cls(
            int(network + IN_MEMORY * voxels * channels),
            {
                thick: int(network + IN_SLABS * largest * min(thick, max(recipe.shape)))
                for thick in THICKNESSES
            },
        )

    def thickness(self, limit: int | None) -> int | None:
        """Of slabs on disk that keep within a limit; None when the volume fits as a whole.

        limit  bytes; when not given most of what is available
        """
        if limit is None:
            left = available()
            limit = self.whole if left is None else int(SPARE * left)
        if self.whole <= limit:
            return None
        for thick, needed in self.slabs.items():
            if needed <= limit:
                return thick
        least = min(self.slabs.values())
        raise ReconError(
            f"a volume of this shape needs {format_memory(least)} of memory even in thin slabs, "
            f"got {format_memory(limit)}; give more --memory, take a smaller --shape, or --set "
            "denoiser.batch_slices=8"
        )


@attrs.frozen
class Plan:
    """Cost of one sample; flop is None where the denoiser does not tell.

    passes  network passes;  flop  of all of them;  seconds  on this device
    disk    bytes of the volume when done, not compressed;  scratch  bytes beside while it runs
    """

    passes: Passes
    flop: int | None
    memory: Memory
    thickness: int | None
    seconds: float
    disk: int
    scratch: int

    @classmethod
    def of(cls, recipe: Recipe, denoiser: Denoiser, limit: int | None) -> "Plan":
        """Count and time; takes some seconds.

        limit  bytes of memory to keep within
        """
        passes, memory = count(recipe, denoiser), Memory.of(recipe, denoiser)
        found = costs(recipe, denoiser)
        flop = sum(
            n * cost.flop * recipe.shape[NORMAL[plane]] // slices(recipe, plane)
            for plane, n in passes.of.items()
            if (cost := found[plane]) is not None
        )
        voxels, channels = prod(recipe.shape), field_channels(denoiser)
        thickness = memory.thickness(limit)
        beside = passes.total * voxels * channels * passes.seconds
        seconds = beside + network_seconds(recipe, denoiser, flop, passes.total * voxels)
        return cls(
            passes,
            flop or None,
            memory,
            thickness,
            seconds,
            voxels,
            0 if thickness is None else scratch(recipe, denoiser),
        )


def scratch(recipe: Recipe, denoiser: Denoiser) -> int:
    """Bytes on disk of the fields of a sample in slabs."""
    return ON_DISK * prod(recipe.shape) * field_channels(denoiser)


def slices(recipe: Recipe, plane: str) -> int:
    """Slices of a plane that are handed to the denoiser at a time."""
    return min(CHUNK, recipe.shape[NORMAL[plane]])


def costs(recipe: Recipe, denoiser: Denoiser) -> dict[str, Cost | None]:
    """Of one call of the denoiser for each plane."""
    found = {}
    for plane in PLANES:
        rows, columns = (recipe.shape[axis] for axis in in_plane(plane))
        shape = (slices(recipe, plane), field_channels(denoiser), rows, columns)
        found[plane] = traced(partial(denoiser.clean, step=TYPICAL, plane=plane), shape)
    return found


def network_seconds(recipe: Recipe, denoiser: Denoiser, flop: int, pixels: int) -> float:
    """Seconds of the denoiser for so much arithmetic, or else so many pixels: at the speed that
    it has on a few slices of at most 128 x 128."""
    rows, columns = (min(128, side) for side in recipe.shape[1:])
    number = min(CHUNK, max(1, TIMED // (rows * columns)))
    shape = (number, field_channels(denoiser), rows, columns)
    x = torch.zeros(shape, device=torch_device(recipe.device))
    best = float("inf")
    with torch.inference_mode():
        for _ in range(3):
            begun = time.perf_counter()
            denoiser.clean(x, TYPICAL, "xy").sum().item()
            best = min(best, time.perf_counter() - begun)
    cost = traced(partial(denoiser.clean, step=TYPICAL, plane="xy"), shape)
    if cost is None or cost.flop == 0:
        return best * pixels / (number * rows * columns)
    return best * flop / cost.flop


def thickness_within(limit: int | None, recipe: Recipe, denoiser: Denoiser) -> int | None:
    """Of slabs on disk for a sample to keep within a memory; None: the volume is in memory.

    Of small volumes it is not asked what they need, unless there is a limit.
    """
    voxels = prod(recipe.shape) * field_channels(denoiser)
    if limit is None and IN_MEMORY * voxels <= UNASKED:
        return None
    return Memory.of(recipe, denoiser).thickness(limit)
