"""Annealing of a volume towards numbers of patterns and pairs: the loops, compiled."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recon.plugins.compiling import kernel, subroutine
from recon.plugins.refiners.pattern_counts import CELLS
from recon.plugins.refiners.topology import FACES, count_components, wrap_index

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


def count(stack: Stack, sums: Sums) -> None:
    """Add the patterns and pairs that hold a voxel of the stack's planes."""
    _count(stack, sums, np.empty(CELLS, np.int64), np.empty((5, 3), np.int64))


@kernel()
def _count(stack: Stack, sums: Sums, codes: Codes, rows: Codes) -> None:
    """`count`, given room to work in."""
    labels, flat, low, high, wrap, spacings = stack
    sides, phases = labels.shape, sums.pairs.shape[-1]
    for plane in range(3):
        for s in range(len(spacings)):
            reach = 0 if plane == 0 or high - low == sides[0] else spacings[s]
            for z in range(low - reach, high + reach):
                u = wrap_index(z, sides[0], wrap[0])
                for y in range(sides[1] if u >= 0 else 0):
                    for x in range(sides[2]):
                        _around(
                            labels, flat, wrap, plane, spacings[s], u, y, x, phases, codes, rows
                        )
                        if codes[4] >= 0:
                            sums.patterns[plane, s, codes[4]] += 1
    _count_pairs(labels, low, high, wrap, sums.pairs)


@subroutine()
def _count_pairs(labels: Labels, low: int, high: int, wrap: Wrap, pairs: Counts) -> None:
    """Add the pairs of planes, each once: from its first voxel, or where that is elsewhere."""
    for z in range(low, high):
        for y in range(labels.shape[1]):
            for x in range(labels.shape[2]):
                here = labels[z, y, x]
                for face in range(6):
                    u, there = _beside(labels, wrap, z, y, x, face)
                    if there >= 0 and (face % 2 == 1 or not low <= u < high):
                        pairs[face // 2, here, there] += 1
                        pairs[face // 2, there, here] += 1


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
        new = _beside(labels, wrap, z, y, x, _random(state) % 6)[1]
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
        _pair_steps(labels, wrap, z, y, x, old, new, step)
        cost = _pattern_cost(codes, change, price)
        cost += _pair_cost(step, pairs, wanted_pairs, cost_of_pairs)
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
        _follow_pairs(step, pairs)
        _follow(codes, change, patterns, wanted, cost_of, price)


@kernel()
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
        known += int(_beside(labels, wrap, z, y, x, face)[1] >= 0)
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
    reach = 2 * spacing
    inside = plane == 0 or reach <= z < labels.shape[0] - reach
    inside = inside and (plane == 1 or reach <= y < labels.shape[1] - reach)
    inside = inside and (plane == 2 or reach <= x < labels.shape[2] - reach)
    if inside:
        line = labels.shape[2]
        down = spacing * (line if plane == 0 else line * labels.shape[1])
        right = spacing * (line if plane == 2 else 1)
        _rows_inside(flat, (z * labels.shape[1] + y) * line + x, down, right, phases, rows)
    else:
        for i in range(5):
            for j in range(3):
                down, right = (i - 2) * spacing, (j - 2) * spacing
                rows[i, j] = _row(labels, wrap, plane, z, y, x, down, right, spacing, phases)
    cube = phases * phases * phases
    for i in range(3):
        for j in range(3):
            a, b, c = rows[i, j], rows[i + 1, j], rows[i + 2, j]
            codes[3 * i + j] = -1 if min(a, b, c) < 0 else (a * cube + b) * cube + c


@subroutine()
def _rows_inside(flat: Labels, at: int, down: int, right: int, phases: int, rows: Codes) -> None:
    """Codes (5, 3) of three pixels in a row about a voxel away from borders.

    flat  the labels in one row;  at  place of the voxel in it;  down, right  from pixel to pixel
    """
    for i in range(5):
        first = at + (i - 2) * down - 2 * right
        a, b = np.int64(flat[first]), np.int64(flat[first + right])
        for j in range(3):
            c = np.int64(flat[first + (j + 2) * right])
            rows[i, j] = (a * phases + b) * phases + c
            a, b = b, c


@subroutine()
def _row(
    labels: Labels,
    wrap: Wrap,
    plane: int,
    z: int,
    y: int,
    x: int,
    down: int,
    right: int,
    spacing: int,
    phases: int,
) -> int:
    """Code of three pixels in a row of a plane, the first of them so far from a voxel; or -1."""
    u, v, w = z, y, x
    if plane == 0:
        v = wrap_index(y + down, labels.shape[1], wrap[1])
    else:
        u = wrap_index(z + down, labels.shape[0], wrap[0])
    code = 0
    for cell in range(3):
        if plane == 2:
            v = wrap_index(y + right + cell * spacing, labels.shape[1], wrap[1])
        else:
            w = wrap_index(x + right + cell * spacing, labels.shape[2], wrap[2])
        if min(u, v, w) < 0:
            return -1
        code = code * phases + labels[u, v, w]
    return code


@subroutine()
def _beside(labels: Labels, wrap: Wrap, z: int, y: int, x: int, face: int) -> tuple[int, int]:
    """Place along z and phase of the voxel across a face; -1 outside."""
    u = wrap_index(z + FACES[face, 0], labels.shape[0], wrap[0])
    v = wrap_index(y + FACES[face, 1], labels.shape[1], wrap[1])
    w = wrap_index(x + FACES[face, 2], labels.shape[2], wrap[2])
    return (-1, -1) if min(u, v, w) < 0 else (u, int(np.int64(labels[u, v, w])))


@subroutine()
def _pair_steps(
    labels: Labels, wrap: Wrap, z: int, y: int, x: int, old: int, new: int, step: Codes
) -> None:
    """By how much the pairs (3, K, K), the lower phase first, change with a voxel."""
    for axis in range(3):
        for a in range(step.shape[1]):
            for b in range(step.shape[1]):
                step[axis, a, b] = 0
    for face in range(6):
        there = _beside(labels, wrap, z, y, x, face)[1]
        if there >= 0:
            step[face // 2, min(old, there), max(old, there)] -= 1
            step[face // 2, min(new, there), max(new, there)] += 1


@subroutine()
def _pair_cost(step: Codes, have: Counts, expected: Counts, weight: Counts) -> float:
    """What the change of pairs of unlike phases adds to the misfit."""
    cost = 0.0
    for axis in range(3):
        for a in range(step.shape[1]):
            for b in range(a + 1, step.shape[1]):
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
def _follow_pairs(step: Codes, have: Counts) -> None:
    """Count the pairs about a voxel that has changed."""
    for axis in range(3):
        for a in range(step.shape[1]):
            for b in range(step.shape[2]):
                have[axis, a, b] += step[axis, a, b]


@subroutine()
def _follow(
    codes: Codes, change: Codes, have: Counts, expected: Counts, weight: Counts, price: Prices
) -> None:
    """Count the patterns about a voxel that has changed."""
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
