"""The finished volume given the small patterns of the micrographs, its components left as they are.

Voxels on interfaces take the phase of a neighbour where that brings the 3 x 3 patterns of the
slices of all three planes, and the pairs of neighbours that differ, nearer to the micrographs':
simulated annealing (Yeong & Torquato, Phys. Rev. E 57, 1998) of the sum of
(count - expected)^2 / (its variance and some). A voxel changes only where no component of any
phase appears, vanishes, splits or joins another, and phase fractions stay as they are.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import attrs
import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.core.encoding import decode, encode
from recon.core.patterns import CELLS, SPACINGS, Patterns
from recon.core.planes import PLANES, in_plane
from recon.core.slabs.field import F, Field, gathered, slabs_of
from recon.plugins.harmonizers.simple import SIX, pieces, place

BLOCK = 64
"""Planes that are matched as one, at least; more make up blocks of one to two times as many."""
SOFT = 20.0
"""Counts added to the variance of a pattern: rare ones are not to rule."""
PAIRS = 20.0
"""Weight of a pair of neighbours over that of a pattern."""
WARM = 2.0
"""Temperature at the begin; it falls to 0 evenly. A change costs a few units."""
DRIFT = 2e-4
"""How far a phase fraction may go."""

Labels = NDArray[np.uint8]
Counts = NDArray[np.float64]


@attrs.frozen(eq=False)
class Wanted:
    """Shares that the micrographs show.

    patterns  (3, S, K^9) of each plane and spacing
    pairs     (3, K, K) of neighbours along (z, y, x), in either order
    pixels    (3, S) patterns that were counted
    """

    patterns: Counts
    pairs: Counts
    pixels: Counts

    @classmethod
    def of(cls, patterns: Patterns, phases: int) -> "Wanted":
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
        return cls(shares, np.array([np.mean(each, 0) for each in pairs]), pixels.astype(float))


def matched(
    field: F,
    patterns: Patterns,
    sweeps: int,
    periodic: Sequence[bool],
    seed: int,
    held: NDArray[np.bool_] | None = None,
    own_area: bool = False,
) -> F:
    """The field (C, Z, Y, X), its changed voxels at -1 and 1.

    sweeps    tries per voxel
    periodic  whether (z, y, x) wrap
    held      (Z, Y, X) voxels that stay as they are
    own_area  keep the interface that the volume has, not that of the micrographs
    """
    phases = max(2, field.shape[0])
    wanted = Wanted.of(patterns, phases)
    own = [(low, decode(part).cpu().numpy()) for low, part in slabs_of(field)]
    parts = gathered(field, own)
    before = np.concatenate([labels for part in parts for _, labels in part])
    after = before.copy()
    wrap = np.array(periodic)
    stay = np.zeros((0, 0, 0), np.bool_) if held is None else held
    size, rank = len(parts), [part[0][0] for part in parts].index(own[0][0])

    def work(number: int, low: int, high: int) -> None:
        _match(after, low, high, wrap, wanted, sweeps, [seed, number], stay, own_area)

    places = blocks(len(after))
    for parity in (0, 1):  # those in between do not touch each other
        now = list(enumerate(places))[parity::2]
        mine = now[rank::size]
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            for _ in pool.map(lambda one: work(one[0], *one[1]), mine):
                pass
        told = gathered(field, [(place, after[slice(*place)]) for _, place in mine])
        for (low, high), labels in (one for part in told for one in part):
            after[low:high] = labels

    def put(slab: Tensor, low: int) -> Tensor:
        own = slice(low, low + slab.shape[1])
        changed = torch.as_tensor(before[own] != after[own], device=slab.device)
        new = encode(torch.as_tensor(after[own], device=slab.device), phases).to(slab.dtype)
        return torch.where(changed, new, slab)

    if isinstance(field, Tensor):
        return put(field, 0)
    return Field(field.slabs, field.shape, lambda low, high: put(field.slab(low, high), low))


def blocks(side: int) -> list[tuple[int, int]]:
    """First and last (exclusive) plane of the blocks: one, or an even number of at least 64."""
    count = max(1, side // (2 * BLOCK) * 2)
    ends = [side * n // count for n in range(count + 1)]
    return list(zip(ends, ends[1:], strict=False))


def _match(
    labels: Labels,
    low: int,
    high: int,
    wrap: NDArray[np.bool_],
    wanted: Wanted,
    sweeps: int,
    seed: list[int],
    held: NDArray[np.bool_],
    own_area: bool,
) -> None:
    """Match the planes low..high of the labels (Z, Y, X), which change in place."""
    phases = wanted.pairs.shape[-1]
    spacings = np.array(SPACINGS)
    count = np.zeros(wanted.patterns.shape)
    pairs = np.zeros(wanted.pairs.shape)
    _count(labels, low, high, wrap, spacings, count, pairs)
    uniform = np.arange(phases) * ((phases**CELLS - 1) // (phases - 1))
    total = count.sum(-1, keepdims=True)
    expected = wanted.patterns * total
    total_pairs = pairs.sum((1, 2), keepdims=True) / 2
    expected_pairs = wanted.pairs * total_pairs
    if own_area:
        mixed = [np.delete(c, uniform, -1).sum(-1, keepdims=True) for c in (count, expected)]
        expected *= mixed[0] / np.maximum(mixed[1], 1)
        other = ~np.eye(phases, dtype=bool)
        mixed = [c[:, other].sum(-1)[:, None, None] for c in (pairs, expected_pairs)]
        expected_pairs *= mixed[0] / np.maximum(mixed[1], 1)
    # The micrographs' own count scatters as well, the more the fewer they are.
    scatter = 1 + total / np.maximum(wanted.pixels[..., None], 1)
    weight = 1 / ((expected + SOFT) * scatter)
    weight[..., uniform] = 0  # how many there are follows from the fractions
    pair_weight = PAIRS / (expected_pairs + SOFT)
    state = np.random.SeedSequence(seed).generate_state(1, np.uint64)
    voxels = (high - low) * labels.shape[1] * labels.shape[2]
    _anneal(
        labels,
        low,
        high,
        wrap,
        spacings,
        count,
        expected,
        weight,
        pairs,
        expected_pairs,
        pair_weight,
        sweeps * voxels,
        max(1, int(DRIFT * voxels)),
        state,
        held,
    )


@numba.njit(cache=True, nogil=True)
def _random(state: NDArray[np.uint64]) -> int:
    """The next of splitmix64 (Steele, Lea & Flood, OOPSLA 2014), its upper 31 bits."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.int64((z ^ (z >> np.uint64(31))) >> np.uint64(33))


