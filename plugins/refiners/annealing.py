"""Annealing of a volume towards numbers of patterns and pairs: the loops, compiled."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recon.plugins.compiling import kernel, subroutine
from recon.plugins.refiners.pattern_counts import CELLS
from recon.plugins.refiners.topology import FACES, count_components, look_up

WARM = 2.0
"""Temperature at the begin; it falls to 0 evenly. A change costs a few units."""
COLD = 0.25
"""Below this share of it single voxels may vanish: while it is warm, all small components would."""

Labels = NDArray[np.uint8]
Counts = NDArray[np.float64]
Codes = NDArray[np.int64]
Prices = NDArray[np.float32]
Wrap = NDArray[np.bool_]


class Sums(NamedTuple):
    """Numbers of patterns (3, S, K^9) by plane and spacing, and of pairs (3, K, K) by axis."""

    patterns: Counts
    pairs: Counts


class Stack(NamedTuple):
    """Planes low..high of the labels (Z, Y, X), which axes wrap, and the spacings of patterns.

    flat  the labels in one row
    """

    labels: Labels
    flat: Labels
    low: int
    high: int
    wrap: Wrap
    spacings: NDArray[np.int64]


class Room(NamedTuple):
    """How many voxels each phase may lose and gain in each band of planes.

    axis    normal to the planes
    band    (n,) the band of each plane
    voxels  (B, K, 2); below 0 a phase may not lose or gain until it has gained or lost as many
    """

    axis: int
    band: NDArray[np.int64]
    voxels: NDArray[np.int64]


class Work(NamedTuple):
    """Room to work in: to allocate it in a compiled loop takes half a second of compiling.

    moved   (B, K) voxels that phases have gained in each band
    step    (3, K, K) change of the pairs;  change  (9,) of the codes of patterns
    codes   (3, S, 9) of the patterns about a voxel;  rows  (5, 3)
    """

    moved: Codes
    step: Codes
    change: Codes
    codes: Codes
    rows: Codes


class Start(NamedTuple):
    """Labels of the stack's planes before any change, and the cost of one that differs.

    cost  in units of the temperature: none at the end, where specks may vanish
    """

    labels: Labels
    cost: float


class External(NamedTuple):
    """A cost of the phase of each voxel: field[z, y, x] * charge[phase].

    field   (Z, Y, X), or of no size where there is none
    charge  (K,)
    """

    field: NDArray[np.float32]
    charge: NDArray[np.float32]


def anneal(
    stack: Stack,
    have: Sums,
    expected: Sums,
    weight: Sums,
    tries: int,
    room: Room,
    state: NDArray[np.uint64],
    held: NDArray[np.bool_],
    start: Start,
    external: External,
) -> None:
    """Change voxels of the stack's planes; the numbers that it has follow.

    state  (1,) of the random numbers
    held   (Z, Y, X) voxels that stay, or of no size
    """
    miss = 2 * weight.patterns * (have.patterns - expected.patterns)
    price = np.empty((*miss.shape, 2), np.float32)
    price[..., 0] = weight.patterns + miss
    price[..., 1] = weight.patterns - miss
    phases = have.pairs.shape[-1]
    work = Work(
        np.zeros((len(room.voxels), phases), np.int64),
        np.zeros((3, phases, phases), np.int64),
        np.empty(CELLS, np.int64),
        np.empty((3, len(stack.spacings), CELLS), np.int64),
        np.empty((5, 3), np.int64),
    )
    _anneal(stack, have, expected, weight, price, tries, room, state, held, start, external, work)


@kernel()
def _anneal(
    stack: Stack,
    have: Sums,
    expected: Sums,
    weight: Sums,
    price: Prices,
    tries: int,
    room: Room,
    state: NDArray[np.uint64],
    held: NDArray[np.bool_],
    start: Start,
    external: External,
    work: Work,
) -> None:
    """`anneal`, given the prices of the patterns and room to work in."""
    labels, flat, low, high, wrap, spacings = stack
    patterns, pairs = have
    wanted, wanted_pairs = expected
    cost_of, cost_of_pairs = weight
    phases = pairs.shape[-1]
    axis, band, most = room
    moved, step, change, codes, rows = work
    for number in range(tries):
        z = low + _random(state) % (high - low)
        y, x = _random(state) % labels.shape[1], _random(state) % labels.shape[2]
        old = int(np.int64(labels[z, y, x]))  # a byte would be a second signature of all below
        new = _beside(labels, wrap, z, y, x, _random(state) % 6)
        if new < 0 or new == old or (held.size > 0 and held[z, y, x]):
            continue
        b = band[z if axis == 0 else y if axis == 1 else x]
        if moved[b, old] <= -most[b, old, 0] or moved[b, new] >= most[b, new, 1]:
            continue
        for plane in range(3):
            for s in range(len(spacings)):
                _around(
                    labels, flat, wrap, plane, spacings[s], z, y, x, phases, codes[plane, s], rows
                )
        place_value = new - old
        for n in range(CELLS):
            change[n] = place_value
            place_value *= phases
        cost = _pattern_cost(codes, change, price)
        cost += _pair_cost(
            labels, wrap, z, y, x, old, new, step, pairs, wanted_pairs, cost_of_pairs
        )
        heat = WARM * (1 - number / tries)
        before = start.labels[z - low, y, x]
        cost += start.cost * heat * (int(new != before) - int(old != before))
        if external.field.size > 0:
            cost += external.field[z, y, x] * (external.charge[new] - external.charge[old])
        if cost > 0 and cost >= -np.log((_random(state) + 1) / 2.0**31) * heat:
            continue
        vanish = cost <= 0 and heat < COLD * WARM
        if not allowed(labels, wrap, z, y, x, old, new, vanish):
            continue
        labels[z, y, x] = new
        moved[b, old] -= 1
        moved[b, new] += 1
        _follow(step, pairs, codes, change, patterns, wanted, cost_of, price)


@subroutine()
def allowed(
    labels: Labels, wrap: Wrap, z: int, y: int, x: int, old: int, new: int, vanish: bool
) -> bool:
    """Whether no component appears, splits or joins another, and none vanishes.

    vanish  but one of a single voxel, whose six neighbours are all known: on a face that is not
            periodic it may go on outside
    """
    left = count_components(labels, wrap, z, y, x, old)
    if left > 1 or (left == 0 and not vanish) or count_components(labels, wrap, z, y, x, new) != 1:
        return False
    if left == 1:
        return True
    known = 0
    for face in range(6):
        known += int(_beside(labels, wrap, z, y, x, face) >= 0)
    return known == 6


@subroutine()
def _random(state: NDArray[np.uint64]) -> int:
    """The next of splitmix64 (Steele, Lea & Flood, OOPSLA 2014), its upper 31 bits."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return int((z ^ (z >> np.uint64(31))) >> np.uint64(33))


