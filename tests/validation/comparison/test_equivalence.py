import json

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from recon.core import Micrographs, ReconError, Volume, catalog
from recon.core.testing import volumes
from recon.validation.comparison.agreement import compute_spread
from recon.validation.comparison.boxes import count_disjoint, place_boxes
from recon.validation.comparison.compare import compare
from recon.validation.comparison.leave_one_out import LeaveOneOut
from recon.validation.comparison.metric_spec import build_specs, list_compared
from recon.validation.comparison.sampling_error import (
    ESTIMATED,
    compute_error,
    compute_errors,
    leave_out_boxes,
)
from recon.validation.comparison.window_groups import leave_out_groups, measure_window_groups
from recon.validation.window_runs import place_runs
from recon.validation.windows import count_independent_slices, cut_windows


def curve(values, **coords):
    return xr.DataArray(values, dims=("phase", "lag"), coords=coords)


def material(shape, grain=2.0, seed=0, level=0.0):
    """Two-phase labels with a correlation length along (z, y, x)."""
    noise = np.random.default_rng(seed).normal(size=shape)
    smooth = ndimage.gaussian_filter(noise, grain, mode="wrap")
    return (smooth > level * smooth.std()).astype(np.uint8)


FLAT = (
    "two-point",
    "lineal-path",
    "chord-length.density",
    "chord-length.mean",
    "surface-density.faces",
    "volume-fraction",
)

SHAPES = (
    "straight-chord.mean",
    "straight-chord.density",
    "straight-chord.orientation",
    "bent-chord",
    "minkowski.perimeter",
    "minkowski.euler_number",
    "components.number",
    "components.sizes",
    "components.largest_share",
    "contact",
    "local-percolation.down",
    "local-percolation.across",
)


def curves_of(name, max_lag, planes=None):
    """What measures the curves of a metric that the comparison takes."""
    (spec,) = build_specs([name], max_lag, planes)
    return lambda sample: spec.measure(sample)[name]


def cut(labels, step=4):
    return Micrographs(
        {
            "xy": list(labels[::step]),
            "xz": list(labels[:, ::step].swapaxes(0, 1)),
            "yz": list(np.moveaxis(labels[:, :, ::step], 2, 0)),
        },
        phases=("pore", "solid"),
    )


def test_the_error_is_the_summed_distance_over_the_summed_reference():
    reference = curve([[0.5, 0.25, 0.25], [0.4, 0.1, 0.0]])
    sample = curve([[0.4, 0.35, 0.25], [0.4, 0.1, 0.0]])
    assert compute_error(sample, reference).values == pytest.approx([0.2, 0.0])


@given(st.floats(0, 3))
def test_a_curve_scaled_by_c_has_the_error_of_c_minus_one(c):
    reference = curve(np.random.default_rng(0).uniform(0.1, 1, (3, 8)))
    assert compute_error(c * reference, reference).values == pytest.approx(abs(c - 1))


def test_only_lags_that_both_reach_count():
    reference = curve([[0.5, 0.5, np.nan]], lag=[0, 1, 2])
    sample = curve([[0.5, 0.4, 0.1, 0.1]], lag=[0, 1, 2, 3])
    assert compute_error(sample, reference).values == pytest.approx([0.1])


def test_a_phase_that_the_reference_lacks_is_infinitely_wrong_and_one_that_both_lack_is_not():
    error = compute_error(curve([[0.1, 0.1], [0.0, 0.0]]), curve([[0.0, 0.0], [0.0, 0.0]]))
    assert np.isinf(error[0]) and np.isnan(error[1])


@given(
    hnp.arrays(float, (3, 2, 4), elements=st.sampled_from([0.0, 0.25, 1.0, np.nan])),
    hnp.arrays(float, (2, 4), elements=st.sampled_from([0.0, 0.5, np.nan])),
)
def test_errors_of_plain_arrays_are_those_of_labelled_ones(curves, reference):
    labelled = xr.DataArray(curves, dims=("subvolume", "phase", "lag"))
    expected = compute_error(labelled, curve(reference))
    np.testing.assert_array_equal(compute_errors(curves, reference), expected)


def test_one_plane_in_plain_arrays_is_what_is_measured_with_labels():
    names = list_compared(cut(material((24, 24, 24))))
    micrographs = cut(material((24, 24, 24), seed=7))
    for plane, images in micrographs.planes.items():
        one = Micrographs({plane: images}, phases=micrographs.phases)
        for spec in build_specs(names, 8, tuple(micrographs.planes)):
            labelled = spec.measure(one)
            for name, values in spec.measure_plane(one).items():
                expected = labelled.pop(name).sel(plane=plane).to_numpy()
                np.testing.assert_allclose(values, expected.reshape(values.shape), rtol=1e-14)
            assert not labelled


