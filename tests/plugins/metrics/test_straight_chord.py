"""Straight chords: digital lines, a walk along every line, turns and mirrors, shapes."""

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.core import Micrographs, Volume
from recon.core.testing import check_plugin, volumes
from recon.core.testing import labels as textures
from recon.plugins.metrics.digital_lines import digital_lines
from recon.plugins.metrics.straight_chord import StraightChord

NAMES = "abc"
EDGES = st.sampled_from([(1.0, 1.0), (2.0, 1.0), (1.0, 3.3), (0.4, 0.7)])


def images(**sides):
    return textures(dimensions=2, **sides)


def on_xy(image, edges=(1.0, 1.0), **options):
    sample = Micrographs({"xy": [image]}, (min(edges), *edges), NAMES)
    return StraightChord(**options).measure(sample).sel(plane="xy")


def walked(image, edges, directions):
    """Longest chord of each pixel, and the directions that have it, line by line."""
    best = np.zeros(image.shape)
    which = [[set() for _ in row] for row in image]
    offsets, across, steps = digital_lines(image.shape, edges, directions)
    for d in range(directions):
        lines = {}
        for place in np.ndindex(image.shape):
            i, j = reversed(place) if across[d] else place
            lines.setdefault(j - offsets[d, i], []).append((i, place))
        for line in lines.values():
            for _, run in groupby(sorted(line), key=lambda pixel: image[pixel[1]]):
                run = [place for _, place in run]
                for place in run:
                    if len(run) * steps[d] > best[place]:
                        best[place] = len(run) * steps[d]
                        which[place[0]][place[1]] = set()
                    if len(run) * steps[d] == best[place]:
                        which[place[0]][place[1]].add(d)
    return best, which


@given(images(max_side=12), EDGES, st.integers(12, 17))
def test_a_slice_equals_a_walk_along_every_line(image, edges, directions):
    result = on_xy(image, edges, directions=directions, max_length=9)
    best, which = walked(image, np.array(edges) / min(edges), directions)
    for phase in range(3):
        inside = np.argwhere(image == phase)
        at = result.sel(phase=phase)
        if not len(inside):
            assert all(at[name].isnull().all() for name in at)
            continue
        lengths = best[image == phase]
        assert at["mean"].item() == pytest.approx(lengths.mean())
        counts = np.bincount(np.floor(lengths + 0.5).astype(int), minlength=10)[1:10]
        np.testing.assert_allclose(at["density"], counts / len(inside))
        shares = np.zeros(directions)
        for y, x in inside:
            shares[list(which[y][x])] += 1 / len(which[y][x]) / len(inside)
        np.testing.assert_allclose(at["orientation"], shares, atol=2e-5)
        resultant = (shares * np.exp(2j * np.deg2rad(at["angle"].values))).sum()
        assert at["alignment"].item() == pytest.approx(abs(resultant), abs=1e-4)
        if abs(resultant) > 0.01:
            turn = (at["axis"].item() - np.rad2deg(np.angle(resultant)) / 2 + 90) % 180 - 90
            assert turn == pytest.approx(0, abs=0.1) and 0 <= at["axis"] < 180


@given(st.tuples(*[st.integers(1, 80)] * 2), EDGES, st.integers(12, 64))
def test_digital_lines_follow_their_direction_and_never_break(shape, edges, directions):
    offsets, across, steps = digital_lines(shape, edges, directions)
    for d in range(directions):
        side = shape[1 if across[d] else 0]
        line = offsets[d, :side]
        assert (np.abs(np.diff(line)) <= 1).all()
        angle = np.pi * d / directions
        down, right = np.sin(angle) / edges[0], np.cos(angle) / edges[1]
        slope = down / right if across[d] else right / down
        assert abs(slope) <= 1 + 1e-9
        assert np.ptp(line - slope * np.arange(side)) <= 1 + 1e-9
        away = np.array([slope, 1]) if across[d] else np.array([1, slope])
        assert steps[d] == pytest.approx(np.hypot(*(away * edges)))


@given(images(max_side=12), st.integers(6, 10).map(lambda n: 2 * n))
def test_turned_and_mirrored_slices_have_turned_and_mirrored_chords(image, directions):
    result = on_xy(image, directions=directions, max_length=9)
    angle = result["angle"]
    for other, angles in (
        (np.rot90(image), (angle + 90) % 180),
        (image[::-1], -angle % 180),
        (image[:, ::-1], -angle % 180),
        (image.T, (90 - angle) % 180),
    ):
        moved = on_xy(other, directions=directions, max_length=9)
        for name in ("mean", "density", "alignment"):
            np.testing.assert_allclose(moved[name], result[name], atol=1e-9)
        turned = moved["orientation"].sel(angle=angles.values, method="nearest")
        np.testing.assert_allclose(turned, result["orientation"], atol=1e-9)


@given(images(), st.permutations(range(3)))
def test_relabelling_and_bounds(image, order):
    result = on_xy(image, max_length=30)
    moved = on_xy(np.array(order)[image], max_length=30)
    for name, value in moved.items():
        np.testing.assert_allclose(value.values[list(order)], result[name], atol=1e-9)
    there = result.sel(phase=result["mean"].notnull())
    np.testing.assert_allclose(there["density"].sum("length"), 1)
    np.testing.assert_allclose(there["orientation"].sum("angle"), 1, atol=1e-5)
    assert (there["mean"] >= 2**0.5 - 1e-9).all() or 1 in image.shape
    assert (there["mean"] <= 1.5 * np.hypot(*image.shape)).all()
    finer = on_xy(image, directions=24)["mean"].sel(phase=there["phase"])
    assert (finer >= there["mean"] - 1e-9).all()


