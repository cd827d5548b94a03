"""Phase balance: shift the clean estimate so that its phases take their shares."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

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


def balanced(clean: Tensor, fractions: NDArray[np.float64]) -> Tensor:
    """Shift the logits of a clean estimate (C, Z, Y, X), the same for every voxel of a channel.

    D <- 1.2 tanh(atanh(D / 1.2) + delta), where D is first clamped to a little under 1.2 and delta
    is such that the phase fractions of the field sharpened by 4 are the given (K,). Shares of the
    unsharpened field are no guide: what is undecided still goes to the larger phase.
    """
    logits = torch.atanh(clamped(clean) / LIMIT)
    if len(clean) == 1:
        logits += two_phase_shift(logits, float(fractions[1]))
    else:
        logits += phase_shifts(logits, fractions).to(logits.dtype).view(-1, 1, 1, 1)
    return logits.tanh_().mul_(LIMIT)


def clamped(clean: Tensor) -> Tensor:
    """A clean estimate clamped to where its logit is finite."""
    return clean.clamp(-EDGE * LIMIT, EDGE * LIMIT)


def sharpened(logits: Tensor) -> Tensor:
    """Shares of the phases (K, ...) in each voxel of a sharpened field (C, ...)."""
    if len(logits) == 1:
        one = torch.sigmoid(2 * SHARPNESS * logits[0])
        return torch.stack([1 - one, one])
    return (SHARPNESS * logits).softmax(0)


def two_phase_shift(logits: Tensor, fraction: float) -> float:
    """Shift that gives phase 1 its share: bisection on a histogram of the logits.

    Its bins, 7e-4 wide, change the share by less than 1e-5.
    """
    edge = math.atanh(EDGE)
    counts = torch.histc(logits, BINS, -edge, edge).double().cpu()
    middles = torch.linspace(-edge, edge, BINS + 1, dtype=torch.float64)[:-1] + edge / BINS
    share = counts / counts.sum()
    low, high = -LARGEST, LARGEST
    for _ in range(40):
        delta = (low + high) / 2
        enough = (share * torch.sigmoid(2 * SHARPNESS * (middles + delta))).sum() > fraction
        low, high = (low, delta) if enough else (delta, high)
    return (low + high) / 2


def phase_shifts(logits: Tensor, fractions: NDArray[np.float64]) -> Tensor:
    """Shifts (K,), of mean 0, that give every phase its share, by damped Newton steps.

    The shares are the gradient of a convex function of the shifts. A first guess comes from a
    part of the voxels; all of them then need two or three passes.
    """
    target = torch.as_tensor(fractions, dtype=torch.float64, device=logits.device)
    shifts = torch.zeros_like(target)
    coarse = logits[:, ::STRIDE, ::STRIDE, ::STRIDE]
    for field, passes in ((coarse, 40), (logits, 20)):
        shifts = _newton(field.flatten(1), target, shifts, passes)
    return shifts


def _newton(logits: Tensor, target: Tensor, shifts: Tensor, passes: int) -> Tensor:
    damping, best, error = 1e-3, shifts, math.inf
    miss, slope = _shares(logits, target, shifts)
    for _ in range(passes):
        if miss.abs().max() < error:
            best, error, kept = shifts, float(miss.abs().max()), (miss, slope)
            damping = max(damping / 10, 1e-6)
        else:  # too far: back, and a shorter step
            damping *= 30
        if error < TOLERANCE:
            break
        identity = torch.eye(len(target), dtype=target.dtype, device=target.device)
        step = torch.linalg.solve(kept[1] + damping * identity, kept[0])
        shifts = (best + (step - step.mean()).clamp(-0.5, 0.5)).clamp(-LARGEST, LARGEST)
        miss, slope = _shares(logits, target, shifts)
    return best


def _shares(logits: Tensor, target: Tensor, shifts: Tensor) -> tuple[Tensor, Tensor]:
    """What the phases lack (K,), and how their shares answer to the shifts (K, K)."""
    p = (SHARPNESS * (logits + shifts.to(logits.dtype)[:, None])).softmax(0)
    mean = p.mean(1).double()
    gram = (p @ p.T).double() / p.shape[1]
    return target - mean, SHARPNESS * (mean.diag() - gram)
