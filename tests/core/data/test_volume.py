import json

import numpy as np
import pytest
import zarr
from hypothesis import given
from ome_zarr_models.v05.image import Image

from recon.core import Micrographs, ReconError, Volume
from recon.core.testing import micrographs, volumes


@given(volumes())
def test_a_volume_survives_its_file(tmp_path_factory, volume):
    path = tmp_path_factory.mktemp("volume") / "volume.zarr"
    volume.save(path)
    again = Volume.open(path)
    assert np.array_equal(again.labels, volume.labels) and again.labels.dtype == np.uint8
    assert again.voxel_size == pytest.approx(volume.voxel_size, rel=1e-12)
    assert again.phases == volume.phases and again.provenance is None


def test_the_file_is_ome_zarr_05_with_levels_and_provenance(tmp_path):
    rng = np.random.default_rng(0)
    volume = Volume(
        rng.integers(0, 3, (130, 70, 65)), (2e-7, 4e-7, 5e-7), provenance={"seed": 7, "recipe": {}}
    )
    volume.save(tmp_path / "volume.zarr")
    group = zarr.open(tmp_path / "volume.zarr", mode="r")
    assert np.array_equal(group["0"][...], volume.labels)
    assert group["0"].chunks == (64, 64, 64) and group["0"].dtype == np.uint8
    assert group["0"].compressors and group.metadata.zarr_format == 3
    assert np.array_equal(group["1"][...], volume.labels[::2, ::2, ::2])
    attributes = Image.from_zarr(group).attributes.ome  # validates against the standard
    scales = [d.coordinateTransformations[0].scale for d in attributes.multiscales[0].datasets]
    assert scales[0] == pytest.approx([2e-7, 4e-7, 5e-7])
    assert scales[1] == pytest.approx([4e-7, 8e-7, 1e-6])
    assert group.attrs["recon"]["seed"] == 7
    assert Volume.open(tmp_path / "volume.zarr").provenance == {"seed": 7, "recipe": {}}


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((3, 3)), "non-empty 3D array"),
        (np.zeros((3, 0, 3), int), "non-empty 3D array"),
        (np.zeros((2, 2, 2)), "integer labels"),
        (np.full((2, 2, 2), -1), "labels 0..254"),
        (np.full((2, 2, 2), 300), "labels 0..254"),
    ],
)
def test_arrays_that_are_no_labels_are_refused(labels, message):
    with pytest.raises(ReconError, match=message):
        Volume(labels)


def test_names_and_sizes_are_checked():
    labels = np.array([[[0, 2]]])
    assert Volume(labels).phases == ("0", "1", "2")
    assert Volume(labels, phases=["a", "b", "c", "d"]).phases == ("a", "b", "c", "d")
    with pytest.raises(ReconError, match="got 2 names and the label 2"):
        Volume(labels, phases=["a", "b"])
    with pytest.raises(ReconError, match="different names"):
        Volume(labels, phases=["a", "a", "b"])
    for size in [(1, 1), (0, 1, 1), (1, -1, 1), (1, 1, float("nan"))]:
        with pytest.raises(ReconError, match="voxel size must be three lengths"):
            Volume(labels, size)


def test_labels_cannot_be_written_and_do_not_follow_their_source():
    with pytest.raises(ValueError, match="read-only"):
        Volume(np.zeros((2, 2, 2), np.uint8)).labels[0, 0, 0] = 1


def test_an_existing_file_is_not_overwritten(tmp_path):
    Volume([[[0, 1]]]).save(tmp_path / "a.zarr")
    with pytest.raises(ReconError, match="exists already"):
        Volume([[[1, 1]]]).save(tmp_path / "a.zarr")
    assert np.array_equal(Volume.open(tmp_path / "a.zarr").labels, [[[0, 1]]])
    assert [child.name for child in tmp_path.iterdir()] == ["a.zarr"]


def test_what_is_no_volume_is_refused(tmp_path):
    with pytest.raises(ReconError, match="does not exist"):
        Volume.open(tmp_path / "none.zarr")
    (tmp_path / "empty.zarr").mkdir()
    with pytest.raises(ReconError, match="not a readable zarr store"):
        Volume.open(tmp_path / "empty.zarr")
    zarr.create_group(tmp_path / "group.zarr")
    with pytest.raises(ReconError, match='without an image "0"'):
        Volume.open(tmp_path / "group.zarr")
    Volume([[[0, 1]]]).save(tmp_path / "cut.zarr")
    (chunk,) = (tmp_path / "cut.zarr" / "0" / "c").rglob("0/0/0")
    chunk.write_bytes(chunk.read_bytes()[:5])
    with pytest.raises(ReconError, match="is damaged"):
        Volume.open(tmp_path / "cut.zarr")


def test_a_plain_zarr_array_and_older_ome_zarr_are_read(tmp_path):
    labels = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    zarr.save_array(tmp_path / "plain.zarr", labels)
    assert np.array_equal(Volume.open(tmp_path / "plain.zarr").labels, labels)
    group = zarr.create_group(tmp_path / "old.zarr", zarr_format=2)
    group.create_array("0", data=labels)
    axes = [{"name": n, "type": "space", "unit": "micrometer"} for n in "zyx"]
    scale = [{"type": "scale", "scale": [0.5, 0.25, 0.125]}]
    datasets = [{"path": "0", "coordinateTransformations": scale}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    volume = Volume.open(tmp_path / "old.zarr")
    assert volume.voxel_size == pytest.approx((5e-7, 2.5e-7, 1.25e-7))


@given(micrographs())
def test_micrographs_survive_their_file(tmp_path_factory, images):
    path = tmp_path_factory.mktemp("micrographs") / "micrographs.zarr"
    images.save(path)
    again = Micrographs.open(path)
    assert again.phases == images.phases and again.voxel_size == images.voxel_size
    assert again.planes.keys() == images.planes.keys()
    for plane, stack in images.planes.items():
        for one, other in zip(stack, again.planes[plane], strict=True):
            assert np.array_equal(one, other)
    shares = [
        np.bincount(np.concatenate([i.ravel() for i in s]), minlength=3)
        for s in images.planes.values()
    ]
    expected = np.mean([counts / counts.sum() for counts in shares], axis=0)
    assert images.fractions() == pytest.approx(expected)


def test_micrographs_are_checked(tmp_path):
    image = np.array([[0, 1], [1, 0]])
    with pytest.raises(ReconError, match="unknown plane 'zx'; known: xy, xz, yz"):
        Micrographs({"zx": [image]})
    with pytest.raises(ReconError, match="at least one slice on every plane"):
        Micrographs({})
    with pytest.raises(ReconError, match="at least one slice on every plane"):
        Micrographs({"xy": []})
    with pytest.raises(ReconError, match="xy slice must be a non-empty 2D"):
        Micrographs({"xy": [np.zeros((2, 2, 2), int)]})
    Volume([[[0, 1]]]).save(tmp_path / "volume.zarr")
    with pytest.raises(ReconError, match="holds no micrographs; make them with"):
        Micrographs.open(tmp_path / "volume.zarr")
    Micrographs({"xy": [image]}).save(tmp_path / "m.zarr")
    with pytest.raises(ReconError, match="holds micrographs, not a volume"):
        Volume.open(tmp_path / "m.zarr")
    attributes = json.loads((tmp_path / "m.zarr" / "zarr.json").read_text())
    assert attributes["attributes"]["recon"]["kind"] == "micrographs"
