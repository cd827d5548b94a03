"""Battery electrode: flattened active particles, binder in their necks, pore.

Three phases, 0 pore (0.40), 1 active particles (0.48) and 2 binder (0.12). Particles are packed
as spheres in a space stretched along z, then roughened; binder fills the places near two particles
at once, as a liquid bridge does while the electrode dries.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from recon.workflow.examples.field import Field, Spectrum, draw_gaussian_field
from recon.workflow.examples.packing import find_contacts, scatter, sum_forces
from recon.workflow.examples.specks import remove_specks

PHASES = ("pore", "active", "binder")
ACTIVE, BINDER = 0.48, 0.12
RADIUS, SPREAD = 8.0, 0.22  # of the particles along x and y, voxels; relative deviation
LARGEST = 12.0  # radius, voxels
FLATNESS = 0.72  # thickness along z over width
SPACING = 1.03  # centres are pushed this share of the sum of their radii apart
ROUNDS = 60  # of pushing
REACH = 9.0  # of the distance to a particle, voxels
ROUGHNESS = 0.8  # of the particles' surface, voxels
UNEVENNESS = 2.5  # of the binder, voxels
SPECK = 40  # smallest connected part left of a phase, voxels


def generate(shape: tuple[int, int, int] = (192, 192, 192), seed: int = 6) -> NDArray[np.uint8]:
    """Battery electrode of flattened particles, binder and pore, three phases, periodic.

    shape    (z, y, x)
    returns  shape uint8 labels, 0 pore, 1 active and 2 binder
    cost     O(voxels); about 6 s at 192^3
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    centres, radii = _draw_particles(shape, rng)
    nearest, second = _measure_distances(centres, radii, shape)
    nearest += ROUGHNESS * draw_gaussian_field(shape, rng, _make_spectrum(3.0))
    active = remove_specks(nearest < np.quantile(nearest, ACTIVE), SPECK)
    active = ~remove_specks(~active, SPECK)

    wetting = ndimage.gaussian_filter(nearest + second, 1.0, mode="wrap")
    wetting += UNEVENNESS * draw_gaussian_field(shape, rng, _make_spectrum(6.0))
    binder = ~active & (wetting < np.quantile(wetting[~active], BINDER / (1 - ACTIVE)))
    binder = remove_specks(binder, SPECK)
    solid = ~remove_specks(~(active | binder), SPECK)
    return np.where(active, 1, np.where(solid, 2, 0)).astype(np.uint8)


def _make_spectrum(length: float) -> Spectrum:
    """Spectrum of a field that varies over `length` voxels, the same in all directions."""

    def spectrum(kz: Field, ky: Field, kx: Field) -> Field:
        power: Field = np.exp(-(length**2) * (kz**2 + ky**2 + kx**2) / 2)
        return power

    return spectrum


def _draw_particles(shape: tuple[int, int, int], rng: np.random.Generator) -> tuple[Field, Field]:
    """Centres (n, 3) and radii (n,) in the space stretched along z by 1 / FLATNESS."""
    box = np.array(shape, float) / (FLATNESS, 1, 1)
    mean_volume = 4 / 3 * np.pi * RADIUS**3 * (1 + 3 * SPREAD**2)
    count = max(1, round(0.96 * ACTIVE * box.prod() / mean_volume))
    radii = np.clip(RADIUS * (1 + SPREAD * rng.standard_normal(count)), RADIUS / 2, LARGEST)
    centres = scatter(count, box, rng)
    for _ in range(ROUNDS):
        i, j, unit, distance = find_contacts(centres, box, 2 * SPACING * LARGEST)
        overlap = np.maximum(SPACING * (radii[i] + radii[j]) - distance, 0)
        centres = centres + sum_forces(i, j, unit * overlap[:, None] / 2, count)
    return centres, radii


def _measure_distances(
    centres: Field, radii: Field, shape: tuple[int, int, int]
) -> tuple[Field, Field]:
    """Distances, in stretched space, to the nearest and the second nearest particle's surface."""
    nearest = np.full(shape, REACH)
    second = np.full(shape, REACH)
    for centre, radius in zip(centres, radii, strict=True):
        squares, index = [], []
        for axis, scale in enumerate((FLATNESS, 1, 1)):
            reach = min(int((radius + REACH) * scale) + 1, (shape[axis] - 1) // 2)
            line = np.arange(-reach, reach + 1) + round(centre[axis] * scale)
            squares.append((line / scale - centre[axis]) ** 2)
            index.append(line % shape[axis])
        where = np.ix_(*index)
        z2, y2, x2 = np.ix_(*squares)
        distance = np.sqrt(z2 + y2 + x2) - radius
        near = nearest[where]
        second[where] = np.minimum(second[where], np.maximum(near, distance))
        nearest[where] = np.minimum(near, distance)
    return nearest, second