@subroutine()
def _around(
    labels: Labels,
    flat: Labels,
    wrap: Wrap,
    plane: int,
    spacing: int,
    z: int,
    y: int,
    x: int,
    phases: int,
    codes: Codes,
    rows: Codes,
) -> None:
    """Codes (9,) of the patterns of a plane that hold a voxel, -1 of those that are not whole.

    In codes[n] the voxel is cell 8 - n; flat is the labels in one row, rows (5, 3) room to work in.
    """
    _, height, width = labels.shape
    down = 1 if plane == 0 else height
    down *= spacing * width
    right = spacing * (width if plane == 2 else 1)
    reach = 2 * spacing
    inside = plane == 0 or reach <= z < labels.shape[0] - reach
    inside = inside and (plane == 1 or reach <= y < height - reach)
    inside = inside and (plane == 2 or reach <= x < width - reach)
    at = (z * height + y) * width + x - 2 * down - 2 * right
    for i in range(5):
        a = b = c = 0
        for j in range(5):
            a, b = b, c
            if inside:
                c = int(np.int64(flat[at + i * down + j * right]))
            else:
                below, beside = (i - 2) * spacing, (j - 2) * spacing
                u = z if plane == 0 else z + below
                v = y + below if plane == 0 else y + beside if plane == 2 else y
                w = x if plane == 2 else x + beside
                c = look_up(labels, wrap, u, v, w)
            if j >= 2:
                whole = inside or min(a, b, c) >= 0
                rows[i, j - 2] = (a * phases + b) * phases + c if whole else -1
    cube = phases * phases * phases
    for i in range(3):
        for j in range(3):
            a, b, c = rows[i, j], rows[i + 1, j], rows[i + 2, j]
            codes[3 * i + j] = -1 if min(a, b, c) < 0 else (a * cube + b) * cube + c