@given(volumes())
def test_a_volume_has_the_chords_of_its_slices_on_each_plane(volume):
    slices = {
        plane: np.moveaxis(volume.labels, axis, 0) for axis, plane in enumerate(("xy", "xz", "yz"))
    }
    whole = StraightChord(max_length=9).measure(volume)
    flat = Micrographs(slices, volume.voxel_size, volume.phases)
    assert StraightChord(max_length=9).measure(flat).identical(whole)


@pytest.mark.parametrize("edges", [(1.0, 1.0), (1.5, 1.0), (1.0, 2.0)])
@pytest.mark.parametrize("direction", range(12))
def test_a_line_is_found_with_its_length_and_direction(edges, direction):
    offsets, across, steps = digital_lines((41, 41), edges, 12)
    image = np.zeros((41, 41), int)
    along = np.arange(8, 33)
    aside = 20 + offsets[direction, along] - offsets[direction, 20]
    image[(aside, along) if across[direction] else (along, aside)] = 1
    result = on_xy(image, edges).sel(phase=1)
    assert result["mean"].item() == pytest.approx(25 * steps[direction])
    assert result["orientation"].sel(angle=15 * direction) == 1
    assert result["alignment"].item() == pytest.approx(1)
    assert result["axis"].item() == pytest.approx(15 * direction)


def test_a_single_pixel_has_its_two_diagonals():
    image = np.zeros((5, 7), int)
    image[2, 3] = 1
    result = on_xy(image).sel(phase=1)
    assert result["mean"].item() == pytest.approx(2**0.5)
    assert result["orientation"].sel(angle=[45, 135]).values.tolist() == [0.5, 0.5]
    assert result["alignment"].item() == pytest.approx(0, abs=1e-12) and np.isnan(result["axis"])


def test_layers_are_as_long_as_the_slice_whatever_their_thickness():
    labels = np.zeros((20, 30, 40), int)
    labels[:, 5:8] = 1
    result = StraightChord(max_length=40).measure(Volume(labels)).sel(phase=1)
    assert result["mean"].sel(plane=["xy", "yz"]).values.tolist() == [40, 20]
    assert result["density"].sel(plane="xy", length=40) == 1
    assert result["axis"].sel(plane=["xy", "yz"]).values.tolist() == [0, 90]
    np.testing.assert_allclose(result["alignment"].sel(plane=["xy", "yz"]), 1)


@pytest.mark.parametrize("edges", [(1.0, 1.0), (2.0, 1.0), (1.0, 2.0)])
def test_chords_of_a_disc_are_near_its_diameter_in_space(edges):
    """A chord within 7.5 degrees of the diameter at distance s has 2 sqrt(r^2 - (s sin 7.5)^2)."""
    radius = 20
    shape = [int(60 / edge) for edge in edges]
    places = np.indices(shape) * np.array(edges)[:, None, None] - 29.3
    result = on_xy((np.square(places).sum(0) < radius**2).astype(int), edges).sel(phase=1)
    assert result["mean"].item() == pytest.approx(2 * radius, rel=0.03)
    assert result["alignment"] < 0.1


@pytest.mark.parametrize("angle", [0, 20, 37, 75, 110, 160])
@pytest.mark.parametrize("edges", [(1.0, 1.0), (2.0, 1.0)])
def test_thick_fibres_point_where_they_lie(angle, edges):
    y, x = np.indices((int(90 / edges[0]), 90)) * np.array(edges)[:, None, None] - 45
    away = np.cos(np.deg2rad(angle)) * y - np.sin(np.deg2rad(angle)) * x
    result = on_xy((np.abs(away) < 3).astype(int), edges, directions=36).sel(phase=1)
    assert result["alignment"] > 0.95
    assert (result["axis"].item() - angle + 90) % 180 - 90 == pytest.approx(0, abs=2.5)


def test_a_bent_fibre_has_shorter_chords_than_a_straight_one():
    y, x = np.indices((64, 64))
    straight = (np.abs(y - 32) < 2).astype(int)
    bent = (np.abs(y - 32 - 8 * np.sin(x / 8)) < 2).astype(int)
    assert on_xy(bent)["mean"].sel(phase=1) < 0.5 * on_xy(straight)["mean"].sel(phase=1)


def test_slices_of_different_sizes_are_pooled_by_their_pixels():
    one, other = np.ones((2, 30), int), np.ones((3, 10), int)
    values = StraightChord().measure(Micrographs({"xz": [one, other]}))
    assert values["mean"].sel(phase=1).item() == pytest.approx((60 * 30 + 30 * 10) / 90, rel=0.02)
    assert list(values["length"]) == [1, 2] and np.isnan(values["mean"].sel(phase=0)).all()


def test_single_pixels_and_absent_phases():
    values = StraightChord().measure(Volume(np.zeros((1, 1, 1), int), phases="ab"))
    np.testing.assert_allclose(values["mean"].sel(phase=0), 2**0.5)
    assert values["mean"].sel(phase=1).isnull().all()
    column = StraightChord().measure(Volume(np.zeros((9, 1, 1), int)))["mean"].sel(phase=0)
    np.testing.assert_allclose(column, [2**0.5, 9, 9])


def test_it_keeps_the_contract_of_a_metric():
    check_plugin(StraightChord, directions=16)
