"""Phase fractions that change along an axis: graded volumes."""

from collections.abc import Sequence

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.core.data.planes import AXES
from recon.core.errors import ReconError
from recon.plugins.harmonizers.phase_balance import (
    LARGEST,
    SHARPNESS,
    compute_logits,
    sharpen,
    shift_logits,
)

SPACING = 8
"""Voxels between the knots of the shift, at least: what lies closer is the material's texture."""
PASSES = 12
TOLERANCE = 1e-4


@attrs.frozen(eq=False)
class Profile:
    """Fractions (K, n) wanted along an axis (0 = z, 1 = y, 2 = x).

    hats  (J, n) linear functions between knots, of sum 1: both the shifts are made of them, and the
          windows in which fractions are held
    """

    axis: int
    fractions: NDArray[np.float64]
    hats: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        axis: str,
        values: Sequence[float],
        usual: NDArray[np.float64],
        side: int,
        phase: int = -1,
    ) -> "Profile":
        """Of one phase: values at even distances, linear between; the others share the rest.

        usual  (K,) fractions of the material;  side  voxels along the axis
        """
        places = (np.arange(side) + 0.5) / side
        own = np.interp(places, np.linspace(0, 1, len(values)), values)
        others = usual.copy()
        others[phase] = 0
        fractions = others[:, None] / others.sum() * (1 - own)
        fractions[phase] = own
        return cls.of_fractions(AXES.index(axis), fractions)

    @classmethod
    def of_fractions(cls, axis: int, fractions: NDArray[np.float64]) -> "Profile":
        """Of all phases (K, n), in each plane normal to the axis."""
        side = fractions.shape[1]
        knots = np.linspace(0, side - 1, max(2, round(side / SPACING)))
        hats = np.stack([np.interp(np.arange(side), knots, row) for row in np.eye(len(knots))])
        return cls(axis, fractions, hats)

    @property
    def field(self) -> NDArray[np.float64]:
        """(K, Z, 1, 1), or whatever the axis: the fractions in the box."""
        shape = [len(self.fractions), 1, 1, 1]
        shape[self.axis + 1] = self.fractions.shape[1]
        return self.fractions.reshape(shape)

    def levels(self, channels: int) -> NDArray[np.float64]:
        """Mean of the encoded field (C, Z, Y, X) along the axis; 1 along the others."""
        return np.asarray(2.0 * self.field[-channels:] - 1.0)


def check_profile(axis: str, values: Sequence[float], phase: int, phases: int) -> None:
    """ReconError unless there are two fractions or more, in (0, 1), of a phase that there is."""
    if len(values) < 2 or not all(0 < value < 1 for value in values):
        raise ReconError(
            f"harmonizer spectral: profile must be two fractions or more between 0 and 1 along "
            f"{axis}, got {', '.join(f'{value:g}' for value in values)}"
        )
    if phase >= phases:
        raise ReconError(
            f"harmonizer spectral: profile_phase must be a label 0..{phases - 1}, got {phase}"
        )


def balance_profile(clean: Tensor, profile: Profile) -> Tensor:
    """Shift the logits of a clean estimate (C, Z, Y, X) so that fractions follow a profile.

    As `balance_phases`, but the shift changes along the axis: one for each hat and channel, such
    that the fractions of the sharpened field, weighted by the hat, are the profile's.
    """
    logits = compute_logits(clean)
    channels = len(logits)
    hats = torch.as_tensor(profile.hats)
    weight = hats / hats.sum(1, keepdim=True)
    wanted = weight @ torch.as_tensor(profile.fractions).T  # (J, K)
    shifts = torch.zeros(len(hats), channels, dtype=torch.float64)
    for _ in range(PASSES):
        shares = _measure_shares(logits, shifts, hats, profile.axis)  # (K, n)
        miss = wanted - weight @ shares.T
        if miss.abs().max() < TOLERANCE:
            break
        spread = weight @ (shares * (1 - shares)).T  # how strongly a share answers
        shifts += (miss[:, -channels:] / (SHARPNESS * spread[:, -channels:] + 1e-3)).clamp(
            -0.5, 0.5
        )
        shifts = shifts.clamp(-LARGEST, LARGEST)
    return _shift(logits, shifts, hats, profile.axis)


def _measure_shares(logits: Tensor, shifts: Tensor, hats: Tensor, axis: int) -> Tensor:
    """Shares of the phases (K, n) in each plane normal to the axis."""
    along = _spread(logits, shifts, hats, axis)
    return sharpen(logits + along).double().movedim(axis + 1, 1).flatten(2).mean(2).cpu()


def _shift(logits: Tensor, shifts: Tensor, hats: Tensor, axis: int) -> Tensor:
    return shift_logits(logits + _spread(logits, shifts, hats, axis), torch.zeros(len(logits)))


def _spread(logits: Tensor, shifts: Tensor, hats: Tensor, axis: int) -> Tensor:
    """Shifts (J, C) as a field that changes along the axis only."""
    shape = [len(logits), 1, 1, 1]
    shape[axis + 1] = hats.shape[1]
    return (shifts.T @ hats).to(logits).reshape(shape)