@numba.njit(cache=True, nogil=True)
def _around(
    labels: Labels,
    wrap: NDArray[np.bool_],
    plane: int,
    spacing: int,
    z: int,
    y: int,
    x: int,
    phases: int,
    found: NDArray[np.int64],
    rows: NDArray[np.int64],
) -> None:
    """Codes (9,) of the patterns of a plane that hold a voxel, -1 of those that are not whole.

    In found[n] the voxel is cell 8 - n; rows (5, 3) is room to work in.
    """
    sides = labels.shape
    for i in range(5):
        line = (i - 2) * spacing
        u = z if plane == 0 else place(z + line, sides[0], wrap[0])
        v = place(y + line, sides[1], wrap[1]) if plane == 0 else y
        for j in range(3):
            code = 0
            for k in range(3):
                column = (j + k - 2) * spacing
                v = place(y + column, sides[1], wrap[1]) if plane == 2 else v
                w = x if plane == 2 else place(x + column, sides[2], wrap[2])
                if min(u, v, w) < 0:
                    code = -1
                    break
                code = code * phases + labels[u, v, w]
            rows[i, j] = code
    cube = phases * phases * phases
    for i in range(3):
        for j in range(3):
            if min(rows[i, j], rows[i + 1, j], rows[i + 2, j]) < 0:
                found[3 * i + j] = -1
            else:
                found[3 * i + j] = (rows[i, j] * cube + rows[i + 1, j]) * cube + rows[i + 2, j]


@numba.njit(cache=True, nogil=True)
def _count(
    labels: Labels,
    low: int,
    high: int,
    wrap: NDArray[np.bool_],
    spacings: NDArray[np.int64],
    count: Counts,
    pairs: Counts,
) -> None:
    """Add the patterns (3, S, K^9) and pairs (3, K, K) that hold a voxel of the planes."""
    phases = pairs.shape[-1]
    found, rows = np.empty(CELLS, np.int64), np.empty((5, 3), np.int64)
    sides = labels.shape
    for plane in range(3):
        for s in range(len(spacings)):
            reach = 0 if plane == 0 or high - low == sides[0] else spacings[s]
            for z in range(low - reach, high + reach):
                middle = place(z, sides[0], wrap[0])
                if middle < 0:
                    continue
                for y in range(sides[1]):
                    for x in range(sides[2]):
                        _around(labels, wrap, plane, spacings[s], middle, y, x, phases, found, rows)
                        if found[4] >= 0:
                            count[plane, s, found[4]] += 1
    for z in range(low, high):
        for y in range(sides[1]):
            for x in range(sides[2]):
                here = labels[z, y, x]
                for face in range(6):
                    axis = face // 2
                    u = place(z + SIX[face, 0], sides[0], wrap[0])
                    v = place(y + SIX[face, 1], sides[1], wrap[1])
                    w = place(x + SIX[face, 2], sides[2], wrap[2])
                    if min(u, v, w) < 0:
                        continue
                    # Each pair once: from its first voxel, or where that is in another block.
                    if face % 2 == 1 or not low <= u < high:
                        there = labels[u, v, w]
                        pairs[axis, here, there] += 1
                        pairs[axis, there, here] += 1


