"""A volume is given the small patterns of micrographs and keeps its components, specks apart."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numba import njit
from scipy.ndimage import binary_erosion as erode
from scipy.ndimage import convolve, gaussian_filter, label

from recon.core import Micrographs
from recon.core.data.encoding import decode, encode
from recon.core.data.planes import NORMAL, PLANES
from recon.core.sampling.slabs import SlabField
from recon.plugins.refiners import pattern_matching as module
from recon.plugins.refiners.annealing import (
    BORDER,
    External,
    Room,
    Stack,
    Start,
    Sums,
    allowed,
    anneal,
    pad_labels,
)
from recon.plugins.refiners.pattern_counts import SPACINGS, count_patterns
from recon.plugins.refiners.pattern_matching import Wanted, match_patterns, split_blocks
from recon.plugins.refiners.stack_counts import count
from recon.plugins.refiners.topology import count_components, step_to_neighbours
from recon.workflow.executors.on_disk import OnDisk

OPEN = (False, False, False)
NONE = External(np.zeros((0, 0, 0), np.float32), np.zeros(2, np.float32))


@njit
def call_allowed(flat, near, at, old, new, vanish):
    return allowed(flat, near, at, old, new, vanish)


@njit
def call_count(flat, near, at, phase):
    return count_components(flat, near, at, phase)


def around(labels, wrap, place):
    """What the two above are given of a volume, and of a voxel of it."""
    padded = pad_labels(Stack(labels, 0, len(labels), wrap, np.array(SPACINGS)))
    at = np.ravel_multi_index(np.array(place) + BORDER, padded.shape)
    return padded.reshape(-1), step_to_neighbours(padded.shape), at


def volume(shape, phases=2, sigma=1.5, seed=0):
    """Labels of a smooth Gaussian field cut at its quantiles."""
    field = gaussian_filter(np.random.default_rng(seed).normal(size=shape), sigma)
    return np.digitize(field, np.quantile(field, np.linspace(0, 1, phases + 1)[1:-1])).astype(
        np.uint8
    )


def sections(labels):
    """Micrographs of all slices of a volume."""
    stacks = {plane: np.moveaxis(labels, NORMAL[plane], 0) for plane in PLANES}
    return Micrographs(stacks)


def cubes(shape=(24, 24, 24)):
    """Two phases whose surfaces follow the axes, unlike a smooth field's."""
    coarse = volume([n // 4 for n in shape], sigma=0.7, seed=3)
    return np.kron(coarse, np.ones((4, 4, 4), np.uint8))


def given_patterns(labels, of, sweeps=20, periodic=OPEN, **options):
    phases = 1 + max(int(labels.max()), int(of.max()))
    field = encode(torch.as_tensor(labels), phases)
    return decode(
        match_patterns(field, count_patterns(sections(of)), sweeps, periodic, 7, **options)
    ).numpy()


def distance(one, other):
    """Sum over planes and spacings of how much of the patterns is not shared."""
    phases = 1 + max(int(one.max()), int(other.max()))
    a, b = (count_patterns(sections(labels)) for labels in (one, other))
    return sum(
        abs(a[plane][n].share(phases) - b[plane][n].share(phases)).sum() / 2
        for plane in PLANES
        for n in range(len(SPACINGS))
    )


def area(labels):
    return np.mean([(np.diff(labels.astype(int), axis=axis) != 0).mean() for axis in range(3)])


def components(labels):
    return [label(labels == phase)[1] for phase in np.unique(labels)]


def sizes(mask):
    return np.bincount(label(mask)[0].ravel())[1:]


@pytest.mark.parametrize(
    ("phases", "share"),
    [
        (2, 0.6),
        pytest.param(3, 0.95, marks=pytest.mark.slow),
        pytest.param(4, 0.98, marks=pytest.mark.slow),
    ],
)
def test_patterns_come_nearer_and_components_and_fractions_stay(phases, share):
    """Of more phases there are more patterns, and more of what remains is the scatter of few."""
    before, like = volume((24, 26, 28), phases), volume((60, 60, 60), phases, 3.0, 1)
    after = given_patterns(before, like)
    assert distance(after, like) < share * distance(before, like)
    few = [n - (sizes(before == phase) > 8).sum() for phase, n in enumerate(components(before))]
    for old, new, small in zip(components(before), components(after), few, strict=True):
        assert old - small <= new <= old
    shares = [np.bincount(v.ravel(), minlength=phases) / v.size for v in (before, after)]
    assert np.abs(shares[0] - shares[1]).max() <= module.DRIFT + 1 / before.size


def measure_tips(labels, phases):
    """Share of the pixels of slices that have two neighbours of their phase at most, of eight."""
    shares = []
    for axis in range(3):
        square = np.expand_dims(np.ones((3, 3), int), axis)
        alike = sum(
            (labels == phase) * convolve((labels == phase).astype(int), square)
            for phase in range(phases)
        )
        shares.append((alike[1:-1, 1:-1, 1:-1] <= 3).mean())
    return np.mean(shares)


def test_rare_patterns_count_by_their_number():
    """Tips are hundreds of patterns, each of which is rare."""
    before, like = volume((32, 32, 32), 3, 3.0), volume((60, 60, 60), 3, 3.0, 1)
    noise = np.random.default_rng(2).random(before.shape) < 0.03
    before[noise] = np.roll(before, 1, 0)[noise]
    started, ended, wanted = (
        measure_tips(labels, 3) for labels in (before, given_patterns(before, like), like)
    )
    assert started > 1.5 * wanted
    assert abs(ended - wanted) < 0.25 * (started - wanted)


def test_flat_faces_are_rounded_and_interface_is_the_micrographs():
    before, like = cubes(), volume((48, 48, 48), sigma=2.5)
    after = given_patterns(before, like, sweeps=40)
    assert components(after) == components(before)
    assert abs(area(before) / area(like) - 1) > 0.15
    assert abs(area(after) / area(like) - 1) < 0.1


def test_of_other_fractions_the_interface_goes_with_their_product():
    field = gaussian_filter(np.random.default_rng(0).normal(size=(40, 40, 40)), 1.5)
    half, third = (np.uint8(field > np.quantile(field, share)) for share in (0.5, 0.7))
    after = given_patterns(third, half, sweeps=40)
    assert after.mean() == pytest.approx(0.3, abs=0.001)
    assert area(after) == pytest.approx(area(half) * 0.3 * 0.7 / 0.25, rel=0.03)


@pytest.mark.parametrize("wanted", [(0.3, 0.4, 0.3), (0.335, 0.34, 0.325), (0.34, 0.325, 0.335)])
def test_phases_come_to_the_fractions_that_are_asked_for(wanted):
    before, like = volume((30, 32, 34), 3, 2.0), volume((48, 48, 48), 3, 2.5, 1)
    after = given_patterns(before, like, fractions=np.array(wanted))
    value = np.bincount(after.ravel(), minlength=3) / after.size
    assert value == pytest.approx(np.array(wanted), abs=module.DRIFT + 1 / after.size)
    assert components(after) == pytest.approx(components(before), abs=3)


def test_a_volume_with_these_patterns_keeps_them():
    like = volume((48, 48, 48))
    before = like[:24]
    after = given_patterns(before, like)
    assert distance(after, like) < distance(before, like)
    assert area(after) == pytest.approx(area(like), rel=0.02)


def test_one_phase_alone_and_no_sweeps_change_nothing():
    like = volume((24, 24, 24))
    assert (given_patterns(np.ones((8, 9, 10), np.uint8), like) == 1).all()
    assert np.array_equal(given_patterns(cubes(), like, sweeps=0), cubes())


def test_voxels_that_are_held_stay():
    before, like = cubes(), volume((48, 48, 48), sigma=2.5)
    held = np.zeros(before.shape, bool)
    held[5], held[:, :, 9] = True, True
    after = given_patterns(before, like, fixed=held)
    assert np.array_equal(after[held], before[held])
    assert (after != before).mean() > 0.005


def test_only_changed_voxels_of_the_field_are_replaced():
    before, like = cubes(), volume((48, 48, 48), sigma=2.5)
    field = 0.3 * encode(torch.as_tensor(before), 2)
    after = match_patterns(field, count_patterns(sections(like)), 5, OPEN, 0)
    changed = decode(after) != decode(field)
    assert torch.equal(after[0][~changed], field[0][~changed])
    assert set(after[0][changed].tolist()) == {-1.0, 1.0}


def test_patterns_across_periodic_borders_count():
    before = np.roll(cubes(), (2, 2, 2), (0, 1, 2))
    like = volume((48, 48, 48), sigma=2.5)
    after = given_patterns(before, like, periodic=(True, True, True))
    assert (after[[0, -1]] != before[[0, -1]]).mean() > 0.005
    tiled = [np.tile(v, (2, 2, 2))[10:38, 10:38, 10:38] for v in (before, after)]
    assert distance(tiled[1], like) < distance(tiled[0], like)


@pytest.mark.parametrize(("axis", "phases"), [(0, 2), (1, 3), (2, 2)])
def test_fractions_follow_a_profile_in_every_band(axis, phases):
    like = volume((40, 40, 40), phases, sigma=2.0)
    field = np.moveaxis(
        gaussian_filter(np.random.default_rng(0).normal(size=(26,) * 3), 1.5), axis, 0
    )
    last = np.linspace(0.9, 1.1, 26) / phases
    fractions = np.stack([*[(1 - last) / (phases - 1)] * (phases - 1), last])
    labels = np.stack(  # every plane off by up to .03
        [
            np.digitize(plane, np.quantile(plane, np.cumsum(shares)[:-1] + 0.03 * np.sin(n)))
            for n, (plane, shares) in enumerate(zip(field, fractions.T, strict=True))
        ]
    )
    start = np.moveaxis(labels, 0, axis).astype(np.uint8)
    shape = [phases, 1, 1, 1]
    shape[axis + 1] = 26
    after = given_patterns(start, like, 40, fractions=fractions.reshape(shape))
    for phase in range(phases):
        along = (after == phase).mean(tuple({0, 1, 2} - {axis}))
        for low in range(0, 26, 4):
            band = slice(low, low + 4)
            assert abs(along[band].mean() - fractions[phase, band].mean()) < 0.003


def counted(stack, phases):
    sums = Sums(np.zeros((3, 2, phases**9)), np.zeros((3, phases, phases)))
    count(stack, sums)
    return sums


@pytest.mark.slow
@given(st.integers(0, 2**31), st.integers(2, 4), st.integers(1, 3))
def test_counts_follow_every_change(seed, phases, blocks):
    rng = np.random.default_rng(seed)
    labels = volume((13 * blocks, 7, 8), phases, 0.8, seed)
    wrap = rng.integers(0, 2, 3).astype(bool)
    low = 13 * (blocks - 1)
    stack = Stack(labels, low, low + 13, wrap, np.array(SPACINGS))
    before, have = labels.copy(), counted(stack, phases)
    expected = Sums(rng.uniform(0, 2, have.patterns.shape), have.pairs + 5)
    weight = Sums(np.full(have.patterns.shape, 0.01), np.full(have.pairs.shape, 0.01))
    state, held = np.array([seed], np.uint64), np.zeros((0, 0, 0), bool)
    start = Start(labels[low:].copy(), 0.1)
    room = Room(0, np.zeros(len(labels), np.int64), np.full((1, phases, 2), 50))
    anneal(stack, have, expected, weight, 20 * labels.size, room, state, held, start, NONE)
    assert (labels != before).any()
    assert np.array_equal(labels[:low], before[:low])
    again = counted(stack, phases)
    assert np.array_equal(have.patterns, again.patterns)
    assert np.array_equal(np.triu(have.pairs, 1), np.triu(again.pairs, 1))


def test_counts_are_those_of_the_slices():
    labels = volume((9, 10, 11), 3)
    result = counted(Stack(labels, 0, 9, np.zeros(3, bool), np.array(SPACINGS)), 3)
    wanted = Wanted.of(count_patterns(sections(labels)), 3)
    total = result.patterns.sum(-1, keepdims=True)
    assert np.allclose(result.patterns / total, wanted.patterns)
    for axis in range(3):
        one, other = np.delete(labels, -1, axis), np.delete(labels, 0, axis)
        expected = np.zeros((3, 3))
        np.add.at(expected, (one, other), 1)
        assert np.array_equal(result.pairs[axis], expected + expected.T)


def test_pairs_are_those_of_the_micrographs():
    labels = volume((60, 60, 60), 3, 2.0)
    labels = labels[:, ::2]
    wanted = Wanted.of(count_patterns(sections(labels)), 3)
    for axis in range(3):
        one, other = np.delete(labels, -1, axis), np.delete(labels, 0, axis)
        expected = np.zeros((3, 3))
        np.add.at(expected, (one, other), 1)
        assert np.allclose(wanted.pairs[axis], (expected + expected.T) / one.size, atol=0.01)


def test_slabs_on_disk_and_blocks_give_what_a_volume_in_memory_does(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 8)
    before, like = volume((37, 12, 13)), volume((40, 40, 40), sigma=2.0)
    field, known = encode(torch.as_tensor(before), 2), count_patterns(sections(like))
    assert len(split_blocks(37)) == 4
    aim = {"fractions": np.array([0.53, 0.47])}
    whole = match_patterns(field, known, 10, (True, False, True), 3, **aim)
    slabs = OnDisk(tmp_path, 5)
    split = match_patterns(
        SlabField(slabs, tuple(field.shape), lambda low, high: field[:, low:high]),
        known, 10, (True, False, True), 3, **aim,
    )  # fmt: skip
    assert torch.equal(torch.cat([split.slab(*b) for b in slabs.bounds(37)], 1), whole)
    assert decode(whole).float().mean() == pytest.approx(0.47, abs=0.003)


@pytest.mark.parametrize("side", [1, 63, 127, 128, 200, 256, 1000])
def test_blocks_are_one_or_an_even_number_and_cover_all_planes(side):
    blocks = split_blocks(side)
    assert blocks[0][0] == 0 and blocks[-1][1] == side
    assert all(a[1] == b[0] for a, b in zip(blocks, blocks[1:], strict=False))
    assert len(blocks) == 1 or len(blocks) % 2 == 0
    assert len(blocks) == 1 or min(high - low for low, high in blocks) >= module.BLOCK


@given(st.integers(0, 2**31), st.integers(2, 4), st.sampled_from([0.2, 0.5, 1]), st.booleans())
def test_what_is_allowed_leaves_all_components_but_a_single_voxel(seed, phases, share, vanish):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, phases, (5, 5, 5)).astype(np.uint8)
    labels[rng.random(labels.shape) > share] = 0
    labels[2, 2, 2] = phases - 1
    wrap = np.zeros(3, bool)
    for at in ((2, 2, 2), (0, 2, 4), (4, 4, 4), (2, 2, 0)):
        old = int(labels[at])
        for new in range(phases):
            if new == old or not call_allowed(*around(labels, wrap, at), old, new, vanish):
                continue
            changed = labels.copy()
            changed[at] = new
            alone = label(labels == old)[0]
            gone = int((alone == alone[at]).sum() == 1)
            assert not gone or (vanish and at == (2, 2, 2))
            for phase in range(phases):
                lost = gone if phase == old else 0
                assert label(changed == phase)[1] == label(labels == phase)[1] - lost


@pytest.mark.parametrize("inside", [True, False])
def test_specks_vanish_where_the_micrographs_have_none_but_not_on_faces(inside):
    like, clean = (volume((n, n, n), sigma=3.0, seed=n) for n in (48, 32))
    deep = np.ones((3, 3, 3), bool)
    away = erode(clean == 0, deep, 2, border_value=1) | erode(clean == 1, deep, 2, border_value=1)
    chosen = np.zeros(clean.shape, bool)
    chosen[2:-2:6, 2:-2:6, 2:-2:6] = inside
    chosen[0, 2:-2:6, 2:-2:6] = not inside
    before = np.where(chosen & away, 1 - clean, clean)
    assert sum(components(before)) > sum(components(clean)) + 10
    after = given_patterns(before, like, sweeps=40)
    if inside:
        assert sum(components(after)) <= sum(components(clean)) + 1
    else:
        assert components(after) == components(before)


def interface_on_faces(labels):
    """The amount of interface on the outermost slices over that on inner ones."""
    faces, inner = [], []
    for axis in range(3):
        each = [area_of(plane) for plane in np.moveaxis(labels, axis, 0)]
        faces += [each[0], each[-1]]
        inner += each[4:-4]
    return np.mean(faces) / np.mean(inner)


def area_of(image):
    return np.mean([(np.diff(image.astype(int), axis=axis) != 0).mean() for axis in range(2)])


@pytest.mark.parametrize(("phases", "coarse", "fine"), [(2, 3.0, 1.5), (3, 4.0, 2.0)])
def test_interface_that_is_missing_is_not_made_on_the_faces(phases, coarse, fine):
    before = volume((28, 28, 28), phases, coarse)
    after = given_patterns(before, volume((44, 44, 44), phases, fine, seed=5), sweeps=40)
    assert area(after) > 1.9 * area(before)
    assert interface_on_faces(after) < 1.04


def test_pieces_are_counted_across_periodic_borders():
    labels = np.zeros((5, 5, 5), np.uint8)
    labels[0, 2, 2] = labels[4, 2, 2] = labels[1, 2, 2] = 1
    assert call_count(*around(labels, np.zeros(3, bool), (0, 2, 2)), 1) == 1
    assert call_count(*around(labels, np.array([True, False, False]), (0, 2, 2)), 1) == 2


def stripes(angle, side=48, seed=0):
    """Straight plates along y whose faces are turned about y, with a few degrees of scatter."""
    z, y, x = np.mgrid[:side, :side, :side]
    rng = np.random.default_rng(seed)
    turned = np.radians(angle + rng.uniform(-2, 2))
    across = np.cos(turned) * x + np.sin(turned) * z
    return (np.sin(across * 2 * np.pi / 12 + rng.uniform(0, 6)) > 0).astype(np.uint8)


@pytest.mark.slow
def test_a_volume_of_one_orientation_among_several_keeps_its_straight_edges():
    """Half of the micrographs have faces along z, half tilted ones: no reason to bend either."""
    straight, tilted = stripes(0), stripes(20, seed=1)
    both = Micrographs(
        {
            plane: [
                image for of in (straight, tilted) for image in np.moveaxis(of, NORMAL[plane], 0)
            ]
            for plane in PLANES
        }
    )
    for labels in (straight, tilted):
        field = encode(torch.as_tensor(labels), 2)
        after = decode(match_patterns(field, count_patterns(both), 20, OPEN, 0, change_cost=0.3))
        assert (after.numpy() != labels).mean() < 0.001


def test_fewer_voxels_change_at_a_higher_cost():
    before, like = volume((24, 26, 28)), volume((60, 60, 60), sigma=3.0, seed=1)
    changed = [(given_patterns(before, like, change_cost=c) != before).mean() for c in (0, 5, 20)]
    assert changed[0] > changed[1] > changed[2] > 0
