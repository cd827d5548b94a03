"""A field drawn towards measured slices as far as its spectrum says: Gaussian conditioning."""

from collections.abc import Sequence

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.core.data.planes import AXES
from recon.core.sampling.anchors import Pinned
from recon.plugins.harmonizers.spectrum import Spectrum, reflection

SETTLED = 1e-3
"""Residual at the anchors, over that before, at which they are met."""
MOST = 12
"""Iterations; one anchor needs one, parallel ones few, crossing ones more."""


def correction(field: Tensor, pins: Sequence[Pinned], spectrum: Spectrum, power: Tensor) -> Tensor:
    """What the anchors change in the mean of a Gaussian field.

    field     (C, Z, Y, X): its mean without them
    power     (C, Z, Y, X // 2 + 1) of the deviations from that mean, on the grid of the spectrum
    returns   C_VA C_AA^-1 (a - field_A), V the volume, A the anchors (simple kriging)
    cost      a transform there and one back for an iteration, and one more

    The differences a - field_A are continued by reflection to planes of the whole grid, where
    one anchor alone is diagonal in the waves of its plane; that preconditions conjugate gradients
    for several.
    """
    covariance = torch.fft.irfftn(power, spectrum.grid, (1, 2, 3))
    lines = [_plane_power(covariance, pin) for pin in pins]
    residual = [_continued(pin, field, spectrum) for pin in pins]
    before = _dot(residual, residual)
    if before == 0:
        return torch.zeros_like(field)
    total = torch.zeros_like(covariance)
    direction: list[Tensor] = []
    last = 1.0
    for _ in range(MOST):
        step = [_divided(r, line) for r, line in zip(residual, lines, strict=True)]
        product = _dot(residual, step)
        if direction:
            step = [s + product / last * d for s, d in zip(step, direction, strict=True)]
        direction, last = step, product
        spread = _spread(direction, pins, power, spectrum)
        seen = [spread.select(pin.normal + 1, pin.place) for pin in pins]
        length = product / _dot(direction, seen)
        total += length * spread
        residual = [r - length * s for r, s in zip(residual, seen, strict=True)]
        if _dot(residual, residual) <= SETTLED**2 * before:
            break
    z, y, x = spectrum.shape
    return total[:, :z, :y, :x].to(field.dtype)


def expected_fractions(
    mean: NDArray[np.float64], pins: Sequence[Pinned], spectrum: Spectrum
) -> NDArray[np.float64]:
    """Phase fractions (K,) of a volume that contains the anchors, in the mean.

    mean  (C,) of the encoded field without them
    """
    prior = torch.as_tensor(mean, dtype=spectrum.p3.dtype, device=spectrum.p3.device)
    field = prior.view(-1, 1, 1, 1).expand(-1, *spectrum.shape)
    field = field + correction(field, pins, spectrum, spectrum.p3)
    found = field.mean((1, 2, 3)).double().cpu().numpy()
    shares = np.clip((found + 1) / 2, 0.01 * (mean + 1) / 2, 1)
    if len(shares) == 1:
        return np.array([1 - shares[0], shares[0]])
    return np.asarray(shares / shares.sum())


def told_share(pins: Sequence[Pinned], spectrum: Spectrum) -> NDArray[np.float64]:
    """Share of the variance of the volume's mean that the anchors explain, of each channel (C,)."""
    z, y, x = spectrum.shape
    whole = spectrum.p3.new_zeros((len(spectrum.p3), *spectrum.grid))
    whole[:, :z, :y, :x] = 1.0
    waves = torch.fft.rfftn(whole, dim=(1, 2, 3)) * spectrum.p3
    with_mean = torch.fft.irfftn(waves, spectrum.grid, (1, 2, 3))[:, :z, :y, :x]
    empty = [attrs.evolve(pin, values=torch.zeros_like(pin.values)) for pin in pins]
    told = correction(-with_mean, empty, spectrum, spectrum.p3)
    share = told.mean((1, 2, 3)) / with_mean.mean((1, 2, 3))
    return np.asarray(share.clamp(0, 1).double().cpu().numpy())


def _plane_power(covariance: Tensor, pin: Pinned) -> Tensor:
    """Power of the waves of an anchor's plane (C, a, b // 2 + 1)."""
    power: Tensor = torch.fft.rfft2(covariance.select(pin.normal + 1, 0)).real
    return power


def _continued(pin: Pinned, field: Tensor, spectrum: Spectrum) -> Tensor:
    """What the field lacks at an anchor, on the plane of the whole grid."""
    lack = (pin.values - field.select(pin.normal + 1, pin.place)).to(spectrum.p3.dtype)
    axes = [axis for axis in range(len(AXES)) if axis != pin.normal]
    for place, axis in enumerate(axes, 1):
        side, full = spectrum.shape[axis], spectrum.grid[axis]
        if full > side:
            lack = lack.index_select(place, reflection(side, full).to(lack.device))
    return lack


def _divided(plane: Tensor, power: Tensor) -> Tensor:
    """A plane's waves over their power."""
    waves: Tensor = torch.fft.irfft2(torch.fft.rfft2(plane) / power, plane.shape[1:])
    return waves


def _spread(
    planes: Sequence[Tensor], pins: Sequence[Pinned], power: Tensor, spectrum: Spectrum
) -> Tensor:
    """Covariance of the field with the anchors, times a value for each of their voxels."""
    source = planes[0].new_zeros((len(power), *spectrum.grid))
    for plane, pin in zip(planes, pins, strict=True):
        source.select(pin.normal + 1, pin.place).add_(plane)
    field: Tensor = torch.fft.irfftn(
        torch.fft.rfftn(source, dim=(1, 2, 3)) * power, spectrum.grid, (1, 2, 3)
    )
    return field


def _dot(a: Sequence[Tensor], b: Sequence[Tensor]) -> float:
    return float(sum((x.double() * y.double()).sum() for x, y in zip(a, b, strict=True)))
