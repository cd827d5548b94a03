"""Volumes larger than memory: parts cover them, within the memory, to the numbers in memory."""

import math

import dask.array
import numpy as np
import pytest
import zarr
from hypothesis import assume, given
from hypothesis import strategies as st

from recon.core import ChunkedVolume, ReconError, Volume, catalog, measure_all
from recon.core.data.chunked_volume import LARGEST, choose_part_shape, share_memory
from recon.core.storage.budget import (
    format_memory,
    measure_available,
    measure_resident,
    parse_memory,
)
from recon.core.testing import labels as textures
from recon.plugins.metrics.clusters_by_parts import COST, OF_LAYER
from recon.plugins.metrics.two_point import BATCH, OF_BATCH

NAMES = "abc"
sides = st.tuples(*[st.integers(1, 40)] * 3)
axes = st.sets(st.integers(0, 2))


def stored(labels, chunks, dtype=np.uint8):
    """A zarr array in chunks of any size."""
    array = zarr.create_array({}, shape=labels.shape, chunks=chunks, dtype=dtype)
    array[...] = labels
    return array


@given(sides, sides, axes, st.integers(1, 70_000))
def test_a_part_is_as_large_as_allowed_but_whole_where_asked(shape, chunks, whole, voxels):
    part = choose_part_shape(shape, chunks, whole, voxels)
    assert all(1 <= n <= side for n, side in zip(part, shape, strict=True))
    assert all(part[axis] == shape[axis] for axis in whole)
    least = math.prod(shape[axis] for axis in whole)
    assert math.prod(part) <= max(voxels, least)
    chunk = [s if a in whole else min(c, s)
             for a, (c, s) in enumerate(zip(chunks, shape, strict=True))]  # fmt: skip
    if math.prod(chunk) <= voxels:  # a chunk is read once
        assert all(n % c == 0 or n == s for n, c, s in zip(part, chunk, shape, strict=True))


def test_a_chunk_that_is_too_large_is_cut_evenly():
    assert choose_part_shape((128, 100, 100), (64, 64, 64), (1, 2), 500_000) == (32, 100, 100)
    assert choose_part_shape((128, 100, 100), (64, 64, 64), (1, 2), 640_000) == (64, 100, 100)
    assert choose_part_shape((512, 512, 512), (64, 64, 64), (2,), 1 << 24) == (256, 128, 512)


@pytest.mark.slow
@given(textures(3, 7), st.tuples(*[st.integers(1, 9)] * 3), axes, st.integers(300, 2000))
def test_parts_cover_the_volume_once_and_in_order(labels, chunks, whole, memory):
    try:
        volume = ChunkedVolume(stored(labels, chunks), memory, phases=NAMES)
        items = list(volume.by_parts(np.copy, whole, cost=8))
    except ReconError:
        assume(False)
    assert [origin for origin, _ in items] == sorted(origin for origin, _ in items)
    covered = np.full(labels.shape, 9, np.uint8)
    for origin, part in items:
        here = tuple(slice(o, o + n) for o, n in zip(origin, part.shape, strict=True))
        assert (covered[here] == 9).all()
        covered[here] = part
    np.testing.assert_array_equal(covered, labels)


