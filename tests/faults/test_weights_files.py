"""Hostile and broken weights files: never unpickled, refused in one line, without much memory."""

import hashlib
import json
import os
import tracemalloc

import attrs
import numpy as np
import pytest
import safetensors.torch
import torch

from recon.core import Micrographs, Recipe, ReconError, catalog, sample_steps, weights
from recon.core.recipe import Choice
from recon.workflow.pack_weights import pack_weights

SHOWN = Micrographs({plane: [np.eye(12, dtype=np.uint8)] for plane in ("xy", "xz", "yz")})
SMALL = {"width": 8, "multiples": (1,), "blocks": 1, "attention": (False,), "heads": 1}
MISSING = object()


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Bytes of a weights file of a small network."""
    path = tmp_path_factory.mktemp("weights") / "w.safetensors"
    denoiser = catalog().build("denoiser", "unet-ddpm", steps=1, batch=1, crop=8, **SMALL)
    denoiser.fit(SHOWN)
    path.write_bytes(pack_weights(denoiser, {}))
    return path.read_bytes()


def refusal(path):
    with pytest.raises(ReconError) as caught:
        weights.load(weights.read(path), None, {}, "cpu")
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    return str(caught.value)


def parts(data):
    """The header as a table, recon's own part of it as a table, and the numbers."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    return header, json.loads(header["__metadata__"]["recon"]), data[8 + size :]


def joined(header, own, numbers):
    if own is not None:
        header["__metadata__"]["recon"] = own if isinstance(own, str) else json.dumps(own)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + numbers


def test_sound_weights_are_read(sound, tmp_path):
    (tmp_path / "w.safetensors").write_bytes(joined(*parts(sound)))
    weights.load(weights.read(tmp_path / "w.safetensors"), None, {}, "cpu")
    assert weights.read(tmp_path / "w.safetensors").sha256 != hashlib.sha256(sound).hexdigest()


def test_cut_off_anywhere(sound, tmp_path):
    path = tmp_path / "w.safetensors"
    size = int.from_bytes(sound[:8], "little")
    for length in (0, 1, 7, 8, 9, size // 2, size + 7, size + 8, size + 9, len(sound) - 1):
        path.write_bytes(sound[:length])
        assert "damaged or no safetensors file" in refusal(path)


@pytest.mark.parametrize("claim", [0, 1, 2**32, 2**60, 2**64 - 1])
def test_a_header_of_a_claimed_length(sound, tmp_path, claim):
    path = tmp_path / "w.safetensors"
    path.write_bytes(claim.to_bytes(8, "little") + sound[8:])
    assert "damaged or no safetensors file" in refusal(path)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format", 2, "are of format 2, this recon reads 1"),
        ("format", MISSING, "are of format None"),
        ("denoiser", [], "denoiser must be a name"),
        ("denoiser", "none", "unknown denoiser 'none'"),
        ("options", 3, "options must be a table"),
        ("options", {"width": "8"}, "width must be"),
        ("options", {"depth": 3}, "unknown option"),
        ("options", {"kind": 3}, "unknown option of denoiser unet-ddpm 'kind'"),
        ("options", {"name": "x", "self": 3}, "unknown option of denoiser unet-ddpm 'name'"),
        ("options", {**SMALL, "width": 10**9}, "width must be in [8, 4096]"),
        ("options", {**SMALL, "blocks": 10**9}, "blocks must be in [1, 64]"),
        ("options", {**SMALL, "multiples": [1] * 10**5}, "multiples must be 1 to 8 levels"),
        ("options", {**SMALL, "width": 4096, "multiples": [64]}, "do not fit the network"),
        ("phases", ["a"], "phases must be 2 to 255 different names"),
        ("phases", ["a", "a"], "phases must be 2 to 255 different names"),
        ("phases", [1, 2], "phases must be 2 to 255 different names"),
        ("phases", ["a", "b", "c"], "fractions must be 3 numbers"),
        ("phases", MISSING, "lack 'phases'"),
        ("voxel_size", [1, 1], "voxel_size must be 3 lengths > 0"),
        ("voxel_size", [0, 1, 1], "voxel_size must be 3 lengths > 0"),
        ("voxel_size", [float("inf")] * 3, "voxel_size must be 3 lengths > 0"),
        ("voxel_size", [10**400] * 3, "voxel_size must be 3 lengths > 0"),
        ("fractions", [float("nan"), 0.5], "fractions must be 2 numbers in [0, 1]"),
        ("fractions", [2, -1], "fractions must be 2 numbers in [0, 1]"),
        ("arrays", MISSING, "lack 'arrays'"),
        ("arrays", [], "arrays must be a table of plugins"),
        ("arrays", {"refiner.islands": 3}, "arrays must be a table of plugins"),
        ("arrays", {"refiner.islands": ["other"]}, "lack 'statistics.refiner.islands.other'"),
        ("mean", [], "mean must be 1 numbers"),
        ("mean", [None], "mean must be 1 numbers"),
        ("planes", ["xy", "zx"], "planes must be different ones of xy, xz, yz"),
        ("planes", ["xy", "xy"], "planes must be different ones of xy, xz, yz"),
        ("planes", {}, "planes must be different ones of xy, xz, yz"),
    ],
)
def test_a_header_that_is_not_what_it_must_be(sound, tmp_path, key, value, message):
    header, own, numbers = parts(sound)
    own[key] = value
    if value is MISSING:
        del own[key]
    path = tmp_path / "w.safetensors"
    path.write_bytes(joined(header, own, numbers))
    tracemalloc.start()
    assert message in refusal(path)
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", "null", "[" * 100_000, '{"format": ' + "9" * 5000 + "}", "\x00"]
)
def test_metadata_that_is_no_table(sound, tmp_path, text):
    header, _, numbers = parts(sound)
    (tmp_path / "w.safetensors").write_bytes(joined(header, text, numbers))
    assert "damaged header" in refusal(tmp_path / "w.safetensors")


