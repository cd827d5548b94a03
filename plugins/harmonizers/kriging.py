"""A field drawn towards measured slices as far as its spectrum says: Gaussian conditioning."""

from collections.abc import Sequence

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.core.data.planes import AXES
from recon.core.sampling.anchors import EncodedAnchor
from recon.plugins.harmonizers.spectrum import Spectrum, reflect_index

SETTLED = 1e-3
"""Residual at the anchors, over that before, at which they are met."""
MOST = 12
"""Iterations; one anchor needs one, parallel ones few, crossing ones more."""


def krige(
    field: Tensor, anchors: Sequence[EncodedAnchor], spectrum: Spectrum, power: Tensor
) -> Tensor:
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
    lines = [_transform_plane(covariance, anchor) for anchor in anchors]
    residual = [_continue_difference(anchor, field, spectrum) for anchor in anchors]
    before = _dot(residual, residual)
    if before == 0:
        return torch.zeros_like(field)
    total = torch.zeros_like(covariance)
    direction: list[Tensor] = []
    last = 1.0
    for _ in range(MOST):
        step = [_divide_waves(r, line) for r, line in zip(residual, lines, strict=True)]
        product = _dot(residual, step)
        if direction:
            step = [s + product / last * d for s, d in zip(step, direction, strict=True)]
        direction, last = step, product
        spread = _spread_over_grid(direction, anchors, power, spectrum)
        seen = [spread.select(anchor.normal + 1, anchor.place) for anchor in anchors]
        length = product / _dot(direction, seen)
        total += length * spread
        residual = [r - length * s for r, s in zip(residual, seen, strict=True)]
        if _dot(residual, residual) <= SETTLED**2 * before:
            break
    z, y, x = spectrum.shape
    return total[:, :z, :y, :x].to(field.dtype)


def expect_fractions(
    mean: NDArray[np.float64], anchors: Sequence[EncodedAnchor], spectrum: Spectrum
) -> NDArray[np.float64]:
    """Phase fractions (K,) of a volume that contains the anchors, in the mean.

    mean  (C,) of the encoded field without them
    """
    prior = torch.as_tensor(mean, dtype=spectrum.p3.dtype, device=spectrum.p3.device)
    field = prior.view(-1, 1, 1, 1).expand(-1, *spectrum.shape)
    field = field + krige(field, anchors, spectrum, spectrum.p3)
    means = field.mean((1, 2, 3)).double().cpu().numpy()
    shares = np.clip((means + 1) / 2, 0.01 * (mean + 1) / 2, 1)
    if len(shares) == 1:
        return np.array([1 - shares[0], shares[0]])
    return np.asarray(shares / shares.sum())


def explain_variance(anchors: Sequence[EncodedAnchor], spectrum: Spectrum) -> NDArray[np.float64]:
    """Share of the variance of the volume's mean that the anchors explain, of each channel (C,)."""
    z, y, x = spectrum.shape
    whole = spectrum.p3.new_zeros((len(spectrum.p3), *spectrum.grid))
    whole[:, :z, :y, :x] = 1.0
    waves = torch.fft.rfftn(whole, dim=(1, 2, 3)) * spectrum.p3
    with_mean = torch.fft.irfftn(waves, spectrum.grid, (1, 2, 3))[:, :z, :y, :x]
    empty = [attrs.evolve(anchor, values=torch.zeros_like(anchor.values)) for anchor in anchors]
    estimate = krige(-with_mean, empty, spectrum, spectrum.p3)
    share = estimate.mean((1, 2, 3)) / with_mean.mean((1, 2, 3))
    return np.asarray(share.clamp(0, 1).double().cpu().numpy())


def _transform_plane(covariance: Tensor, anchor: EncodedAnchor) -> Tensor:
    """Power of the waves of an anchor's plane (C, a, b // 2 + 1)."""
    power: Tensor = torch.fft.rfft2(covariance.select(anchor.normal + 1, 0)).real
    return power


def _continue_difference(anchor: EncodedAnchor, field: Tensor, spectrum: Spectrum) -> Tensor:
    """What the field lacks at an anchor, on the plane of the whole grid."""
    lack = (anchor.values - field.select(anchor.normal + 1, anchor.place)).to(spectrum.p3.dtype)
    axes = [axis for axis in range(len(AXES)) if axis != anchor.normal]
    for place, axis in enumerate(axes, 1):
        side, full = spectrum.shape[axis], spectrum.grid[axis]
        if full > side:
            lack = lack.index_select(place, reflect_index(side, full).to(lack.device))
    return lack


def _divide_waves(plane: Tensor, power: Tensor) -> Tensor:
    """A plane's waves over their power."""
    waves: Tensor = torch.fft.irfft2(torch.fft.rfft2(plane) / power, plane.shape[1:])
    return waves


def _spread_over_grid(
    planes: Sequence[Tensor], anchors: Sequence[EncodedAnchor], power: Tensor, spectrum: Spectrum
) -> Tensor:
    """Covariance of the field with the anchors, times a value for each of their voxels."""
    source = planes[0].new_zeros((len(power), *spectrum.grid))
    for plane, anchor in zip(planes, anchors, strict=True):
        source.select(anchor.normal + 1, anchor.place).add_(plane)
    field: Tensor = torch.fft.irfftn(
        torch.fft.rfftn(source, dim=(1, 2, 3)) * power, spectrum.grid, (1, 2, 3)
    )
    return field


def _dot(a: Sequence[Tensor], b: Sequence[Tensor]) -> float:
    return float(sum((x.double() * y.double()).sum() for x, y in zip(a, b, strict=True)))
