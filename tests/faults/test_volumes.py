"""Hostile and broken zarr folders: what is lost or damaged in them does not pass for phase 0."""

import json
import os
import pickle
import shutil
import zipfile

import numcodecs
import numpy as np
import pytest
import zarr

from recon.core import Micrographs, ReconError, Volume
from recon.core.data.chunked_volume import ChunkedVolume
from recon.core.readers import read_image

LABELS = np.zeros((70, 20, 20), np.uint8)
LABELS[66:] = np.random.default_rng(0).integers(0, 3, (4, 20, 20))


@pytest.fixture
def path(tmp_path):
    """A volume of two chunks, the first of phase 0 alone."""
    Volume(LABELS, (1e-6,) * 3, ["a", "b", "c"]).save(tmp_path / "v.zarr")
    return tmp_path / "v.zarr"


def refusal(path, what=Volume.open):
    with pytest.raises(ReconError) as caught:
        what(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def changed(file, change):
    table = json.loads(file.read_text())
    change(table)
    file.write_text(json.dumps(table))


def test_a_lost_chunk_is_told_even_where_it_was_all_phase_0(path, recon):
    assert np.array_equal(Volume.open(path).labels, LABELS)
    (path / "0/c/0/0/0").unlink()
    assert "a chunk of it is missing" in refusal(path)
    volume = ChunkedVolume.open(path)
    with pytest.raises(ReconError, match="a chunk of it is missing"):
        list(volume.by_parts(np.sum))
    result = recon("measure", path, code=2)
    assert result.stderr.count("\n") == 1 and "a chunk of it is missing" in result.stderr


def test_a_flipped_bit_is_found_wherever_it_is(path):
    chunk = path / "0/c/1/0/0"
    data = chunk.read_bytes()
    for place in range(0, len(data), 97):
        chunk.write_bytes(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])
        assert "is damaged" in refusal(path)


@pytest.mark.parametrize("name", ["zarr.json", "0/zarr.json"])
@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"3", b"\xff", b"[" * 100_000])
def test_metadata_that_is_lost_or_broken_is_told(path, name, content):
    (path / name).unlink()
    if content is not None:
        (path / name).write_bytes(content)
    assert str(path) in refusal(path)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 2, 2)), "integer labels"),
        (np.zeros((2, 2, 2), complex), "integer labels"),
        (np.full((2, 2, 2), 2**40), "labels 0..254, got 1099511627776"),
        (np.full((2, 2, 2), -1), "labels 0..254, got -1"),
        (np.full((2, 2, 2), 255, np.uint8), "labels 0..254, got 255"),
        (np.zeros((2, 2), np.uint8), "3D array of labels"),
        (np.zeros((2, 2, 2, 2), np.uint8), "3D array of labels"),
        (np.array([[["a"]]]), "must hold numbers"),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:The data type")
def test_arrays_that_are_no_labels_are_refused(tmp_path, array, message):
    zarr.save_array(tmp_path / "a.zarr", array)
    assert message in refusal(tmp_path / "a.zarr")


@pytest.mark.parametrize(
    "recon",
    [[], "x", 3, {"kind": []}, {"kind": "volume", "phases": 3}, {"phases": [1, 2, 3]}]
    + [{"phases": ["a", "a", "b"]}, {"phases": {}}, {"phases": ["a"]}, {"phases": [None] * 3}],
    ids=str,
)
def test_an_attribute_of_another_type_is_refused(path, recon):
    changed(path / "zarr.json", lambda table: table["attributes"].update(recon=recon))
    refusal(path)


@pytest.mark.parametrize(
    "scale", [[], [1], [0, 1, 1], ["a"] * 3, [-1] * 3, None, [[1]] * 3, [1e400] * 3], ids=str
)
def test_a_voxel_size_that_is_none_is_refused(path, scale):
    def change(table):
        datasets = table["attributes"]["ome"]["multiscales"][0]["datasets"]
        datasets[0]["coordinateTransformations"][0]["scale"] = scale

    changed(path / "zarr.json", change)
    refusal(path)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ([10**6] * 3, "at most 68.7GB, got 1e+06TB; crop it, or raise the limit RECON_MAX_VOLUME"),
        ([4000] * 3, "does not fit into memory, it takes 64GB; crop it"),
    ],
)
def test_an_absurd_shape_takes_no_memory(path, shape, message, monkeypatch):
    monkeypatch.setattr("recon.plugins.readers.zarr_array.measure_available", lambda: 10**10)
    changed(path / "0/zarr.json", lambda table: table.update(shape=shape))
    assert message in refusal(path)


def test_the_limit_is_the_users(path, monkeypatch):
    monkeypatch.setenv("RECON_MAX_VOLUME", "20kB")
    assert "at most 20kB, got 28kB" in refusal(path)