@subroutine()
def _beside(labels: Labels, wrap: Wrap, z: int, y: int, x: int, face: int) -> int:
    """Phase of the voxel across a face; -1 outside."""
    return look_up(labels, wrap, z + FACES[face, 0], y + FACES[face, 1], x + FACES[face, 2])


@subroutine()
def _pair_cost(
    labels: Labels,
    wrap: Wrap,
    z: int,
    y: int,
    x: int,
    old: int,
    new: int,
    step: Codes,
    have: Counts,
    expected: Counts,
    weight: Counts,
) -> float:
    """What the change of a voxel adds to the misfit of the pairs of unlike phases.

    step  (3, K, K) written: by how much the pairs change, the lower phase first
    """
    phases = step.shape[1]
    for axis in range(3):
        for a in range(phases):
            for b in range(a, phases):
                step[axis, a, b] = 0
    for face in range(6):
        there = _beside(labels, wrap, z, y, x, face)
        if there >= 0:
            step[face // 2, min(old, there), max(old, there)] -= 1
            step[face // 2, min(new, there), max(new, there)] += 1
    cost = 0.0
    for axis in range(3):
        for a in range(phases):
            for b in range(a + 1, phases):
                by = step[axis, a, b]
                if by != 0:
                    away = have[axis, a, b] - expected[axis, a, b]
                    cost += weight[axis, a, b] * by * (2 * away + by)
    return cost


@subroutine()
def _pattern_cost(codes: Codes, change: Codes, price: Prices) -> float:
    """What the change of the patterns (3, S, 9) about a voxel adds to the misfit.

    price  (3, S, K^9, 2) of one pattern more and of one less; that the same pattern may come or go
           more than once is left out
    """
    cost = 0.0
    for plane in range(codes.shape[0]):
        for s in range(codes.shape[1]):
            for n in range(CELLS):
                code = codes[plane, s, n]
                if code >= 0:
                    cost += price[plane, s, code + change[n], 0] + price[plane, s, code, 1]
    return cost


@subroutine()
def _follow(
    step: Codes,
    pairs: Counts,
    codes: Codes,
    change: Codes,
    have: Counts,
    expected: Counts,
    weight: Counts,
    price: Prices,
) -> None:
    """Count the pairs and patterns about a voxel that has changed."""
    phases = pairs.shape[1]
    for axis in range(3):
        for a in range(phases):
            for b in range(a, phases):
                pairs[axis, a, b] += step[axis, a, b]
    for plane in range(codes.shape[0]):
        for s in range(codes.shape[1]):
            for n in range(CELLS):
                code = codes[plane, s, n]
                if code < 0:
                    continue
                have[plane, s, code] -= 1
                have[plane, s, code + change[n]] += 1
                for c in (code, code + change[n]):
                    one = weight[plane, s, c]
                    miss = 2 * one * (have[plane, s, c] - expected[plane, s, c])
                    price[plane, s, c, 0] = one + miss
                    price[plane, s, c, 1] = one - miss
