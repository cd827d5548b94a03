"""Points at random in a periodic box, and the forces that push overlapping ones apart."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from recon.workflow.examples.field import Field

Index = NDArray[np.intp]


def scatter(count: int, box: Field, rng: np.random.Generator) -> Field:
    """Points (count, 3), one in each of `count` layers of every axis (a Latin hypercube).

    No part of the box gets more points than another, so that its halves are alike.
    """
    layers = np.stack([rng.permutation(count) for _ in range(3)], 1)
    points: Field = (layers + rng.random((count, 3))) / count * box
    return points


def find_contacts(points: Field, box: Field, reach: float) -> tuple[Index, Index, Field, Field]:
    """Pairs nearer than `reach`: their indices (n,), unit vectors j to i (n, 3), distances (n,)."""
    inside = points % box
    inside[inside >= box] = 0.0  # the remainder of a tiny negative number is the box's own length
    i, j = cKDTree(inside, boxsize=box).query_pairs(reach, output_type="ndarray").T
    apart = inside[i] - inside[j]
    apart -= box * np.round(apart / box)
    distance = np.maximum(np.linalg.norm(apart, axis=1), 1e-9)
    return i, j, apart / distance[:, None], distance


def sum_forces(i: Index, j: Index, force: Field, count: int) -> Field:
    """Sum (count, 3) of the forces (n, 3) on the points i and of their reactions on j."""
    sums = [np.bincount(i, f, count) - np.bincount(j, f, count) for f in force.T]
    return np.stack(sums, 1)
