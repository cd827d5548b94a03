"""Short aligned fibres in a matrix: round, nearly straight, mostly along z.

Two phases, 0 matrix and 1 fibre. Fibres are chains of beads, packed by pushing beads of
different fibres apart while every fibre stays smooth, after the force-biased fibre packing of
Altendorf & Jeulin, Phys. Rev. E 83, 041804 (2011).
"""

import numpy as np
from numpy.typing import NDArray

from recon.workflow.examples.field import Field
from recon.workflow.examples.packing import find_contacts, scatter, sum_forces
from recon.workflow.examples.specks import remove_specks

PHASES = ("matrix", "fibre")
FRACTION = 0.37  # of fibre volume, before overlaps
DIAMETER = 5.6  # voxels
LENGTH = 54.0  # of the centre line, voxels
BEADS = 15  # on a centre line
SLOPE = 0.38  # standard deviation of dx/dz and of dy/dz of a fibre
GAP = 0.7  # asked for between fibres, voxels
STIFFNESS = 3.0  # against bending: how much less a fibre bends than it turns
ROUNDS = 40  # of pushing
SPECK = 30  # smallest matrix pocket left between touching fibres, voxels


def generate(shape: tuple[int, int, int] = (192, 192, 192), seed: int = 12) -> NDArray[np.uint8]:
    """Short fibres mostly along z, round, slightly bent, two phases, periodic.

    shape    (z, y, x)
    returns  shape uint8 labels, 0 matrix and 1 fibre
    cost     O(fibres * rounds); about 6 s at 192^3
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    box = np.array(shape, float)
    section = np.pi * DIAMETER**2 / 4
    count = max(1, round(FRACTION * box.prod() / (section * (LENGTH + DIAMETER * 2 / 3))))
    lines = _scatter(count, box, rng)
    for _ in range(ROUNDS):
        lines = lines + _push(lines, box)
    return (~remove_specks(_draw(lines, shape) == 0, SPECK)).astype(np.uint8)


def _scatter(count: int, box: Field, rng: np.random.Generator) -> Field:
    """Straight centre lines at random, (fibre, bead, 3)."""
    centres = scatter(count, box, rng)[:, None]
    slopes = rng.standard_normal((count, 2)) * SLOPE
    axes = np.concatenate([np.ones((count, 1)), slopes], 1)
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    along = np.linspace(-LENGTH / 2, LENGTH / 2, BEADS)
    lines: Field = centres + along[:, None] * axes[:, None, :]
    return lines


def _push(lines: Field, box: Field) -> Field:
    """Displacement that moves overlapping beads apart and keeps every line a parabola."""
    beads = lines.reshape(-1, 3)
    i, j, unit, distance = find_contacts(beads, box, DIAMETER + GAP)
    overlap = (DIAMETER + GAP - distance) * (i // BEADS != j // BEADS)
    force = sum_forces(i, j, unit * overlap[:, None] / 2, len(beads)).reshape(lines.shape)
    modes, _ = np.linalg.qr(np.vander(np.linspace(-1, 1, BEADS), 3, increasing=True))
    # a contact acts on few beads of a line: with a step of 1 the line would move too little
    smooth = modes * [1.0, 1.0, 1 / STIFFNESS] @ modes.T
    step: Field = 2.0 * smooth @ force
    return np.clip(step, -1.0, 1.0)


def _draw(lines: Field, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Voxels whose centre lies within half a diameter of a centre line."""
    labels = np.zeros(shape, np.uint8)
    radius = DIAMETER / 2 + LENGTH / (BEADS - 1) / 2 + np.sqrt(3) / 2  # about a segment's voxel
    reach = int(radius)
    offsets = np.indices((2 * reach + 1,) * 3).reshape(3, -1).T - reach
    offsets = offsets[(offsets**2).sum(1) <= radius**2]
    starts, ends = lines[:, :-1].reshape(-1, 3), lines[:, 1:].reshape(-1, 3)
    for part in np.array_split(np.arange(len(starts)), 1 + len(starts) // 256):
        a, b = starts[part, None], ends[part, None]
        voxels = np.round((a + b) / 2).astype(int) + offsets
        t = ((voxels - a) * (b - a)).sum(-1, keepdims=True) / ((b - a) ** 2).sum(-1, keepdims=True)
        inside = ((voxels - a - np.clip(t, 0, 1) * (b - a)) ** 2).sum(-1) < DIAMETER**2 / 4
        z, y, x = (voxels[inside] % shape).T
        labels[z, y, x] = 1
    return labels