def test_links_out_of_the_folder_and_pipes_are_refused(path, tmp_path):
    chunk = path / "0/c/1/0/0"
    chunk.rename(tmp_path / "elsewhere")
    chunk.symlink_to(tmp_path / "elsewhere")
    assert "holds a link that leads out of it, 0/c/1/0/0" in refusal(path)
    chunk.unlink()
    chunk.symlink_to("/dev/zero")
    assert "leads out of it" in refusal(path)
    chunk.unlink()
    os.mkfifo(chunk)
    assert "pipe or a device" in refusal(path)
    chunk.unlink()
    (tmp_path / "elsewhere").rename(path / "kept")
    chunk.symlink_to(path / "kept")
    assert np.array_equal(Volume.open(path).labels, LABELS)
    (tmp_path / "link.zarr").symlink_to(path)
    assert np.array_equal(Volume.open(tmp_path / "link.zarr").labels, LABELS)


def test_a_zip_is_refused_and_nothing_of_it_is_unpacked(path, tmp_path):
    with zipfile.ZipFile(tmp_path / "v.zip", "w") as archive:
        archive.writestr("../../evil", "x")
        for file in path.rglob("*"):
            archive.write(file, file.relative_to(path))
    before = sorted(tmp_path.parent.rglob("*"))
    assert "must be a folder; unpack" in refusal(tmp_path / "v.zip")
    assert sorted(tmp_path.parent.rglob("*")) == before


def test_metadata_without_end_is_refused(path):
    with (path / "zarr.json").open("r+") as file:
        file.truncate(10**9)
    assert "must take at most 2MB, got 1GB" in refusal(path)


class Payload:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("key", ["filters", "compressor"])
@pytest.mark.parametrize("dtype", ["|O", "|u1"])
@pytest.mark.parametrize("read", [Volume.open, read_image])
@pytest.mark.filterwarnings("ignore:The data type")
def test_pickle_in_zarr_is_never_unpickled(tmp_path, key, dtype, read):
    metadata = {"zarr_format": 2, "shape": [1, 1, 1], "chunks": [1, 1, 1], "dtype": dtype}
    metadata |= {"order": "C", "fill_value": 0, "filters": None, "compressor": None}
    codec = {"id": "pickle"}
    (tmp_path / "a.zarr").mkdir()
    metadata[key] = [codec] if key == "filters" else codec
    (tmp_path / "a.zarr/.zarray").write_text(json.dumps(metadata))
    payload = pickle.dumps(Payload(str(tmp_path / "done")))
    (tmp_path / "a.zarr/0.0.0").write_bytes(payload)
    refusal(tmp_path / "a.zarr", read)
    assert not (tmp_path / "done").exists()


def test_micrographs_that_lost_a_plane_a_slice_or_a_chunk_are_refused(tmp_path):
    image = np.zeros((5, 6), np.uint8)
    image[0] = 1
    path = tmp_path / "m.zarr"
    for lost in ("xz", "xy/0001", "xy/0000/zarr.json", "xy/0000/c/0/0"):
        Micrographs({"xy": [image, image], "xz": [image]}).save(path)
        target = path / lost
        shutil.rmtree(target) if target.is_dir() else target.unlink()
        assert "damaged" in refusal(path, Micrographs.open)
        shutil.rmtree(path)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("sharded", [False, True])
def test_a_blosc_chunk_that_claims_to_be_longer_is_not_unpacked(tmp_path, version, sharded):
    """The library would read memory beyond it, and the process might end there."""
    noise = np.random.default_rng(0).integers(0, 3, (8, 8, 8), np.uint8)
    codec = numcodecs.Blosc() if version == 2 else zarr.codecs.BloscCodec()
    shards = (8, 8, 8) if sharded and version == 3 else None
    zarr.create_array(tmp_path / "v.zarr", data=noise, chunks=(4, 8, 8), shards=shards,
                      compressors=codec, zarr_format=version)  # fmt: skip
    assert np.array_equal(Volume.open(tmp_path / "v.zarr").labels, noise)
    for chunk in (tmp_path / "v.zarr").rglob("*0*"):
        if chunk.is_file():
            data = bytearray(chunk.read_bytes())
            data[12:16] = (1 << 28).to_bytes(4, "little")
            chunk.write_bytes(data)
    assert "claims to have 268435456" in refusal(tmp_path / "v.zarr")


def test_a_blosc_chunk_without_its_header_is_refused(tmp_path):
    labels = np.zeros((4, 4, 4), np.uint8)
    zarr.create_array(tmp_path / "v.zarr", data=labels, compressors=numcodecs.Blosc(),
                      zarr_format=2, config={"write_empty_chunks": True})  # fmt: skip
    (tmp_path / "v.zarr" / "0.0.0").write_bytes(b"\x02\x01")
    assert "must have a header of 16 bytes" in refusal(tmp_path / "v.zarr")
