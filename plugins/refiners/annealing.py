"""Annealing of a volume towards numbers of patterns and pairs: the loops, compiled."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recon.plugins.compiling import kernel, subroutine
from recon.plugins.refiners.pattern_counts import CELLS, SPACINGS
from recon.plugins.refiners.topology import FACES, count_components, step_to_neighbours

WARM = 2.0
"""Annealing temperature at the start; it falls to 0 evenly. A change costs a few units."""
COLD = 0.25
"""Below this share of it single voxels may vanish: while it is warm, all small components would."""

BORDER = 2 * max(SPACINGS)
"""Voxels about a stack that patterns with one of its voxels may hold."""

Labels = NDArray[np.uint8]
Padded = NDArray[np.int8]
Counts = NDArray[np.float64]
Codes = NDArray[np.int64]
Prices = NDArray[np.float32]
Wrap = NDArray[np.bool_]


class Sums(NamedTuple):
    """Numbers of patterns (3, S, K^9) by plane and spacing, and of pairs (3, K, K) by axis."""

    patterns: Counts
    pairs: Counts


class Stack(NamedTuple):
    """Planes low..high of the labels (Z, Y, X), which axes wrap, and the spacings of patterns."""

    labels: Labels
    low: int
    high: int
    wrap: Wrap
    spacings: NDArray[np.int64]


class Around(NamedTuple):
    """A stack and the voxels about it, which change together.

    padded  of `pad_labels`;  flat  the same in one row
    sides   of the whole volume;  low  the first plane of the stack in it;  wrap  periodic axes
    """

    padded: Padded
    flat: Padded
    sides: tuple[int, int, int]
    low: int
    wrap: Wrap


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

    near    (18,) steps to the neighbours of a voxel
    moved   (B, K) voxels that phases have gained in each band
    step    (3, K, K) change of the pairs;  change  (9,) of the codes of patterns
    codes   (3, S, 9) of the patterns about a voxel
    """

    near: Codes
    moved: Codes
    step: Codes
    change: Codes
    codes: Codes


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
    padded = pad_labels(stack)
    work = Work(
        step_to_neighbours(padded.shape),
        np.zeros((len(room.voxels), phases), np.int64),
        np.zeros((3, phases, phases), np.int64),
        np.empty(CELLS, np.int64),
        np.empty((3, len(stack.spacings), CELLS), np.int64),
    )
    around = Around(padded, padded.reshape(-1), stack.labels.shape, stack.low, stack.wrap)
    _anneal(
        around, stack.spacings, have, expected, weight, price, tries, room, state, held, start,
        external, work,
    )  # fmt: skip
    inner = slice(BORDER, -BORDER)
    stack.labels[stack.low : stack.high] = padded[inner, inner, inner]


def pad_labels(stack: Stack) -> Padded:
    """The labels of a stack and BORDER voxels about it; -1 where there are none."""
    labels, low, high, wrap, _ = stack
    depth, *sides = labels.shape
    shape = (high - low + 2 * BORDER, *(side + 2 * BORDER for side in sides))
    padded = np.full(shape, -1, np.int8)
    for place, z in enumerate(range(low - BORDER, high + BORDER)):
        if wrap[0] or 0 <= z < depth:
            rows = _pad(labels[z % depth].astype(np.int8), 0, wrap[1])
            padded[place] = _pad(rows, 1, wrap[2])
    return padded


def _pad(image: Padded, axis: int, wrap: bool) -> Padded:
    """An image continued by BORDER pixels on both sides of an axis."""
    widths = [(BORDER, BORDER) if n == axis else (0, 0) for n in range(2)]
    if wrap:
        return np.pad(image, widths, mode="wrap")
    return np.pad(image, widths, constant_values=-1)