def test_weights_of_another_program(sound, tmp_path):
    header, _, numbers = parts(sound)
    del header["__metadata__"]
    (tmp_path / "w.safetensors").write_bytes(joined(header, None, numbers))
    assert "were not written by recon" in refusal(tmp_path / "w.safetensors")


@pytest.mark.parametrize("change", ["missing", "extra", "shape", "type", "covariance", "even"])
def test_tensors_that_are_not_those_of_the_network(sound, tmp_path, change):
    header, own, numbers = parts(sound)
    name = "last.convolution.bias" if "last.convolution.bias" in header else sorted(header)[-1]
    covariance = "statistics.covariance.xy"
    match change:
        case "missing":
            header["other"] = header.pop(name)
        case "extra":
            header["extra"] = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
        case "shape":
            header[name]["shape"] = [1, *header[name]["shape"]]
        case "type":
            header[name]["dtype"] = "I32"
        case "covariance":
            header["other"] = header.pop(covariance)
        case "even":
            shape = header[covariance]["shape"]
            header[covariance]["shape"] = [shape[1], shape[0], shape[2]]
    (tmp_path / "w.safetensors").write_bytes(joined(header, own, numbers))
    with pytest.raises(ReconError, match=r"weights.* (do not fit|lack|damaged)"):
        weights.load(weights.read(tmp_path / "w.safetensors"), None, {}, "cpu")


def change_array(path, name, change):
    """The weights with another array of a plugin."""
    stored = dict(safetensors.torch.load_file(path))
    name = f"statistics.{name}"
    stored[name] = change(stored[name])
    with safetensors.safe_open(path, "pt") as file:
        metadata = file.metadata()
    safetensors.torch.save_file(stored, path, metadata)


def test_arrays_of_plugins_are_of_integers_or_finite_floats(sound, tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_bytes(sound)
    change_array(path, "refiner.patterns.xz.1", lambda t: t)
    arrays = weights.load(weights.read(path), None, {}, "cpu").statistics.arrays
    assert arrays["refiner.patterns"]["xz.1"].dtype == np.int64
    change_array(path, "refiner.patterns.xz.1", lambda t: t.to(torch.complex64))
    assert "array xz.1 of refiner.patterns must be of integers or floats" in refusal(path)
    path.write_bytes(sound)
    change_array(path, "refiner.islands.isolated", lambda t: t / 0)
    assert "NaN or infinity in statistics.refiner.islands.isolated" in refusal(path)


def test_arrays_that_a_plugin_cannot_use_are_refused_before_work_begins(sound, tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_bytes(sound)
    change_array(path, "refiner.patterns.xz.1", lambda t: t.flip(0))
    recipe = Recipe(weights=str(path), shape=(8, 8, 8), steps=2)
    with pytest.raises(ReconError, match="refiner patterns: xz.1 in the weights must be ascending"):
        next(sample_steps(recipe))
    path.write_bytes(sound)
    change_array(path, "refiner.patterns.xz.1", lambda t: t[:0])  # none were seen
    assert next(sample_steps(recipe)).number == 1


def test_weights_made_before_a_plugin_was_installed(sound, tmp_path):
    header, own, numbers = parts(sound)
    del own["arrays"]["refiner.patterns"]
    path = tmp_path / "w.safetensors"
    path.write_bytes(joined(header, own, numbers))
    recipe = Recipe(weights=str(path), shape=(8, 8, 8), steps=2)
    with pytest.raises(ReconError, match="refiner patterns needs what it measures on micrographs"):
        next(sample_steps(recipe))
    recipe = attrs.evolve(recipe, refiners=(Choice("islands"),))
    assert next(sample_steps(recipe)).number == 1


class Payload:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_pickle_under_another_name_is_never_unpickled(tmp_path, recon):
    for name in ("w.safetensors", "w.pt"):
        torch.save({"a": Payload(str(tmp_path / "done"))}, tmp_path / name)
        assert "damaged or no safetensors file" in refusal(tmp_path / name)
        result = recon("run", "--weights", tmp_path / name, "--out", "out", code=2)
        assert result.stderr.count("\n") == 1
    assert not (tmp_path / "done").exists() and not (tmp_path / "out").exists()
    torch.load(tmp_path / "w.pt", weights_only=False)  # the payload is a real one
    assert (tmp_path / "done").exists()


def test_what_is_no_file_and_what_is_too_large(sound, tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "fifo")
    assert "pipe or a device" in refusal(tmp_path / "fifo")
    (tmp_path / "w.safetensors").write_bytes(sound)
    with (tmp_path / "w.safetensors").open("r+b") as file:
        file.truncate(10**10)
    assert "at most 4GB, got 10GB" in refusal(tmp_path / "w.safetensors")
    monkeypatch.setenv("RECON_MAX_WEIGHTS", "100GB")
    assert "damaged" in refusal(tmp_path / "w.safetensors")
