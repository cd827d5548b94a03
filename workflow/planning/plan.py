"""What a run will take, and which split of the volume keeps it within a memory."""

import time
from collections.abc import Mapping
from functools import partial
from math import prod

import attrs
import torch
from torch import Tensor

from recon.core.data.planes import AXES, NORMAL, PLANES, in_plane
from recon.core.errors import ReconError
from recon.core.job import Job
from recon.core.sampler import plan_steps
from recon.core.sampling.step import Step
from recon.core.storage.budget import format_memory, measure_available
from recon.workflow.planning.passes import VOLUME, Passes, count_passes
from recon.workflow.planning.tracing import Cost, trace

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
SMALL = 48
"""Side of the volume of which a 3D estimate is timed."""
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
    def of(cls, job: Job, planes: Mapping[str, Cost | None]) -> "Memory":
        """Largest of what the planes take.

        planes  of `trace_planes`
        """
        values, shape = prod(job.field_shape), job.recipe.shape
        peaks = [cost.peak if cost else 0 for cost in planes.values()]
        if (step := find_volume_step(job)) is not None:
            block = trace_volume(job, step, planes=1)
            peaks.append(block.peak if block else 0)
        network = LIBRARIES + KERNELS * max(peaks)
        largest = values // min(shape)
        return cls(
            int(network + IN_MEMORY * values),
            {
                thick: int(network + IN_SLABS * largest * min(thick, max(shape)))
                for thick in THICKNESSES
            },
        )

    def choose_thickness(self, limit: int | None) -> int | None:
        """Of slabs on disk that keep within a limit; None when the volume fits as a whole.

        limit  bytes; when not given most of what is available
        """
        if limit is None:
            left = measure_available()
            limit = self.whole if left is None else int(SPARE * left)
        if self.whole <= limit:
            return None
        for thick, needed in self.slabs.items():
            if needed <= limit:
                return thick
        least = min(self.slabs.values())
        raise ReconError(
            f"a volume of this shape needs {format_memory(least)} of memory even in thin slabs, "
            f"got {format_memory(limit)}; give more memory=, take a smaller shape=, or "
            "denoiser.batch_slices=8"
        )


@attrs.frozen
class Plan:
    """Cost of one sample; flop is None where the denoiser does not say.

    steps   of the sampler;  passes  of the network;  flop  of all of them
    seconds  on this device
    disk    bytes of the volume when done, not compressed;  scratch  bytes beside while it runs
    """

    steps: int
    passes: Passes
    flop: int | None
    memory: Memory
    thickness: int | None
    seconds: float
    disk: int
    scratch: int

    @classmethod
    def of(cls, job: Job, limit: int | None) -> "Plan":
        """Count and time; takes some seconds.

        limit  bytes of memory to keep within
        """
        passes, planes, shape = count_passes(job), trace_planes(job), job.recipe.shape
        memory = Memory.of(job, planes)
        flop = sum(
            n * cost.flop * shape[NORMAL[plane]] // count_slices(job, plane)
            for plane, n in passes.of.items()
            if plane in planes and (cost := planes[plane]) is not None
        )
        voxels = prod(shape)
        thickness = memory.choose_thickness(limit)
        beside = passes.total * prod(job.field_shape) * passes.seconds
        of_volume = passes.of.get(VOLUME, 0)
        seconds = beside + time_network(job, flop, (passes.total - of_volume) * voxels)
        step = find_volume_step(job)
        if step is not None and of_volume:
            seconds += of_volume * time_volume(job, step)
            if (cost := trace_volume(job, step)) is not None:
                flop += of_volume * cost.flop
        scratch_bytes = 0 if thickness is None else estimate_scratch(job)
        steps = len(plan_steps(job))
        return cls(steps, passes, flop or None, memory, thickness, seconds, voxels, scratch_bytes)


def estimate_scratch(job: Job) -> int:
    """Bytes on disk of the fields of a sample in slabs."""
    return ON_DISK * prod(job.field_shape)


def count_slices(job: Job, plane: str) -> int:
    """Slices of a plane that are handed to the denoiser at a time."""
    return min(CHUNK, job.recipe.shape[NORMAL[plane]])


def trace_planes(job: Job) -> dict[str, Cost | None]:
    """Cost of one call of the denoiser for each plane: for slices of one shape, of one plane."""
    costs: dict[tuple[int, ...], Cost | None] = {}
    shapes = {}
    for plane in PLANES:
        rows, columns = (job.recipe.shape[axis] for axis in in_plane(plane))
        shape = (count_slices(job, plane), job.field_shape[0], rows, columns)
        if shape not in costs:
            costs[shape] = trace(partial(job.denoiser.clean, step=TYPICAL, plane=plane), shape)
        shapes[plane] = shape
    return {plane: costs[shape] for plane, shape in shapes.items()}


def find_volume_step(job: Job) -> Step | None:
    """A step in which the denoiser sees the whole volume, if there is one."""
    return next((step for step in plan_steps(job) if job.denoiser.sees_volume(step)), None)


def trace_volume(job: Job, step: Step, planes: int | None = None) -> Cost | None:
    """Cost of one estimate of the whole volume, or of the block that its first planes lie in."""
    periodic = [axis in job.recipe.periodic for axis in AXES]

    def estimate(x: Tensor) -> Tensor:
        return job.denoiser.clean_volume(x, step, periodic).planes(0, planes or x.shape[1])

    return trace(estimate, job.field_shape)


def time_volume(job: Job, step: Step) -> float:
    """Seconds of one estimate of the whole volume, at the speed of a small one."""
    sides = [min(SMALL, side) for side in job.recipe.shape]
    x = torch.zeros((job.field_shape[0], *sides), device=job.device)
    best = float("inf")
    with torch.inference_mode():
        for _ in range(2):
            begun = time.perf_counter()
            estimate = job.denoiser.clean_volume(x, step, (False, False, False))
            estimate.planes(0, sides[0]).sum().item()
            best = min(best, time.perf_counter() - begun)
    return best * prod(job.recipe.shape) / prod(sides)


def time_network(job: Job, flop: int, pixels: int) -> float:
    """Seconds of the denoiser for so much arithmetic, or else so many pixels: at the speed that
    it has on a few slices of at most 128 x 128."""
    denoiser = job.denoiser
    rows, columns = (min(128, side) for side in job.recipe.shape[1:])
    number = min(CHUNK, max(1, TIMED // (rows * columns)))
    shape = (number, job.field_shape[0], rows, columns)
    x = torch.zeros(shape, device=job.device)
    best = float("inf")
    with torch.inference_mode():
        for _ in range(3):
            begun = time.perf_counter()
            denoiser.clean(x, TYPICAL, "xy").sum().item()
            best = min(best, time.perf_counter() - begun)
    cost = trace(partial(denoiser.clean, step=TYPICAL, plane="xy"), shape)
    if cost is None or cost.flop == 0:
        return best * pixels / (number * rows * columns)
    return best * flop / cost.flop


def choose_thickness(limit: int | None, job: Job) -> int | None:
    """Of slabs on disk for a sample to keep within a memory; None: the volume is in memory.

    Of small volumes it is not asked what they need, unless there is a limit.
    """
    if limit is None and IN_MEMORY * prod(job.field_shape) <= UNASKED:
        return None
    return Memory.of(job, trace_planes(job)).choose_thickness(limit)
