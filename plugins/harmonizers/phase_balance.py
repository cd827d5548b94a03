"""Phase balance: shift the clean estimate so that its phases take their shares."""

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.core.sampling.slabs import (
    SlabField,
    all_reduce_sum,
    as_slabs,
    iterate_slabs,
    map_slabs,
    materialize,
)
from recon.core.sampling.slabs.field import Field

LIMIT = 1.2
"""The logit of D is atanh(D / LIMIT): above 1, so that certainty stays finite."""
EDGE = 0.995
"""Largest D / LIMIT."""
SHARPNESS = 4.0
BINS = 8192
LARGEST = 8.0
"""Largest shift of a logit."""
TOLERANCE = 1e-4
STRIDE = 4
"""One voxel in STRIDE along each axis serves for a first guess."""


def balance_phases(clean: Field, fractions: NDArray[np.float64]) -> Field:
    """Shift the logits of a clean estimate (C, Z, Y, X), the same for every voxel of a channel.

    D <- 1.2 tanh(atanh(D / 1.2) + delta), where D is first clamped to a little under 1.2 and delta
    is such that the phase fractions of the field sharpened by 4 are the given (K,). Shares of the
    unsharpened field are no guide: what is undecided still goes to the larger phase.
    """
    logits = materialize(map_slabs(compute_logits, clean))
    if logits.shape[0] == 1:
        shift = torch.tensor([find_two_phase_shift(logits, float(fractions[1]))])
    else:
        shift = find_phase_shifts(logits, fractions)
    return map_slabs(lambda part: shift_logits(part, shift), logits)


def clamp_estimate(clean: Field) -> Field:
    """A clean estimate clamped to where its logit is finite."""
    return map_slabs(lambda part: part.clamp(-EDGE * LIMIT, EDGE * LIMIT), clean)


def compute_logits(clean: Tensor) -> Tensor:
    """atanh(D / LIMIT) of the clamped estimate.

    By logarithms: torch.atanh rounds differently where a tensor ends, so at the ends of slabs.
    """
    d = clean.clamp(-EDGE * LIMIT, EDGE * LIMIT) / LIMIT
    return ((1 + d) / (1 - d)).log_().mul_(0.5)


def shift_logits(logits: Tensor, shift: Tensor) -> Tensor:
    """The estimate of logits (C, ...) shifted by channel (C,)."""
    shift = shift.to(logits).view(-1, *[1] * (logits.ndim - 1))
    return (logits + shift).tanh_().mul_(LIMIT)


def sharpen(logits: Tensor) -> Tensor:
    """Shares of the phases (K, ...) in each voxel of a sharpened field (C, ...)."""
    if len(logits) == 1:
        one = torch.sigmoid(2 * SHARPNESS * logits[0])
        return torch.stack([1 - one, one])
    return (SHARPNESS * logits).softmax(0)


def find_two_phase_shift(logits: Field, fraction: float) -> float:
    """Shift that gives phase 1 its share: bisection on a histogram of the logits.

    Its bins, 7e-4 wide, change the share by less than 1e-5.
    """
    edge = math.atanh(EDGE)
    counts = sum_slabs(lambda part: torch.histc(part, BINS, -edge, edge).double(), logits).cpu()
    middles = torch.linspace(-edge, edge, BINS + 1, dtype=torch.float64)[:-1] + edge / BINS
    share = counts / counts.sum()
    low, high = -LARGEST, LARGEST
    for _ in range(40):
        delta = (low + high) / 2
        enough = (share * torch.sigmoid(2 * SHARPNESS * (middles + delta))).sum() > fraction
        low, high = (low, delta) if enough else (delta, high)
    return (low + high) / 2


def find_phase_shifts(logits: Field, fractions: NDArray[np.float64]) -> Tensor:
    """Shifts (K,), of mean 0, that give every phase its share, by damped Newton steps.

    The shares are the gradient of a convex function of the shifts. A first guess comes from a
    part of the voxels; all of them then need two or three passes. The shifts are rounded to
    2^-18, so that the order in which shares are summed does not show in them.
    """
    target = torch.as_tensor(fractions, dtype=torch.float64)
    shifts = torch.zeros_like(target)
    for field, passes in ((subsample(logits, STRIDE), 40), (logits, 20)):
        shifts = _solve_by_newton(field, target, shifts, passes)
    return (shifts * 2**18).round() / 2**18


def _solve_by_newton(logits: Field, target: Tensor, shifts: Tensor, passes: int) -> Tensor:
    damping, best, error = 1e-3, shifts, math.inf
    miss, slope = _measure_shares(logits, target, shifts)
    for _ in range(passes):
        if miss.abs().max() < error:
            best, error, kept = shifts, float(miss.abs().max()), (miss, slope)
            damping = max(damping / 10, 1e-6)
        else:  # too far: back, and a shorter step
            damping *= 30
        if error < TOLERANCE:
            break
        identity = torch.eye(len(target), dtype=target.dtype)
        step = torch.linalg.solve(kept[1] + damping * identity, kept[0])
        shifts = (best + (step - step.mean()).clamp(-0.5, 0.5)).clamp(-LARGEST, LARGEST)
        miss, slope = _measure_shares(logits, target, shifts)
    return best


def _measure_shares(logits: Field, target: Tensor, shifts: Tensor) -> tuple[Tensor, Tensor]:
    """What the phases lack (K,), and how their shares answer to the shifts (K, K)."""

    def sums(part: Tensor) -> Tensor:
        """In double precision plane by plane, so that slabs hardly change them."""
        totals = torch.zeros(len(part) + 1, len(part), dtype=torch.float64, device=part.device)
        for plane in part.unbind(1):
            p = (SHARPNESS * (plane.flatten(1) + shifts.to(part)[:, None])).softmax(0).double()
            totals[0] += p.sum(1)
            totals[1:] += p @ p.T
        return totals

    totals = sum_slabs(sums, logits).cpu()
    totals /= totals[0].sum()  # in every voxel the shares sum to 1
    mean, gram = totals[0], totals[1:]
    return target - mean, SHARPNESS * (mean.diag() - gram)


def sum_slabs(function: Callable[[Tensor], Tensor], field: Field) -> Tensor:
    """The sum over all slabs of what a function makes of them."""
    if isinstance(field, Tensor):
        return function(field)
    each = torch.stack([function(part) for _, part in iterate_slabs(field)])
    return all_reduce_sum(field, each.sum(0))


def subsample(field: Field, stride: int) -> Field:
    """One voxel in `stride` along each axis, kept in memory."""
    if isinstance(field, Tensor):
        return field[:, ::stride, ::stride, ::stride]
    slabs = as_slabs(field)
    kept = {
        low: part[:, -low % stride :: stride, ::stride, ::stride].clone()
        for low, part in iterate_slabs(slabs)
    }
    return SlabField(slabs.slabs, slabs.shape, lambda low, high: kept[low])