@kernel()
def _anneal(
    around: Around,
    spacings: Codes,
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
    """`anneal`, given the padded labels, the prices of the patterns and room to work in."""
    padded, flat, sides, low, wrap = around
    planes, height, width = padded.shape
    patterns, pairs = have
    wanted, wanted_pairs = expected
    cost_of, cost_of_pairs = weight
    phases = pairs.shape[-1]
    axis, band, most = room
    near, moved, step, change, codes = work
    for number in range(tries):
        z = low + _random(state) % (planes - 2 * BORDER)
        y, x = _random(state) % sides[1], _random(state) % sides[2]
        at = ((z - low + BORDER) * height + y + BORDER) * width + x + BORDER
        old = int(np.int64(flat[at]))  # a byte would be a second signature of all below
        new = int(np.int64(flat[at + near[_random(state) % FACES]]))
        if new < 0 or new == old or (held.size > 0 and held[z, y, x]):
            continue
        b = band[z if axis == 0 else y if axis == 1 else x]
        if moved[b, old] <= -most[b, old, 0] or moved[b, new] >= most[b, new, 1]:
            continue
        _encode_around(flat, height * width, width, at, spacings, phases, codes)
        place_value = new - old
        for n in range(CELLS):
            change[n] = place_value
            place_value *= phases
        cost = _pattern_cost(codes, change, price)
        cost += _pair_cost(flat, near, at, old, new, step, pairs, wanted_pairs, cost_of_pairs)
        heat = WARM * (1 - number / tries)
        before = start.labels[z - low, y, x]
        cost += start.cost * heat * (int(new != before) - int(old != before))
        if external.field.size > 0:
            cost += external.field[z, y, x] * (external.charge[new] - external.charge[old])
        if cost > 0 and cost >= -np.log((_random(state) + 1) / 2.0**31) * heat:
            continue
        vanish = cost <= 0 and heat < COLD * WARM
        if not allowed(flat, near, at, old, new, vanish):
            continue
        _write(padded, sides, wrap, z - low + BORDER, y + BORDER, x + BORDER, new)
        moved[b, old] -= 1
        moved[b, new] += 1
        _follow(step, pairs, codes, change, patterns, wanted, cost_of, price)


@subroutine()
def _write(
    padded: Padded,
    sides: tuple[int, int, int],
    wrap: Wrap,
    z: int,
    y: int,
    x: int,
    phase: int,
) -> None:
    """Write a voxel of the padded labels, and where it is seen again across periodic borders."""
    depth, height, width = padded.shape
    for u in range(z % sides[0] if wrap[0] else z, depth, sides[0] if wrap[0] else depth):
        for v in range(y % sides[1] if wrap[1] else y, height, sides[1] if wrap[1] else height):
            for w in range(x % sides[2] if wrap[2] else x, width, sides[2] if wrap[2] else width):
                padded[u, v, w] = phase


@subroutine()
def allowed(flat: Padded, near: Codes, at: int, old: int, new: int, vanish: bool) -> bool:
    """Whether no component appears, splits or joins another, and none vanishes.

    vanish  but one of a single voxel, whose six neighbours are all known: on a face that is not
            periodic it may go on outside
    """
    left = count_components(flat, near, at, old)
    if left > 1 or (left == 0 and not vanish) or count_components(flat, near, at, new) != 1:
        return False
    if left == 1:
        return True
    known = 0
    for face in range(FACES):
        known += int(flat[at + near[face]] >= 0)
    return known == FACES


@subroutine()
def _random(state: NDArray[np.uint64]) -> int:
    """The next of splitmix64 (Steele, Lea & Flood, OOPSLA 2014), its upper 31 bits."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return int((z ^ (z >> np.uint64(31))) >> np.uint64(33))


@subroutine()
def _encode_around(
    flat: Padded, plane: int, row: int, at: int, spacings: Codes, phases: int, codes: Codes
) -> None:
    """Codes (3, S, 9) of the patterns that hold a voxel, -1 of those that are not whole.

    In codes[..., n] the voxel is cell 8 - n; plane, row are the steps from one to the next.
    """
    cube = phases * phases * phases
    for k in range(3):
        for s in range(len(spacings)):
            down = spacings[s] * (row if k == 0 else plane)
            right = spacings[s] * (row if k == 2 else 1)
            first = at - 2 * (down + right)
            a = b = c = d = e = f = 0
            for i in range(5):
                p, q, r = _encode_row(flat, np.uint64(first + i * down), np.uint64(right), phases)
                if i >= 2:
                    codes[k, s, 3 * i - 6] = _join(a, d, p, cube)
                    codes[k, s, 3 * i - 5] = _join(b, e, q, cube)
                    codes[k, s, 3 * i - 4] = _join(c, f, r, cube)
                a, b, c, d, e, f = d, e, f, p, q, r


@subroutine()
def _encode_row(flat: Padded, at: np.uint64, right: np.uint64, phases: int) -> tuple[int, int, int]:
    """Codes of three pixels of the five of a row: the first, the next, the last.

    at  place of the first pixel;  right  from one to the next. Without a sign: numba need not
        check whether an index is negative
    """
    a = int(np.int64(flat[at]))
    b = int(np.int64(flat[at + right]))
    c = int(np.int64(flat[at + right + right]))
    d = int(np.int64(flat[at + right + right + right]))
    e = int(np.int64(flat[at + right + right + right + right]))
    return _join(a, b, c, phases), _join(b, c, d, phases), _join(c, d, e, phases)


@subroutine()
def _join(a: int, b: int, c: int, base: int) -> int:
    """Three digits as one number; -1 where one is missing."""
    return -1 if min(a, b, c) < 0 else (a * base + b) * base + c


@subroutine()
def _pair_cost(
    flat: Padded,
    near: Codes,
    at: int,
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
    for face in range(FACES):
        there = int(np.int64(flat[at + near[face]]))
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

    Near a face that is not periodic fewer are whole. As if all were: else the interface that a
    volume lacks would be made there, where it costs the least.
    """
    cost, whole = 0.0, 0
    for plane in range(codes.shape[0]):
        for s in range(codes.shape[1]):
            for n in range(CELLS):
                code = codes[plane, s, n]
                if code >= 0:
                    cost += price[plane, s, code + change[n], 0] + price[plane, s, code, 1]
                    whole += 1
    return cost * codes.size / max(whole, 1)


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
