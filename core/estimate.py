"""Clean estimate of a volume: the denoiser's of the slices of each plane."""

from collections.abc import Sequence
from math import prod

import attrs
import torch
from torch import Tensor

from recon.core import contracts
from recon.core.data import planes
from recon.core.data.finite import count_nonfinite
from recon.core.errors import ReconError
from recon.core.kinds import Denoiser
from recon.core.sampling.slabs import (
    Read,
    SlabField,
    all_gather,
    all_reduce_sum,
    as_slabs,
    iterate_slabs,
)
from recon.core.sampling.slabs.field import Field
from recon.core.sampling.step import Step


def estimate(
    denoiser: Denoiser,
    step: Step,
    wrap: Sequence[int],
    chunk: int,
    x: Field,
    turn: int = 0,
    *,
    periodic: Sequence[bool] = (False, False, False),
) -> Field:
    """Clean estimate of a volume: the mean over the step's planes of the slices' estimates.

    In a step that sees the whole volume it is the denoiser's estimate of the volume.

    wrap   voxels by which the volume is rolled along (z, y, x) before it is cut into slices: on a
           periodic axis this moves the border of the slices to another place at every step
    chunk  slices handed to the denoiser at a time
    turn   takes the planes that follow the step's after so many turns
    periodic  whether (z, y, x) wrap

    Raises ReconError when values are infinite or not a number.
    """
    if step.volume:
        return estimate_volume(denoiser, step, periodic, x)
    if not isinstance(x, Tensor):
        return _estimate_in_slabs(denoiser, step, wrap, chunk, as_slabs(x), turn)
    clean = estimate_unchecked(denoiser, step, wrap, chunk, x, turn)
    check_estimate(count_nonfinite(clean), clean.numel(), denoiser, step, turn)
    return clean


def estimate_unchecked(
    denoiser: Denoiser, step: Step, wrap: Sequence[int], chunk: int, x: Tensor, turn: int = 0
) -> Tensor:
    """The same of a tensor, finite or not."""
    rolled = x.roll(wrap, (1, 2, 3)) if any(wrap) else x
    total = torch.zeros_like(x)
    for plane in planes.turn_planes(step.planes, turn):
        stack = planes.slices(rolled, plane)
        result = planes.slices(total, plane)
        for first in range(0, len(stack), chunk):
            part = slice(first, first + chunk)
            # A copy even where a view is contiguous: a denoiser that writes to it harms nothing.
            given = stack[part].clone(memory_format=torch.contiguous_format)
            clean = denoiser.clean(given, step, plane)
            result[part] += contracts.check_shape(denoiser, given.shape, clean)
    total /= len(step.planes)
    return total.roll([-s for s in wrap], (1, 2, 3)) if any(wrap) else total


def _estimate_in_slabs(
    denoiser: Denoiser, step: Step, wrap: Sequence[int], chunk: int, x: SlabField, turn: int
) -> Field:
    """The same of a volume in slabs; each plane's slices are whole in slabs along its normal."""
    each: list[Field] = []
    lost = 0
    for plane in planes.turn_planes(step.planes, turn):
        normal = planes.NORMAL[plane]
        beside = [0 if axis == normal else shift for axis, shift in enumerate(wrap)]
        one = attrs.evolve(step, planes=(plane,))
        read = x.along(normal)

        def make(
            low: int, high: int, one: Step = one, beside: Sequence[int] = beside, read: Read = read
        ) -> Tensor:
            nonlocal lost
            part = estimate_unchecked(denoiser, one, beside, chunk, read(low, high))
            lost += count_nonfinite(part)
            return part

        stored = x.slabs.store(x.shape, torch.float32, normal, make)
        each.append(SlabField(x.slabs, x.shape, stored.along(0)))
    # All processes leave together, or those that found nothing would wait for the others.
    lost = int(x.slabs.all_reduce_sum(torch.tensor(lost)))
    check_estimate(lost, prod(x.shape), denoiser, step, turn)
    return sum(each[1:], each[0]) / len(each)


def estimate_volume(denoiser: Denoiser, step: Step, periodic: Sequence[bool], x: Field) -> Field:
    """Clean estimate of a volume by a denoiser that sees all of it.

    Of a volume in slabs each process holds the whole for that, in bfloat16.
    """
    lost = 0
    whole = x if isinstance(x, Tensor) else gather(x)
    made = denoiser.clean_volume(whole, step, periodic)

    def make(low: int, high: int) -> Tensor:
        nonlocal lost
        shape = (whole.shape[0], high - low, *whole.shape[2:])
        part: Tensor = contracts.check_shape(denoiser, shape, made.planes(low, high))
        lost += count_nonfinite(part)
        return part

    if isinstance(x, Tensor):
        estimate: Field = make(0, x.shape[1])
    else:
        estimate = SlabField(as_slabs(x).slabs, as_slabs(x).shape, make).materialize()
    lost = int(all_reduce_sum(x, torch.tensor(lost)))
    check_estimate(lost, prod(x.shape), denoiser, step, 0)
    return estimate


def gather(x: Field) -> Tensor:
    """A field in slabs (C, Z, Y, X) as one tensor in bfloat16, in every process."""
    own = [(low, part.bfloat16()) for low, part in iterate_slabs(x)]
    parts = [part for process in all_gather(x, own) for part in process]
    return torch.cat([part for _, part in sorted(parts, key=lambda one: one[0])], 1)


def check_estimate(lost: int, values: int, denoiser: Denoiser, step: Step, turn: int) -> None:
    """ReconError when values of a clean estimate are infinite or not a number."""
    if lost:
        named = ", ".join(("all",) if step.volume else planes.turn_planes(step.planes, turn))
        raise ReconError(
            f"denoiser {denoiser.name} gave NaN or infinity at step {step.number + 1} of "
            f"{step.steps}, plane {named}, in {lost} of {values} values; lower denoiser.guidance, "
            "set denoiser.precision=float32 where it has these options, or try other weights"
        )
