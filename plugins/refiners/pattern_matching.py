"""A field given the small patterns of micrographs, its components left as they are.

Voxels on interfaces take the phase of a neighbour where that brings the 3 x 3 patterns of the
slices of all three planes, and the pairs of neighbours that differ, nearer to the micrographs':
simulated annealing of the sum of
(count - expected)^2 / (its variance and some). A voxel changes only where no component of any
phase appears, vanishes, splits or joins another, but for components that have shrunk to a single
voxel: these may go at the end, as patterns show no such specks. Phase fractions come to what they
are to be, and stay there.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.core.data.encoding import decode, encode
from recon.core.data.planes import PLANES, in_plane
from recon.core.sampling.slabs import all_gather, allocate_labels, iterate_slabs, map_placed_slabs
from recon.core.sampling.slabs.field import Field
from recon.plugins.refiners.annealing import Counts, Labels, Stack, Sums, anneal, count
from recon.plugins.refiners.pattern_counts import CELLS, SPACINGS, PlanePatterns

BLOCK = 64
"""Planes that are matched as one, at least; more make up blocks of one to two times as many."""
SOFT = 20.0
"""Counts added to the variance of a pattern: rare ones are not to rule."""
PAIRS = 20.0
"""Weight of a pair of neighbours over that of a pattern."""
DRIFT = 2e-4
"""How far a phase fraction may end from what it is to be."""


@attrs.frozen(eq=False)
class Wanted:
    """Shares that the micrographs show.

    patterns  (3, S, K^9) of each plane and spacing
    pairs     (3, K, K) of neighbours along (z, y, x), in either order
    pixels    (3, S) patterns that were counted
    phases    (K,) of each phase
    """

    patterns: Counts
    pairs: Counts
    pixels: Counts
    phases: Counts

    @classmethod
    def of(cls, patterns: PlanePatterns, phases: int) -> "Wanted":
        """Of the patterns of all three planes."""
        shares = np.array([[c.dense(phases) for c in patterns[plane]] for plane in PLANES])
        pixels = np.array([[c.count.sum() for c in patterns[plane]] for plane in PLANES])
        pairs: list[list[Counts]] = [[], [], []]
        for plane, share in zip(PLANES, shares[:, 0], strict=True):
            cells = share.reshape([phases] * CELLS)
            for axis, beside in zip(in_plane(plane), (7, 5), strict=True):  # cell 4 is the middle
                rest = tuple(cell for cell in range(CELLS) if cell not in (4, beside))
                found = cells.sum(rest)
                pairs[axis].append(found + found.T)
        mean = np.array([np.mean(each, 0) for each in pairs])
        return cls(shares, mean, pixels.astype(float), mean.sum((0, 1)) / mean.sum())


def match_patterns(
    field: Field,
    patterns: PlanePatterns,
    sweeps: int,
    periodic: Sequence[bool],
    seed: int,
    fixed: NDArray[np.bool_] | None = None,
    fractions: NDArray[np.float64] | None = None,
) -> Field:
    """The field (C, Z, Y, X), its changed voxels at -1 and 1.

    sweeps     tries per voxel
    periodic   whether (z, y, x) wrap
    fixed       (Z, Y, X) voxels that stay as they are
    fractions  (K,) that the phases are to have; those that they have when None
    """
    phases = max(2, field.shape[0])
    wanted = Wanted.of(patterns, phases)
    labels = allocate_labels(field)
    own = []
    for low, part in iterate_slabs(field):
        own.append((low, low + part.shape[1]))
        labels[slice(*own[-1])] = decode(part).cpu().numpy()
    everywhere = _share_planes(field, labels, own)
    size, rank = len(everywhere), everywhere.index(own)
    wrap = np.array(periodic)
    stay = np.zeros((0, 0, 0), np.bool_) if fixed is None else fixed
    missing = (
        np.zeros(phases) if fractions is None else fractions - _measure_fractions(labels, phases)
    )

    def work(number: int, low: int, high: int) -> None:
        stack = Stack(labels, labels.reshape(-1), low, high, wrap, np.array(SPACINGS))
        _match_block(stack, wanted, missing, sweeps, [seed, number], stay)

    places = list(enumerate(split_blocks(len(labels))))
    for parity in (0, 1):  # those in between do not touch each other
        mine = places[parity::2][rank::size]
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            for _ in pool.map(lambda one: work(one[0], *one[1]), mine):
                pass
        _share_planes(field, labels, [place for _, place in mine])

    def put(slab: Tensor, low: int) -> Tensor:
        after = torch.as_tensor(labels[low : low + slab.shape[1]], device=slab.device)
        return torch.where(after == decode(slab), slab, encode(after, phases).to(slab.dtype))

    return map_placed_slabs(put, field)


def _measure_fractions(labels: Labels, phases: int) -> NDArray[np.float64]:
    """Phase fractions (K,), a plane at a time: labels may lie on disk."""
    counts = sum(np.bincount(plane.ravel(), minlength=phases) for plane in labels)
    return np.asarray(counts / labels.size)


def _count_unlike(pairs: Counts) -> float:
    """Pairs of unlike phases."""
    return float(pairs.sum() - np.trace(pairs, axis1=1, axis2=2).sum())


def _share_planes(
    field: Field, labels: Labels, places: list[tuple[int, int]]
) -> list[list[tuple[int, int]]]:
    """The places of the planes that each process made; those of the others are written."""
    parts = all_gather(field, [(place, labels[slice(*place)]) for place in places])
    if len(parts) > 1:
        for place, planes in (one for part in parts for one in part):
            labels[slice(*place)] = planes
    return [[place for place, _ in part] for part in parts]


def split_blocks(side: int) -> list[tuple[int, int]]:
    """First and last (exclusive) plane of the blocks: one, or an even number of at least 64."""
    count = max(1, side // (2 * BLOCK) * 2)
    ends = [side * n // count for n in range(count + 1)]
    return list(zip(ends, ends[1:], strict=False))


def _match_block(
    stack: Stack,
    wanted: Wanted,
    missing: NDArray[np.float64],
    sweeps: int,
    seed: list[int],
    fixed: NDArray[np.bool_],
) -> None:
    """Match the planes of a stack, which change in place.

    missing  (K,) by how much the phase fractions are to grow
    """
    phases = wanted.pairs.shape[-1]
    have = Sums(np.zeros(wanted.patterns.shape), np.zeros(wanted.pairs.shape))
    count(stack, have)
    total = have.patterns.sum(-1, keepdims=True)
    expected = Sums(
        wanted.patterns * total, wanted.pairs * have.pairs.sum((1, 2), keepdims=True) / 2
    )
    # Of two phases a and b the interface goes with the product of their fractions.
    here = np.maximum(have.pairs.sum((0, 1)) / max(have.pairs.sum(), 1) + missing, 0)
    area = np.outer(here, here) / np.maximum(np.outer(wanted.phases, wanted.phases), 1e-12)
    before = _count_unlike(expected.pairs)
    expected.pairs[:] *= area
    expected.patterns[:] *= _count_unlike(expected.pairs) / max(before, 1)
    # The micrographs' own count scatters as well, the more the fewer they are.
    fewer = 1 + total / np.maximum(wanted.pixels[..., None], 1)
    weight = Sums(1 / ((expected.patterns + SOFT) * fewer), PAIRS / (expected.pairs + SOFT))
    uniform = np.arange(phases) * ((phases**CELLS - 1) // (phases - 1))
    weight.patterns[..., uniform] = 0  # how many there are follows from the fractions
    state = np.random.SeedSequence(seed).generate_state(1, np.uint64).astype(np.uint64)
    voxels = (stack.high - stack.low) * stack.labels.shape[1] * stack.labels.shape[2]
    drift, more = max(1, int(DRIFT * voxels)), np.round(missing * voxels).astype(np.int64)
    room = np.stack([drift - more, drift + more], 1)
    anneal(stack, have, expected, weight, sweeps * voxels, room, state, fixed)
