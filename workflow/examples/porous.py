"""Separator-like porous material: thin lamellae that tilt, merge and end.

Two phases, 0 pore and 1 solid (0.38 of the volume). Lamellae stand normal to x, some 9 voxels
from one to the next.
"""

import numpy as np
from numpy.typing import NDArray

from recon.workflow.examples.field import Field, Spectrum, draw_gaussian_field
from recon.workflow.examples.specks import remove_specks

PHASES = ("pore", "solid")
SOLID = 0.38
PERIOD = 9.6  # of the lamellae along x, voxels
BAND = 0.22  # relative width of that wave number
LENGTHS = (5.4, 4.2)  # of a lamella along z and y, voxels
SLOPE = 0.2  # dx/dz of the two families of lamellae
SHARPNESS = 1.5  # of the union: higher is nearer to the maximum of the fields
SPECK = 40  # smallest grain or bubble left, voxels


def generate(shape: tuple[int, int, int] = (192, 192, 192), seed: int = 11) -> NDArray[np.uint8]:
    """Separator-like lamellae, two phases, anisotropic, periodic.

    shape    (z, y, x)
    returns  shape uint8 labels, 0 pore and 1 solid
    cost     two Gaussian fields; about 2 s at 192^3

    Level cut of a soft union of two Gaussian fields whose lamellae lean to either side. Each
    field alone is second-order; their union is not: it braids, as the sheets of a stretched
    polyolefin separator do.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    union = np.zeros(shape)
    for slope in (SLOPE, -SLOPE):
        union += np.exp(SHARPNESS * draw_gaussian_field(shape, rng, _make_spectrum(slope)))
    solid = remove_specks(union > np.quantile(union, 1 - SOLID), SPECK)
    return (~remove_specks(~solid, SPECK)).astype(np.uint8)


def _make_spectrum(slope: float) -> Spectrum:
    """Spectrum of sheets x = slope * z: waves of about one period across them."""
    k0 = 2 * np.pi / PERIOD

    def spectrum(kz: Field, ky: Field, kx: Field) -> Field:
        across = (np.abs(kx) - k0) / (BAND * k0)
        along_z, along_y = (kz + slope * kx) * LENGTHS[0], ky * LENGTHS[1]
        power: Field = np.exp(-(across**2 + along_z**2 + along_y**2) / 2)
        return power

    return spectrum
