"""Periodic Gaussian random fields of a given power spectrum."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Field = NDArray[np.float64]
Spectrum = Callable[[Field, Field, Field], Field]


def draw_gaussian_field(
    shape: tuple[int, int, int], rng: np.random.Generator, spectrum: Spectrum
) -> Field:
    """Stationary periodic Gaussian field of mean 0 and variance 1.

    shape     (z, y, x)
    spectrum  power at the wave numbers (kz, ky, kx), radians per voxel; its scale is free
    returns   shape float64
    cost      two real FFTs
    """
    modes = fft.rfftn(rng.standard_normal(shape))
    kz, ky, kx = (_list_wave_numbers(n, axis) for axis, n in enumerate(shape))
    modes *= np.sqrt(spectrum(kz, ky, kx[..., : modes.shape[2]]))
    modes[0, 0, 0] = 0.0
    field: Field = fft.irfftn(modes, s=shape, overwrite_x=True)
    field /= field.std()
    return field


def _list_wave_numbers(n: int, axis: int) -> Field:
    """Wave numbers of an axis of n voxels, radians per voxel, shaped to broadcast along it."""
    along = np.ones(3, int)
    along[axis] = n
    k: Field = np.asarray(2 * np.pi * np.fft.fftfreq(n), np.float64).reshape(along)
    return k