def test_less_memory_takes_threads_away_before_it_is_refused():
    shape, whole = (10, 20, 30), (1, 2)
    threads, voxels = share_memory(shape, 10**7, whole, 4, 100)
    assert voxels == (10**7 // threads - 100) // 4
    assert share_memory(shape, 10**12, whole, 4, 100) == (threads, LARGEST)
    assert share_memory(shape, 2500, whole, 4, 100) == (1, 600)
    with pytest.raises(ReconError, match=r"need 2.5kB of memory beside recon itself, got 2.49kB"):
        share_memory(shape, 2490, whole, 4, 100)


CHOSEN = [
    ("volume-fraction", {}),
    *[(name, {"periodic": p}) for name in ("surface-density", "percolation") for p in (0, 1)],
    *[(name, {"periodic": p, "planes": q, "max_lag": lag})
      for name, q in (("two-point", 0), ("lineal-path", 0), ("lineal-path", 1))
      for p, lag in ((0, 3), (0, 30), (1, 12))],
    *[("chord-length", {"border": border}) for border in ("weigh", "keep")],
    *[("chord-length", {"periodic": p, "planes": 1}) for p in (0, 1)],
    *[(name, {}) for name in ("straight-chord", "bent-chord", "components", "contact")],
]  # fmt: skip


def chosen():
    for name, options in CHOSEN:
        flags = {key: bool(options[key]) for key in ("periodic", "planes") if key in options}
        yield catalog().build("metric", name, **{**options, **flags})


@pytest.mark.slow
@given(textures(3, 8, long_side=70), st.tuples(*[st.integers(1, 5)] * 3), st.data())
def test_numbers_are_those_of_a_volume_in_memory(labels, chunks, data):
    metric = data.draw(st.sampled_from(list(chosen())))
    memory = 10 * math.prod(chunks) + 300 + data.draw(st.integers(0, 3000))
    volume = ChunkedVolume(stored(labels, chunks), memory, (1e-6, 2e-6, 3e-6), NAMES)
    expected = measure_all(Volume(labels, (1e-6, 2e-6, 3e-6), NAMES), [metric])
    try:
        measurements = measure_all(volume, [metric])
    except ReconError:
        assume(False)
    assert measurements[metric.name].identical(expected[metric.name])


@pytest.mark.slow
@given(textures(5, 6, long_side=90), st.booleans(), st.integers(1, 8), st.integers(1, 5))
def test_all_vectors_of_a_plane_are_those_in_memory(labels, periodic, thickness, slices):
    metric = catalog().build("metric", "two-point", planes=True, periodic=periodic, max_lag=4)
    # Transforms need memory beside the parts; a part is a few slices of what is left.
    overhead = OF_BATCH * BATCH + 4 * 3 * 11 * max(11, max(labels.shape) + 5) + 2 * labels.size
    spare = 4 * slices * labels.size // min(labels.shape)
    volume = ChunkedVolume(stored(labels, (thickness, 9, 9)), overhead + spare, phases=NAMES)
    assert metric.measure(volume).identical(metric.measure(Volume(labels, phases=NAMES)))


@given(
    st.tuples(*[st.integers(1, 12)] * 3),
    st.tuples(*[st.integers(1, 13)] * 3),
    st.floats(0.25, 0.4),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_clusters_that_wind_from_part_to_part(shape, chunks, share, periodic, seed):
    """Voxels near the threshold (0.3116): clusters are long, thin and cross parts many times."""
    labels = (np.random.default_rng(seed).random(shape) < share).astype(np.uint8)
    metric = catalog().build("metric", "percolation", periodic=periodic)
    layers = sum(labels.size // side for side in shape)
    memory = 4 * min(10 * math.prod(chunks), labels.size) + 2 * OF_LAYER * layers + 500
    volume = ChunkedVolume(stored(labels, chunks), memory, phases="ab")
    assert metric.measure(volume).identical(metric.measure(Volume(labels, phases="ab")))


@pytest.mark.slow
def test_a_spiral_of_one_voxel_through_parts_of_one_voxel_is_one_cluster():
    rings = ["1111111", "0000001", "1111101", "1000101", "1011101", "1000001", "1111111"]
    labels = np.zeros((3, 7, 7), np.uint8)
    labels[1] = [[int(voxel) for voxel in row] for row in rings]
    labels[:, 4, 2] = 1
    layers = OF_LAYER * (49 + 21 + 21)
    volume = ChunkedVolume(stored(labels, (1, 1, 1)), layers + 10 + COST, phases="ab")
    assert len(list(volume.by_parts(np.sum, (), COST, layers))) == labels.size
    result = catalog().build("metric", "percolation").measure(volume).sel(phase=1)
    assert result["components"] == 1 and result["percolates"].values.all()


def test_a_dask_array_of_any_integers_is_measured_too():
    labels = np.random.default_rng(0).integers(0, 3, (9, 20, 11))
    array = dask.array.from_array(labels, (4, (3, 10, 7), 5))
    volume = ChunkedVolume(array, 1_000_000)
    assert volume.phases == ("0", "1", "2") and volume.shape == (9, 20, 11)
    metric = catalog().build("metric", "two-point")
    assert metric.measure(volume).identical(metric.measure(Volume(labels)))


def test_a_file_is_opened_with_all_it_tells(tmp_path):
    labels = np.random.default_rng(0).integers(0, 2, (9, 20, 11))
    Volume(labels, (1e-6, 2e-6, 3e-6), "abc", {"seed": 7}).save(tmp_path / "volume.zarr")
    volume = ChunkedVolume.open(tmp_path / "volume.zarr")
    assert volume.voxel_size == pytest.approx((1e-6, 2e-6, 3e-6))
    assert volume.phases == ("a", "b", "c") and volume.provenance == {"seed": 7}
    limited = ChunkedVolume.open(tmp_path / "volume.zarr", "100GB")
    assert 0 < limited.memory < 100e9 - 1e8
    with pytest.raises(ReconError, match="10MB is too little: recon itself takes"):
        ChunkedVolume.open(tmp_path / "volume.zarr", "10MB")
    with pytest.raises(ReconError, match="does not exist"):
        ChunkedVolume.open(tmp_path / "none.zarr")


def test_labels_are_checked_when_they_are_read(tmp_path):
    labels = np.zeros((9, 20, 11), int)
    labels[8, 19, 10] = 5
    fraction = catalog().build("metric", "volume-fraction")
    with pytest.raises(ReconError, match="got 3 names and the label 5"):
        fraction.measure(ChunkedVolume(stored(labels, (4, 4, 4)), 10**6, phases=NAMES))
    labels[0, 0, 0] = -1
    with pytest.raises(ReconError, match="labels 0..254, got -1"):
        ChunkedVolume(stored(labels, (4, 4, 4), int), 10**6)
    with pytest.raises(ReconError, match="integer labels 0..K-1, got float64"):
        ChunkedVolume(stored(labels, (4, 4, 4), float), 10**6)
    with pytest.raises(ReconError, match="non-empty 3D array"):
        ChunkedVolume(labels[0], 10**6)
    Volume(abs(labels)).save(tmp_path / "cut.zarr")
    (chunk,) = (tmp_path / "cut.zarr" / "0" / "c").rglob("0/0/0")
    chunk.write_bytes(chunk.read_bytes()[:5])
    with pytest.raises(ReconError, match="cut.zarr is damaged"):
        fraction.measure(ChunkedVolume.open(tmp_path / "cut.zarr", "100GB"))


@pytest.mark.parametrize(
    ("kind", "name"),
    [("metric", "local-thickness"), ("metric", "two-point-cluster"), ("property", "diffusivity")],
)
def test_what_cannot_work_in_parts_is_refused_before_anything_is_measured(kind, name):
    volume = ChunkedVolume(stored(np.ones((4, 4, 4)), (2, 2, 2)), 10**6)
    begun = []
    metrics = ["volume-fraction"] + [name] * (kind == "metric")
    with pytest.raises(ReconError, match=f"{kind} {name} needs the whole volume in memory"):
        measure_all(volume, metrics, [name] * (kind == "property"), begun.append)
    assert begun == []
    with pytest.raises(ReconError, match="stay on disk"):
        catalog().build("metric", "orientation-tensor").measure(volume)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2GB", 2 * 10**9), ("1.5 gb", 1.5e9), ("4GiB", 4 * 2**30), ("500M", 5 * 10**8), ("7", 7)],
)
def test_amounts_of_memory(text, expected):
    assert parse_memory(text) == expected


@pytest.mark.parametrize("text", ["", "GB", "-2GB", "0", "2 apples", "1e9", "nan", "2GBB"])
def test_what_is_no_amount_of_memory_is_refused(text):
    with pytest.raises(ReconError, match="memory must be an amount > 0 such as 2GB"):
        parse_memory(text)


def test_memory_is_told_of_this_process():
    assert format_memory(2.14e9) == "2.14GB" and format_memory(12) == "12B"
    before = measure_resident()
    block = np.ones(30_000_000)
    assert measure_resident() - before > 100_000_000 or before == 500_000_000
    left = measure_available()
    assert left is None or left > 0
    del block