@numba.njit(cache=True, nogil=True)
def _anneal(
    labels: Labels,
    low: int,
    high: int,
    wrap: NDArray[np.bool_],
    spacings: NDArray[np.int64],
    count: Counts,
    expected: Counts,
    weight: Counts,
    pairs: Counts,
    expected_pairs: Counts,
    pair_weight: Counts,
    tries: int,
    drift: int,
    state: NDArray[np.uint64],
    held: NDArray[np.bool_],
) -> None:
    """Change voxels of the planes; counts follow."""
    phases = pairs.shape[-1]
    sides = labels.shape
    pull = 2 * weight * (count - expected)
    power = np.array([phases**n for n in range(CELLS)])
    moved = np.zeros(phases, np.int64)
    step = np.zeros((3, phases, phases), np.int64)
    kinds = 3 * len(spacings)
    found, rows = np.empty((kinds, CELLS), np.int64), np.empty((5, 3), np.int64)
    for number in range(tries):
        z = low + _random(state) % (high - low)
        y, x = _random(state) % sides[1], _random(state) % sides[2]
        face = _random(state) % 6
        u = place(z + SIX[face, 0], sides[0], wrap[0])
        v = place(y + SIX[face, 1], sides[1], wrap[1])
        w = place(x + SIX[face, 2], sides[2], wrap[2])
        if min(u, v, w) < 0:
            continue
        old, new = np.int64(labels[z, y, x]), np.int64(labels[u, v, w])
        if old == new or (held.size > 0 and held[z, y, x]):
            continue
        if moved[old] <= -drift or moved[new] >= drift:
            continue
        cost = 0.0
        for kind in range(kinds):
            plane, s = kind // len(spacings), kind % len(spacings)
            _around(labels, wrap, plane, spacings[s], z, y, x, phases, found[kind], rows)
            for n in range(CELLS):
                code = found[kind, n]
                if code >= 0:
                    other = code + (new - old) * power[n]
                    cost += pull[plane, s, other] - pull[plane, s, code]
                    cost += weight[plane, s, other] + weight[plane, s, code]
        step[:] = 0
        for face in range(6):
            u = place(z + SIX[face, 0], sides[0], wrap[0])
            v = place(y + SIX[face, 1], sides[1], wrap[1])
            w = place(x + SIX[face, 2], sides[2], wrap[2])
            if min(u, v, w) >= 0:
                there = np.int64(labels[u, v, w])
                step[face // 2, min(old, there), max(old, there)] -= 1
                step[face // 2, min(new, there), max(new, there)] += 1
        for axis in range(3):
            for a in range(phases):
                for b in range(a + 1, phases):
                    by = step[axis, a, b]
                    if by != 0:
                        away = pairs[axis, a, b] - expected_pairs[axis, a, b]
                        cost += pair_weight[axis, a, b] * by * (2 * away + by)
        heat = WARM * (1 - number / tries)
        if cost > 0 and cost >= -np.log((_random(state) + 1) / 2.0**31) * heat:
            continue
        if pieces(labels, wrap, z, y, x, old) != 1 or pieces(labels, wrap, z, y, x, new) != 1:
            continue
        labels[z, y, x] = new
        moved[old] -= 1
        moved[new] += 1
        pairs += step
        for kind in range(kinds):
            plane, s = kind // len(spacings), kind % len(spacings)
            for n in range(CELLS):
                code = found[kind, n]
                if code >= 0:
                    other = code + (new - old) * power[n]
                    count[plane, s, code] -= 1
                    count[plane, s, other] += 1
                    for c in (code, other):
                        miss = count[plane, s, c] - expected[plane, s, c]
                        pull[plane, s, c] = 2 * weight[plane, s, c] * miss