def brute_rest(labels, box, name, lags):
    """Share of pairs or runs that do not touch the box, counted one by one along z."""
    outside = np.ones(labels.shape, bool)
    outside[box] = False
    hits, tries = np.zeros((3, lags)), np.zeros(lags)
    for r in range(lags):
        for z in range(len(labels) - r):
            run = [z, z + r] if name == "two-point" else range(z, z + r + 1)
            free = np.all([outside[i] for i in run], axis=0)
            tries[r] += free.sum()
            for k in range(3):
                hits[k, r] += (np.all([labels[i] == k for i in run], axis=0) & free).sum()
    return np.divide(hits, tries, out=np.full(hits.shape, np.nan), where=tries > 0)


@given(volumes(min_side=4, max_side=9), st.sampled_from(["two-point", "lineal-path"]), st.data())
def test_the_rest_is_the_reference_without_every_pair_that_touches_the_crop(volume, name, data):
    size = [data.draw(st.integers(2, side)) for side in volume.shape]
    start = [
        data.draw(st.integers(0, side - crop))
        for side, crop in zip(volume.shape, size, strict=True)
    ]
    box = tuple(slice(a, a + n) for a, n in zip(start, size, strict=True))
    lags = min(size) // 2
    metric = catalog().build("metric", name, max_lag=lags)
    rest = LeaveOneOut(metric.measure, volume).measure_without(box)
    for axis, direction in enumerate("zyx"):
        labels = np.moveaxis(volume.labels, axis, 0)
        turned = (box[axis], *(box[i] for i in range(3) if i != axis))
        expected = brute_rest(labels, turned, name, lags + 1)
        np.testing.assert_allclose(rest.sel(direction=direction), expected, atol=1e-12)


@given(
    st.tuples(*[st.integers(1, 40)] * 3),
    st.tuples(*[st.integers(1, 40)] * 3),
    st.integers(1, 20),
)
def test_crops_are_different_boxes_inside_and_as_many_as_asked_for_or_there_are(whole, size, least):
    size = tuple(min(pair) for pair in zip(whole, size, strict=True))
    boxes = place_boxes(whole, size, least)
    places = {tuple(s.start for s in box) for box in boxes}
    there_are = np.prod([side - crop + 1 for side, crop in zip(whole, size, strict=True)])
    assert len(places) == len(boxes) >= min(least, there_are)
    for box in boxes:
        assert tuple(s.stop - s.start for s in box) == size
        assert all(s.start >= 0 and s.stop <= n for s, n in zip(box, whole, strict=True))


def test_crops_lie_apart_where_there_is_room():
    boxes = place_boxes((64, 32, 32), (16, 16, 16), 16)
    covered = np.zeros((64, 32, 32), int)
    for box in boxes:
        covered[box] += 1
    assert len(boxes) == count_disjoint((64, 32, 32), (16, 16, 16)) == 16
    assert (covered == 1).all()


def test_windows_are_disjoint_and_of_the_size_of_the_slices():
    image = np.arange(100, dtype=np.uint8).reshape(10, 10)
    windows = cut_windows(Micrographs({"xz": [image]}), "xz", (4, 99, 3))
    assert {w.shape for w in windows} == {(4, 3)} and len(windows) == 2 * 3
    assert len(np.unique(np.concatenate([w.ravel() for w in windows]))) == len(windows) * 12


def test_windows_are_as_large_as_fit_the_largest_slice():
    small, large = np.zeros((5, 5), np.uint8), np.zeros((6, 20), np.uint8)
    windows = cut_windows(Micrographs({"xy": [small, large]}), "xy", (8, 8, 8))
    assert [w.shape for w in windows] == [(6, 8)] * 2


@pytest.mark.parametrize("normal", [0, 1, 2])
def test_every_slice_of_white_noise_is_independent_and_none_of_an_extrusion(normal):
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 2, (96, 96, 96), np.uint8)
    shape = (24, 24, 24)
    assert count_independent_slices(cut(noise), normal, shape) > 15
    extruded = np.broadcast_to(noise.take([0], normal), noise.shape)
    assert count_independent_slices(cut(extruded), normal, shape) == pytest.approx(1, abs=0.5)


def test_without_a_plane_that_shows_the_normal_the_material_is_isotropic():
    labels = material((96, 96, 96))
    whole = count_independent_slices(cut(labels), 0, (32, 32, 32))
    one = Micrographs({"xy": cut(labels).planes["xy"]})
    assert count_independent_slices(one, 0, (32, 32, 32)) == pytest.approx(whole, rel=0.5)


