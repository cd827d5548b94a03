"""Chord lengths: a direct count, identities with the other curves, and known distributions."""

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.core import Micrographs, ReconError, Volume
from recon.core.testing import check_plugin
from recon.core.testing import labels as textures
from recon.plugins.metrics.chord_length import ChordLength
from recon.plugins.metrics.lineal_path import LinealPath
from recon.plugins.metrics.surface_density import SurfaceDensity

NAMES = "abc"
AXES = {"x": -1, "y": -2, "z": -3}


def runs(line, periodic):
    """(label, length, whether cut by the border) of the chords of one line."""
    if periodic:
        turns = np.flatnonzero(line != np.roll(line, 1))
        if not len(turns):
            return []
        line = np.roll(line, -turns[0])
    rows = [(label, len(list(group))) for label, group in groupby(line.tolist())]
    ends = () if periodic else (0, len(rows) - 1)
    return [(label, n, i in ends) for i, (label, n) in enumerate(rows)]


def direct(arrays, axis, phase, periodic, border):
    """Weights of chords of one phase by length, one by one."""
    weights = np.zeros(100)
    for array in arrays:
        lines = np.moveaxis(array, axis, -1).reshape(-1, array.shape[axis])
        for line in lines:
            for label, n, cut in runs(line, periodic):
                if label == phase and (not cut or border == "keep"):
                    weigh = border == "weigh" and not periodic
                    weights[n] += 1 / (len(line) - n - 1) if weigh else 1
    return weights


def check(results, weights, fits):
    """One density and mean against weights by length."""
    density, mean = results["density"].values, results["mean"].item()
    lag = results["lag"].values
    total = weights.sum()
    if not total:
        assert np.isnan(density).all() and np.isnan(mean)
        return
    expected = np.where(lag <= fits, weights[lag] / total, np.nan)
    np.testing.assert_allclose(density, expected, atol=1e-12)
    assert mean == pytest.approx(weights @ np.arange(100) / total)


