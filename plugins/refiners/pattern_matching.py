"""A field given the small patterns of micrographs, its components left as they are.

Voxels on interfaces take the phase of a neighbour where that brings the 3 x 3 patterns of the
slices of all three planes, and the pairs of neighbours that differ, nearer to the micrographs':
simulated annealing of the sum of (count - expected)^2 / (its variance and some), and of a cost of
each voxel that differs from the field. The patterns expected are those of interfaces of the
volume's own orientations: else an edge along an axis would turn jagged, since tilted ones are
more frequent in the micrographs.

A voxel changes only where no component of any phase appears, vanishes, splits or joins another, but
for components that have shrunk to a single voxel: these may go at the end, as patterns show no such
specks. Phase fractions come to what they are to be, and stay there.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.core.data.encoding import decode, encode
from recon.core.data.planes import NORMAL, PLANES, in_plane
from recon.core.sampling.slabs import all_gather, allocate_labels, iterate_slabs, map_placed_slabs
from recon.core.sampling.slabs.field import Field
from recon.plugins.refiners.annealing import (
    Counts,
    External,
    Labels,
    Room,
    Stack,
    Start,
    Sums,
    anneal,
)
from recon.plugins.refiners.local_orientation import BINS, CLASSES, classify_orientation
from recon.plugins.refiners.pattern_counts import CELLS, SPACINGS, PlanePatterns
from recon.plugins.refiners.stack_counts import count

BLOCK = 64
"""Planes that are matched as one, at least; more make up blocks of one to two times as many."""
PSEUDOCOUNT = 1.0
"""Added to the variance of a pattern, by default: it is 0 where none is expected."""
PAIRS = 20.0
"""Weight of a pair of neighbours over that of a pattern."""
DRIFT = 2e-4
"""How far a phase fraction may end from what it is to be."""
BAND = 4
"""Planes in which fractions are held where they change along an axis: half a feature or less."""
BAND_DRIFT = 2e-3
"""How far they may end from what they are to be there."""
AT_ONCE = 2**19
"""Pixels whose orientation is found at a time, at least one slice."""


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
    def of(
        cls, patterns: PlanePatterns, phases: int, angles: NDArray[np.float64] | None = None
    ) -> "Wanted":
        """Of the patterns of all three planes.

        angles  (3, BINS) shares of the interface by angle; as in the micrographs when None
        """
        each: Sequence[Counts | None] = (None,) * 3 if angles is None else list(angles)
        shares = np.array(
            [
                [one.share(phases, turned) for one in patterns[plane]]
                for plane, turned in zip(PLANES, each, strict=True)
            ]
        )
        pixels = np.array([[one.count.sum() for one in patterns[plane]] for plane in PLANES])
        pairs: list[list[Counts]] = [[], [], []]
        for plane, share in zip(PLANES, shares[:, 0], strict=True):
            cells = share.reshape([phases] * CELLS)
            for axis, beside in zip(in_plane(plane), (7, 5), strict=True):  # cell 4 is the middle
                rest = tuple(cell for cell in range(CELLS) if cell not in (4, beside))
                counts = cells.sum(rest)
                pairs[axis].append(counts + counts.T)
        mean = np.array([np.mean(each, 0) for each in pairs])
        return cls(shares, mean, pixels.astype(float), mean.sum((0, 1)) / mean.sum())


@attrs.frozen(eq=False)
class Missing:
    """By how much the phase fractions are to grow, in bands of planes.

    axis       normal to the planes
    band       (n,) the band of each plane
    fractions  (K, B)
    spread     (K, K) covariance of the fractions aimed at, from plane to plane
    """

    axis: int
    band: NDArray[np.int64]
    fractions: NDArray[np.float64]
    spread: NDArray[np.float64]

    @classmethod
    def of(cls, labels: Labels, fractions: NDArray[np.float64] | None, phases: int) -> "Missing":
        """Of labels that are to have fractions (K,) or (K, Z, 1, 1), (K, 1, Y, 1), (K, 1, 1, X)."""
        if fractions is None or fractions.ndim == 1:
            change = np.zeros(phases)
            if fractions is not None:
                change = fractions - _measure_fractions(labels, phases)
            everywhere = np.zeros(len(labels), np.int64)
            return cls(0, everywhere, change[:, None], np.zeros((phases, phases)))
        axis = int(np.argmax(fractions.shape[1:]))
        wanted = fractions.reshape(phases, -1)
        band = np.arange(wanted.shape[1]) // BAND
        counts = np.stack([(labels == k).sum(tuple({0, 1, 2} - {axis})) for k in range(phases)])
        have = counts / (labels.size // len(band))
        sizes = np.bincount(band)
        change = np.stack([np.bincount(band, row) / sizes for row in wanted - have])
        return cls(axis, band, change, np.cov(wanted, bias=True))

    def within(self, stack: Stack) -> tuple[NDArray[np.float64], Room]:
        """What is missing (K,) in a stack, and how many voxels may go and come in each band."""
        low, high = (stack.low, stack.high) if self.axis == 0 else (0, len(self.band))
        planes = np.bincount(self.band[low:high], minlength=self.fractions.shape[1])
        voxels = (stack.high - stack.low) * stack.labels.shape[1] * stack.labels.shape[2]
        sizes = planes * (voxels // (high - low))
        more = np.round(self.fractions * sizes).astype(np.int64).T
        allowed = DRIFT if len(sizes) == 1 else BAND_DRIFT
        drift = np.maximum(1, (allowed * sizes).astype(np.int64))[:, None]
        spare = np.ascontiguousarray(np.stack([drift - more, drift + more], -1))
        room = Room(self.axis, self.band, spare)
        return self.fractions @ (sizes / voxels), room


def match_patterns(
    field: Field,
    patterns: PlanePatterns,
    sweeps: int,
    periodic: Sequence[bool],
    seed: int,
    fixed: NDArray[np.bool_] | None = None,
    fractions: NDArray[np.float64] | None = None,
    external: External | None = None,
    change_cost: float = 0.0,
    pseudocount: float = PSEUDOCOUNT,
) -> Field:
    """The field (C, Z, Y, X), its changed voxels at -1 and 1.

    sweeps       tries per voxel
    periodic     whether (z, y, x) wrap
    fixed        (Z, Y, X) voxels that stay as they are
    fractions    that the phases are to have, (K,), or of each plane (K, Z, 1, 1), (K, 1, Y, 1),
                 (K, 1, 1, X); those that they have when None
    external     a cost of the phase of each voxel
    change_cost  of a voxel that differs from the field, in units of the annealing temperature
    pseudocount  added to the variance of a pattern: the larger, the less rare ones matter
    """
    phases = max(2, field.shape[0])
    labels = allocate_labels(field)
    own = []
    for low, part in iterate_slabs(field):
        own.append((low, low + part.shape[1]))
        labels[slice(*own[-1])] = decode(part).cpu().numpy()
    everywhere = _share_planes(field, labels, own)
    size, rank = len(everywhere), everywhere.index(own)
    wrap = np.array(periodic)
    stay = np.zeros((0, 0, 0), np.bool_) if fixed is None else fixed
    missing = Missing.of(labels, fractions, phases)
    if external is None:
        external = External(np.zeros((0, 0, 0), np.float32), np.zeros(phases, np.float32))

    def work(number: int, low: int, high: int) -> None:
        stack = Stack(labels, low, high, wrap, np.array(SPACINGS))
        before = labels[low:high].copy()
        wanted = Wanted.of(patterns, phases, measure_angles(before, phases))
        start = Start(before, change_cost)
        _match_block(
            stack, wanted, missing, sweeps, [seed, number], stay, start, external, pseudocount
        )

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


def measure_angles(labels: Labels, phases: int) -> NDArray[np.float64]:
    """Shares (3, BINS) of the interface of labels (Z, Y, X) by angle, on every plane.

    Of every other slice: the ones between are much like them.
    """
    angles: Counts = np.zeros((len(PLANES), BINS))
    for share, plane in zip(angles, PLANES, strict=True):
        slices = np.moveaxis(labels, NORMAL[plane], 0)[::2]
        some = max(1, AT_ONCE // slices[0].size)
        for first in range(0, len(slices), some):
            classes = classify_orientation(slices[first : first + some], phases)
            share += np.bincount(classes.ravel(), minlength=CLASSES)[-BINS:]
    angles /= np.maximum(angles.sum(1, keepdims=True), 1)
    return angles


def split_blocks(side: int) -> list[tuple[int, int]]:
    """First and last (exclusive) plane of the blocks: one, or an even number of at least 64."""
    count = max(1, side // (2 * BLOCK) * 2)
    ends = [side * n // count for n in range(count + 1)]
    return list(zip(ends, ends[1:], strict=False))


def _match_block(
    stack: Stack,
    wanted: Wanted,
    missing: Missing,
    sweeps: int,
    seed: list[int],
    fixed: NDArray[np.bool_],
    start: Start,
    external: External,
    pseudocount: float,
) -> None:
    """Match the planes of a stack, which change in place."""
    phases = wanted.pairs.shape[-1]
    have = Sums(np.zeros(wanted.patterns.shape), np.zeros(wanted.pairs.shape))
    count(stack, have)
    total = have.patterns.sum(-1, keepdims=True)
    expected = Sums(
        wanted.patterns * total, wanted.pairs * have.pairs.sum((1, 2), keepdims=True) / 2
    )
    # Of two phases a and b the interface goes with the product of their fractions.
    change, room = missing.within(stack)
    here = np.maximum(have.pairs.sum((0, 1)) / max(have.pairs.sum(), 1) + change, 0)
    area = np.maximum(np.outer(here, here) + missing.spread, 0) / np.maximum(
        np.outer(wanted.phases, wanted.phases), 1e-12
    )
    before = _count_unlike(expected.pairs)
    expected.pairs[:] *= area
    expected.patterns[:] *= _count_unlike(expected.pairs) / max(before, 1)
    # The micrographs' own count scatters as well, the more the fewer they are.
    fewer = 1 + total / np.maximum(wanted.pixels[..., None], 1)
    weight = Sums(
        1 / ((expected.patterns + pseudocount) * fewer), PAIRS / (expected.pairs + pseudocount)
    )
    uniform = np.arange(phases) * ((phases**CELLS - 1) // (phases - 1))
    weight.patterns[..., uniform] = 0  # how many there are follows from the fractions
    state = np.random.SeedSequence(seed).generate_state(1, np.uint64).astype(np.uint64)
    voxels = (stack.high - stack.low) * stack.labels.shape[1] * stack.labels.shape[2]
    anneal(stack, have, expected, weight, sweeps * voxels, room, state, fixed, start, external)