@pytest.mark.parametrize("wanted", [1, 10, 150])
def test_left_out_groups_scatter_like_so_many_new_windows(wanted):
    count, lags = 200, 400
    windows = 1 + 0.1 * np.random.default_rng(2).normal(size=(count, 1, lags))
    size = min(wanted, count // 8)
    groups = np.stack([windows[first : first + size].mean(0) for first in place_runs(count, size)])
    curves, errors = leave_out_groups(groups, windows.mean(0), count, size, wanted)
    assert curves.std(0, ddof=1).mean() == pytest.approx(0.1 / wanted**0.5, rel=0.1)
    expected = 0.1 * (1 / wanted + 1 / count) ** 0.5 * (2 / np.pi) ** 0.5
    assert float(errors.mean()) == pytest.approx(expected, rel=0.1)
    assert len(errors) >= 16


@pytest.mark.slow
def test_a_real_subvolume_scores_about_the_sampling_error_and_another_material_does_not():
    labels = material((64, 96, 96), seed=3)
    reference, shape = Volume(labels, phases=("pore", "solid")), slice(0, 32)
    real = [
        Volume(labels[shape, y : y + 32, x : x + 32], phases=reference.phases)
        for y in (0, 64)
        for x in (0, 64)
    ]
    other = Volume(material((32, 32, 32), seed=4, level=1.0), phases=reference.phases)
    for against, over in ((reference, "direction"), (cut(labels, 8), "plane")):
        good = compare(real, against, ("two-point",)).metrics["two-point"]
        assert good.errors.dims == ("sample", "phase", over)
        assert 0.5 < good.headline["ratio"] < 2
        assert 0.4 < good.headline["spread"] < 2.5
        bad = compare([other], against, ("two-point",)).metrics["two-point"]
        assert bad.headline["ratio"] > 3


def test_the_sampling_error_from_2d_is_near_that_from_3d():
    labels = material((96, 96, 96), grain=(3, 2, 1), seed=5)
    shape = (32, 32, 32)
    micrographs = cut(labels, 8)
    specs = build_specs(["two-point"], 16, tuple(micrographs.planes))
    window_groups = measure_window_groups(specs, micrographs, shape, lambda *state: None)
    flat = window_groups.sampling_errors["two-point"]
    solid = leave_out_boxes(curves_of("two-point", 16), Volume(labels), shape)
    assert flat.notes[0] == ESTIMATED
    assert float(flat.mean.mean()) == pytest.approx(float(solid.mean.mean()), rel=0.5)


def test_a_reference_that_is_no_larger_has_no_sampling_error_and_says_so():
    volume = Volume(material((16, 16, 16)))
    agreement = compare([volume], volume).metrics["two-point"]
    assert agreement.sampling_error is None
    assert "not larger than the sample" in agreement.notes[0]
    assert agreement.headline["error"] == 0 and np.isnan(agreement.headline["ratio"])


def test_too_few_micrographs_have_no_sampling_error_and_say_so():
    labels = material((32, 32, 32))
    few = Micrographs({"xy": [labels[0], labels[16]]})
    agreement = compare([Volume(labels[:16, :16, :16])], few).metrics["two-point"]
    assert agreement.sampling_error is not None and list(agreement.errors["plane"].values) == ["xy"]
    agreement = compare([Volume(labels)], few).metrics["two-point"]
    assert agreement.sampling_error is None
    assert "2 windows" in agreement.notes[0]


def test_subvolumes_are_as_large_as_fit_and_the_note_says_so():
    reference = Volume(material((12, 48, 48)))
    sampling = leave_out_boxes(curves_of("two-point", 8), reference, (16, 16, 16))
    assert sampling.notes[0].startswith("16 subvolumes of 12 x 16 x 16 voxels")
    assert "no subvolume of the sample's 16 x 16 x 16" in sampling.notes[1]
    assert np.isfinite(sampling.mean).all()


@pytest.mark.filterwarnings("error")
def test_one_plane_without_a_sampling_error_leaves_the_ratio_to_the_others():
    labels = material((64, 64, 64))
    planes = cut(labels).planes
    micrographs = Micrographs({"xy": planes["xy"], "xz": planes["xz"][:1]})
    comparison = compare([Volume(labels[:32, :32, :32])], micrographs, FLAT)
    table = comparison.metrics["two-point"].table
    assert np.isfinite(table["floor"].sel(plane="xy")).all()
    assert np.isnan(table["floor"].sel(plane="xz")).all()
    headline = comparison.metrics["two-point"].headline
    xy = table.sel(plane="xy").mean()
    assert headline["ratio"] == pytest.approx(float(xy["error"] / xy["floor"]))


def test_spread_is_one_for_real_subvolumes_and_two_for_twice_their_scatter():
    curves = np.random.default_rng(6).normal(size=(20, 2, 3, 9))
    subvolumes = xr.DataArray(curves, dims=("subvolume", "phase", "plane", "lag"))
    samples = subvolumes.rename(subvolume="sample")
    assert compute_spread(samples, subvolumes).values == pytest.approx(np.ones((2, 3)))
    assert compute_spread(2 * samples, subvolumes).values == pytest.approx(np.full((2, 3), 2))


def test_spread_serves_properties_too():
    subvolumes = xr.DataArray([1.0, 2.0, 3.0], dims="subvolume")
    assert float(compute_spread(xr.DataArray([2.0, 2.0], dims="sample"), subvolumes)) == 0


@pytest.mark.slow
def test_the_table_is_plain_json_even_with_a_phase_that_never_occurs():
    labels = material((24, 24, 48))
    names = ("pore", "solid", "binder")
    sample = Volume(labels[:, :, :16], phases=names)
    table = compare([sample], Volume(labels, phases=names)).to_table()
    read = json.loads(json.dumps(table, allow_nan=False))
    assert read["against"] == "volume" and not read["estimated_from_2d"]
    assert read["two-point"]["phases"]["binder"]["error"] is None
    assert read["two-point"]["spread"] is None
    assert len(read["lineal-path"]["each"]) == 9
    share = read["volume-fraction"]["solid"]
    assert share["sample"] == pytest.approx(sample.labels.mean())
    assert share["difference"] == pytest.approx(sample.labels.mean() - labels.mean())


def test_the_text_has_a_line_for_every_metric():
    labels = material((32, 32, 32))
    text = compare([Volume(labels[:16, :16, :16])], cut(labels), FLAT).to_text()
    first = [line.split(":")[0] for line in text.splitlines()]
    assert [name for name in first if name in FLAT] == list(FLAT)
    assert "volume fractions" in first
    assert ESTIMATED in text


def test_bundled_metrics_join_in_this_order():
    labels = material((8, 8, 8))
    flat, solid = list_compared(cut(labels)), list_compared(Volume(labels))
    assert flat == (*FLAT, *SHAPES)
    assert [name for name in solid if name not in flat] == [
        "two-point-cluster",
        "percolation.spanning_share",
        "percolation.largest_share",
        "local-thickness.mean",
        "minkowski.mean_curvature",
        "minkowski.euler_number_3d",
        "components.number_3d",
        "components.sizes_3d",
        "local-percolation.share_3d",
    ]


def test_what_cannot_be_compared_is_refused():
    volume = Volume(np.zeros((4, 4, 4), int), (1e-6,) * 3, ("a", "b"))
    with pytest.raises(ReconError, match="same phases, got 2 and 3"):
        compare([volume], Volume(volume.labels, volume.voxel_size, "abc"))
    with pytest.raises(ReconError, match=r"same voxel size, got 1 x 1 x 1 and 2 x 1 x 1 um"):
        compare([volume], Volume(volume.labels, (2e-6, 1e-6, 1e-6), "ab"))
    with pytest.raises(ReconError, match="one shape"):
        compare([volume, Volume(np.zeros((4, 4, 5), int), (1e-6,) * 3, "ab")], volume)
    with pytest.raises(ReconError, match="2 voxels"):
        compare([Volume(np.zeros((1, 4, 4), int), phases="ab")], volume)
    with pytest.raises(ReconError, match="got none"):
        compare([], volume)


def test_an_unknown_voxel_size_is_compared_voxel_by_voxel():
    labels = material((16, 16, 32))
    known = Volume(labels, (1e-6,) * 3)
    error = compare([Volume(labels[:, :, :16])], known, ("two-point",)).metrics["two-point"]
    assert np.isfinite(error.headline["error"])


def test_the_number_of_threads_of_torch_stays(monkeypatch):
    """Roundings of the next volume depend on it, and by OpenMP that of numba becomes torch's."""
    two_point = type(catalog().build("metric", "two-point"))
    measure = two_point.measure

    def launch(self, sample):
        torch.set_num_threads(2)  # as numba's first kernel of a process does
        return measure(self, sample)

    monkeypatch.setattr(two_point, "measure", launch)
    torch.set_num_threads(1)
    compare([Volume(material((12, 12, 12), seed=1))], Volume(material((24, 24, 24))), FLAT[:1])
    assert torch.get_num_threads() == 1