@given(
    textures(long_side=70),
    st.booleans(),
    st.sampled_from(["exclude", "weigh", "keep"]),
    st.integers(1, 20) | st.none(),
)
def test_a_volume_equals_a_direct_count(labels, periodic, border, max_lag):
    metric = ChordLength(periodic=periodic, border=border, max_lag=max_lag)
    values = metric.measure(Volume(labels, phases=NAMES))
    assert values["density"].dims == ("phase", "direction", "lag")
    assert values["mean"].dims == ("phase", "direction")
    assert list(values["direction"]) == list(AXES) and list(values["phase"]) == [0, 1, 2]
    assert list(values["lag"]) == list(range(1, max(max_lag or min(labels.shape) // 2, 1) + 1))
    for name, axis in AXES.items():
        side = labels.shape[axis]
        fits = side - 1 if periodic else side - (0 if border == "keep" else 2)
        for phase in range(3):
            weights = direct([labels], axis, phase, periodic, border)
            check(values.sel(direction=name, phase=phase), weights, fits)


@given(st.lists(textures(dimensions=2, long_side=70), min_size=1, max_size=3), st.booleans())
def test_micrographs_of_different_sizes_are_pooled_in_a_plane(xz, weigh):
    border = "weigh" if weigh else "exclude"
    values = ChordLength(border=border).measure(Micrographs({"xz": xz}, phases=NAMES))
    assert list(values["direction"]) == ["x", "z"]
    for name, axis in (("x", -1), ("z", -2)):
        fits = max(image.shape[axis] for image in xz) - 2
        for phase in range(3):
            weights = direct(xz, axis, phase, False, border)
            check(values.sel(direction=name, phase=phase), weights, fits)


@given(textures(min_side=2), st.booleans())
def test_all_slices_of_a_volume_give_what_the_volume_gives(labels, planes):
    slices = {plane: np.moveaxis(labels, axis, 0) for axis, plane in enumerate(("xy", "xz", "yz"))}
    metric = ChordLength(planes=planes)
    whole = metric.measure(Volume(labels, phases=NAMES))
    assert metric.measure(Micrographs(slices, phases=NAMES)).identical(whole)
    assert ("plane" in whole.dims) == planes


@given(textures(long_side=70))
def test_periodic_chords_give_the_lineal_path(labels):
    """L(r) = phi / mean x sum of (z - r) p(z), where no line is wholly in the phase."""
    volume, side = Volume(labels, phases=NAMES), max(labels.shape)
    chords = ChordLength(max_lag=side, periodic=True).measure(volume)
    path = LinealPath(max_lag=side, periodic=True).measure(volume)
    z, r = np.arange(1, side + 1), np.arange(side + 1)
    for name, axis in AXES.items():
        for phase in range(3):
            mask = labels == phase
            if not mask.any() or mask.all(axis).any():
                continue
            at = {"direction": name, "phase": phase}
            p = chords["density"].sel(at).fillna(0).values
            assert p.sum() == pytest.approx(1)
            expected = (
                mask.mean() / chords["mean"].sel(at).item() * (np.maximum(z - r[:, None], 0) @ p)
            )
            np.testing.assert_allclose(path.sel(at), expected, atol=1e-12)


@given(textures(long_side=70))
def test_periodic_mean_is_twice_the_fraction_over_the_faces(labels):
    volume = Volume(labels, phases=NAMES)
    mean = ChordLength(periodic=True).measure(volume)["mean"]
    faces = SurfaceDensity(periodic=True).measure(volume)["faces"]
    for name, axis in AXES.items():
        for phase in range(3):
            mask = labels == phase
            inside = mask[~np.broadcast_to(mask.all(axis, keepdims=True), mask.shape)].sum()
            at = {"direction": name, "phase": phase}
            if inside:
                expected = 2 * inside / labels.size / faces.sel(at).item()
                assert mean.sel(at).item() == pytest.approx(expected)
            else:
                assert np.isnan(mean.sel(at))


@given(textures(long_side=70), st.tuples(*[st.integers(-80, 80)] * 3))
def test_periodic_chords_ignore_translation_reflection_and_tiling(labels, shift):
    metric = ChordLength(max_lag=20, periodic=True)
    values = metric.measure(Volume(labels, phases=NAMES))
    for same in (np.roll(labels, shift, (0, 1, 2)), labels[::-1, ::-1, ::-1]):
        assert metric.measure(Volume(same, phases=NAMES)).identical(values)
    tiled = metric.measure(Volume(np.tile(labels, (1, 2, 2)), phases=NAMES))
    np.testing.assert_allclose(tiled["mean"], values["mean"])


@given(textures(), st.permutations(range(3)))
def test_relabelling_permutes_the_phases(labels, order):
    values = ChordLength().measure(Volume(labels, phases=NAMES))["density"]
    moved = ChordLength().measure(Volume(np.array(order)[labels], phases=NAMES))["density"]
    np.testing.assert_array_equal(moved.values[list(order)], values)


def test_a_laminate_has_one_chord_length_across_and_none_along():
    labels = np.broadcast_to(np.arange(24)[:, None, None] % 12 < 5, (24, 4, 6))
    for border in ("exclude", "weigh"):
        values = ChordLength(max_lag=9, border=border).measure(Volume(labels))
        assert values["mean"].sel(direction="z").values.tolist() == [7, 5]
        across = values["density"].sel(direction="z", phase=1).values
        np.testing.assert_array_equal(across, np.arange(1, 10) == 5)
        assert np.isnan(values["mean"].sel(direction=["x", "y"])).all()
    kept = ChordLength(border="keep").measure(Volume(labels))["mean"]
    assert kept.sel(phase=1).values.tolist() == [6, 4, 5]


def test_uncorrelated_voxels_have_a_geometric_distribution():
    """p(z) = (1 - phi) phi^(z - 1), within five standard errors; excluding cuts is biased."""
    phi, side, z = 0.8, 24, np.arange(1, 13)
    labels = np.random.default_rng(3).random((120, 120, side)) < phi
    expected = (1 - phi) * phi ** (z - 1)

    def density(**options):
        values = ChordLength(max_lag=12, **options).measure(Volume(labels))
        return values["density"].sel(phase=1, direction="x").values

    # the weights make the density a share of the chords that fit: rescaled to those up to 12
    scale = expected.sum()
    error = 5 * np.sqrt(expected / (phi * (1 - phi) * labels.size))
    weighed, plain = density(border="weigh"), density()
    whole = density(periodic=True)
    assert (np.abs(whole - expected) < error).all()
    assert (np.abs(weighed / weighed.sum() * scale - expected) < 2 * error).all()
    assert (np.abs(plain / plain.sum() * scale - expected) > 2 * error).any()


def test_a_border_that_is_not_known_is_refused():
    with pytest.raises(ReconError, match="border must be one of exclude, weigh, keep, got 'cut'"):
        ChordLength(border="cut")


def test_it_keeps_the_contract_of_a_metric():
    check_plugin(ChordLength, max_lag=3, periodic=True, border="weigh", planes=True)
