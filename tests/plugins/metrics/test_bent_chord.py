"""Bent chords: arms walked pixel by pixel, turns and mirrors, shapes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.core import Micrographs, Volume
from recon.core.testing import check_plugin, volumes
from recon.core.testing import labels as textures
from recon.plugins.metrics import chord_arms
from recon.plugins.metrics.bent_chord import BentChord
from recon.plugins.metrics.digital_lines import digital_lines

EDGES = st.sampled_from([(1.0, 1.0), (2.0, 1.0), (1.0, 3.3), (0.4, 0.7)])


def images(**sides):
    return textures(dimensions=2, **sides)


def on_xy(image, edges=(1.0, 1.0), **options):
    sample = Micrographs({"xy": [image]}, (min(edges), *edges), "abc")
    return BentChord(**options).measure(sample).sel(plane="xy")


def walk_arms(image, edges, directions):
    """Arms (2 directions, a, b), each by the angle that it points at, from pixel to pixel."""
    arms = np.zeros((2 * directions, *image.shape))
    offsets, across, steps = digital_lines(image.shape, edges, directions)
    for d in range(directions):
        angle = np.pi * d / directions
        towards = np.array([np.sin(angle) / edges[0], np.cos(angle) / edges[1]])
        axis = 1 if across[d] else 0
        for place in np.ndindex(image.shape):
            line = place[1 - axis] - offsets[d, place[axis]]
            for way in (1, -1):
                pixels, i = 0, place[axis]
                while 0 <= i < image.shape[axis]:
                    j = line + offsets[d, i]
                    there = (j, i) if axis else (i, j)
                    inside = 0 <= j < image.shape[1 - axis]
                    if not inside or image[there] != image[place]:
                        break
                    pixels, i = pixels + 1, i + way
                half = d if way * towards[axis] > 0 else d + directions
                arms[(half, *place)] = (pixels - 0.5) * steps[d]
    return arms


@given(images(max_side=8), EDGES, st.integers(12, 17))
def test_a_slice_equals_a_walk_along_every_arm(image, edges, directions):
    result = on_xy(image, edges, directions=directions)
    arms = walk_arms(image, np.array(edges) / min(edges), directions)
    lengths = []
    for most in (directions // 12, directions // 4):
        bends = [(d, b) for d in range(2 * directions) for b in range(-most, most + 1)]
        other = [arms[(d + directions + bend) % (2 * directions)] for d, bend in bends]
        lengths.append(np.max([arms[d] + arm for (d, _), arm in zip(bends, other, strict=True)], 0))
    for phase in range(3):
        there = image == phase
        expected = lengths[1][there].sum() / lengths[0][there].sum() - 1 if there.any() else np.nan
        np.testing.assert_allclose(result.sel(phase=phase), expected, atol=2e-3)


@given(images(max_side=12), st.integers(6, 10).map(lambda n: 2 * n))
def test_turned_and_mirrored_slices_have_the_same_gain(image, directions):
    result = on_xy(image, directions=directions)
    for other in (np.rot90(image), image[::-1], image[:, ::-1], image.T):
        moved = on_xy(other, directions=directions)
        np.testing.assert_allclose(moved, result, atol=1e-12)


@given(images(), st.permutations(range(3)))
def test_relabelling_and_bounds(image, order):
    result = on_xy(image)
    np.testing.assert_array_equal(on_xy(np.array(order)[image]).values[list(order)], result)
    there = result.dropna("phase")
    assert (there >= 0).all() and (there < 1).all()


@given(volumes())
def test_a_volume_has_the_gain_of_its_slices_on_each_plane(volume):
    slices = {
        plane: np.moveaxis(volume.labels, axis, 0) for axis, plane in enumerate(("xy", "xz", "yz"))
    }
    flat = Micrographs(slices, volume.voxel_size, volume.phases)
    assert BentChord().measure(flat).identical(BentChord().measure(volume))


def test_bands_of_a_large_slice_do_not_change_it(monkeypatch):
    image = (np.random.default_rng(0).random((40, 30)) < 0.6).astype(np.uint8)
    whole = on_xy(image)
    monkeypatch.setattr(chord_arms, "BAND", 210)
    assert on_xy(image).identical(whole)


@pytest.mark.parametrize("angle", [0, 20, 45, 75, 110, 160])
def test_a_bend_gains_little_in_a_straight_fibre_however_it_lies_and_much_in_a_winding_one(angle):
    turn = np.deg2rad(angle)
    y, x = np.indices((96, 96)) - 47.5
    along, aside = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
    straight = (np.abs(aside) < 3) & (np.abs(along) < 40)
    winding = (np.abs(aside - 6 * np.sin(along / 8)) < 3.5) & (np.abs(along) < 40)
    assert on_xy(straight.astype(int)).sel(phase=1) < 0.03
    assert on_xy(winding.astype(int)).sel(phase=1) > 0.1


def test_a_branch_adds_to_it():
    branching = np.zeros((61, 61), int)
    branching[28:33] = 1
    straight = on_xy(branching).sel(phase=1)
    place = np.arange(48)
    for thick in range(5):
        branching[28 - place // 2 + thick, 12 + place] = 1
    assert on_xy(branching).sel(phase=1) > straight + 0.005


def test_single_pixels_and_absent_phases():
    values = BentChord().measure(Volume(np.zeros((1, 1, 1), int), phases="ab"))
    assert (values.sel(phase=0) == 0).all() and values.sel(phase=1).isnull().all()


def test_slices_of_different_sizes_are_pooled_by_their_pixels():
    rng = np.random.default_rng(1)
    one, other = (rng.random((20, 30)) < 0.5).astype(int), (rng.random((9, 12)) < 0.5).astype(int)
    both = BentChord().measure(Micrographs({"xz": [one, other]}))
    alone = [BentChord().measure(Micrographs({"xz": [image]})) for image in (one, other)]
    assert (both >= np.minimum(*alone)).all() and (both <= np.maximum(*alone)).all()
    assert not both.identical(alone[0])


def test_it_keeps_the_contract_of_a_metric():
    check_plugin(BentChord, directions=16)
