"""Closed-form denoiser of a Gaussian random field: needs no training, and tests the sampler."""

import math
from collections.abc import Callable
from math import sqrt
from pathlib import Path
from typing import Any, ClassVar

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtri
from torch import Tensor

from recon.core.data.material import Material
from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import PLANES, in_plane
from recon.core.data.statistics import Statistics
from recon.core.errors import ReconError
from recon.core.kinds import Denoiser
from recon.core.options import option
from recon.core.sampling.step import Step
from recon.plugins.denoisers.microbatch import in_microbatches

BATCH = 16
REACH = 6
"""Correlation lengths up to which the covariance is given; beyond it is below 2e-8."""


@attrs.define(eq=False)
class Gaussian(Denoiser):
    """Exact slice estimate (Wiener filter) of a Gaussian field with a given spectrum.

    Without micrographs the field has the separable covariance prod_i exp(-r_i^2 / (2 l_i^2)).
    With them it is the field whose level cut has their fractions and two-point correlations
    (Quiblier, J. Colloid Interface Sci. 98, 84, 1984); with more than two phases the channels
    are independent, so the fractions of the decoded volume are approximate. Its slices wrap.
    """

    name = "gaussian"
    needs_weights: ClassVar[bool] = False
    lengths: tuple[float, float, float] = option(
        (4.0, 4.0, 4.0), "Correlation lengths (z, y, x) in voxels, without micrographs.", min=0.1
    )
    fraction: float = option(0.5, "Share of phase 1, without micrographs.", min=0.001, max=0.999)
    _latent: dict[str, NDArray[np.float64]] = attrs.field(factory=dict, init=False)

    def fit(
        self,
        micrographs: Micrographs,
        *,
        seed: int = 0,
        device: str = "cpu",
        checkpoint: Path | None = None,
        init: dict[str, Tensor] | None = None,
        report: Callable[[dict[str, Any]], None] = lambda record: None,
    ) -> dict[str, Any]:
        self.material = Material.of(micrographs)
        self.restore({}, device)
        return {"slices": {plane: len(stack) for plane, stack in micrographs.planes.items()}}

    def tensors(self) -> dict[str, Tensor]:
        return {}

    def restore(self, tensors: dict[str, Tensor], device: str) -> None:
        statistics = self._known().statistics
        means = self.mean()
        self._latent = {
            plane: np.stack([level_cut(c, m) for c, m in zip(covariance, means, strict=True)])
            for plane, covariance in statistics.covariance.items()
        }

    def clean(self, slices: Tensor, step: Step, plane: str) -> Tensor:
        real = torch.float64 if slices.dtype == torch.float64 else torch.float32
        shape = (slices.shape[-2], slices.shape[-1])
        p2 = torch.as_tensor(self.spectrum(shape, plane), dtype=real, device=slices.device)
        mean = torch.as_tensor(self.mean(), dtype=real, device=slices.device).view(-1, 1, 1)
        s2 = (1 - step.ab_t) / step.ab_t
        g2 = p2 / (p2 + s2)

        def wiener(x: Tensor) -> Tensor:
            u = x.to(real) / sqrt(step.ab_t) - mean
            d: Tensor = torch.fft.irfft2(g2 * torch.fft.rfft2(u), s=shape)
            return mean + d

        return in_microbatches(wiener, slices, BATCH)

    @property
    def statistics(self) -> Statistics:
        """Of the Gaussian field itself, which is of unit variance."""
        if self.material is not None:
            own = self.material.statistics
            # What refiners have measured is of the phases, not of the field.
            arrays = {key: one for key, one in own.arrays.items() if key.startswith("harmonizer.")}
            return Statistics(own.fractions, self.mean(), self._latent, arrays)
        lags = [
            np.arange(-r, r + 1) for r in (math.ceil(REACH * length) for length in self.lengths)
        ]
        lines = [
            np.exp(-0.5 * (r / length) ** 2) for r, length in zip(lags, self.lengths, strict=True)
        ]
        covariance = {p: np.multiply.outer(*(lines[a] for a in in_plane(p)))[None] for p in PLANES}
        return Statistics(np.array([1 - self.fraction, self.fraction]), self.mean(), covariance)

    def mean(self) -> NDArray[np.float64]:
        """Mean (C,) of the field of unit variance: its share above zero is the fraction."""
        if self.material is None:
            return np.array([ndtri(self.fraction)])
        fractions = self.material.statistics.fractions
        return np.array(ndtri(fractions[1:] if len(fractions) == 2 else fractions))

    def spectrum(self, shape: tuple[int, int], plane: str) -> NDArray[np.float64]:
        """P2 (C, a, b // 2 + 1): DFT of the slice's autocovariance on a periodic grid, >= 0."""
        p2: NDArray[np.float64] = np.fft.rfft2(self._covariance(shape, plane)).real
        return np.maximum(p2, 0.0)

    def _covariance(self, shape: tuple[int, int], plane: str) -> NDArray[np.float64]:
        if self.material is None:
            lines = [
                _line(side, self.lengths[axis])
                for side, axis in zip(shape, in_plane(plane), strict=True)
            ]
            return lines[0][None, :, None] * lines[1][None, None, :]
        if plane not in self._latent:
            raise ReconError(f"denoiser gaussian: no micrographs of plane {plane} were given")
        return wrapped(self._latent[plane], shape)

    def _known(self) -> Material:
        if self.material is None:
            raise ReconError("denoiser gaussian: fit it to micrographs or load weights first")
        return self.material


def _line(side: int, length: float) -> NDArray[np.float64]:
    """exp(-r^2 / 2 l^2) on a ring of `side` voxels, summed over the nearer images."""
    r = np.arange(side)[:, None] + side * np.arange(-3, 4)
    line = np.exp(-0.5 * (r / length) ** 2).sum(1)
    return np.asarray(line / line[0], np.float64)


def wrapped(covariance: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Covariance (C, 2 la + 1, 2 lb + 1) about its middle on a periodic grid (C, a, b).

    Lags beyond half the grid are dropped, those never measured are 0.
    """
    grid = np.zeros((len(covariance), *shape))
    middle = [side // 2 for side in covariance.shape[1:]]
    ra, rb = (
        np.arange(-min(m, (n - 1) // 2), min(m, (n - 1) // 2) + 1)
        for m, n in zip(middle, shape, strict=True)
    )
    grid[:, ra[:, None], rb] = covariance[:, middle[0] + ra[:, None], middle[1] + rb]
    return grid


def level_cut(covariance: NDArray[np.float64], mean: float) -> NDArray[np.float64]:
    """Correlation of the Gaussian field whose sign has this covariance, P(g + mean > 0) given.

    The covariance of the +-1 field is (2 / pi) int_0^asin(rho) exp(-mean^2 / (1 + sin v)) dv.
    """
    v = np.linspace(-np.pi / 2, np.pi / 2, 4001)
    density = np.exp(-(mean**2) / np.maximum(1 + np.sin(v), 1e-12))
    steps = (density[1:] + density[:-1]) / 2 * np.diff(v)
    integral = np.concatenate([[0.0], np.cumsum(steps)]) * 2 / np.pi
    integral -= np.interp(0.0, v, integral)
    return np.asarray(np.sin(np.interp(covariance, integral, v)), np.float64)
