"""`recon measure`, `export` and `view` of volumes that are not zarr."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
import zarr

import recon as face
from recon.core import Volume

LABELS = np.random.default_rng(0).integers(0, 2, (12, 14, 16), dtype=np.uint8)


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Volume(LABELS, (4e-7,) * 3, ("solid", "pore")).save("v.zarr")
    Volume(LABELS, (4e-7,) * 3, ("solid", "pore")).export("v.tif", "v.npy", "v.vti", "v.h5")


def measured(recon, *arguments, metric="lineal-path"):
    recon("measure", *arguments, "--metric", metric, "--json", "m.json")
    return json.loads(Path("m.json").read_text())[metric]


@pytest.mark.parametrize("suffix", ["tif", "npy", "vti", "h5"])
def test_the_same_numbers_as_of_zarr(recon, files, suffix):
    wanted = measured(recon, "v.zarr")
    size = ("--voxel-size", "0.4um") if suffix == "npy" else ()
    result = measured(recon, f"v.{suffix}", *size)
    np.testing.assert_allclose(
        np.array(result["data"], float), np.array(wanted["data"], float), rtol=1e-6
    )


def test_the_voxel_size_given_wins(recon, files):
    for name in ("v.tif", "v.zarr"):
        recon("export", name, f"{name}.vti", "--voxel-size", "0.8um")
        assert 'Spacing="8e-07 8e-07 8e-07"' in Path(f"{name}.vti").read_text()


def test_a_reference_in_another_format(recon, files):
    result = recon("measure", "v.tif", "--against", "v.zarr", "--metric", "volume-fraction")
    other = recon("measure", "v.zarr", "--against", "v.vti", "--metric", "volume-fraction")
    assert result.stdout == other.stdout
    assert face.measure("v.tif", "volume-fraction").values == pytest.approx(
        face.measure("v.zarr", "volume-fraction").values
    )


def test_one_of_several_datasets_is_exported(recon, files):
    with h5py.File("two.h5", "w") as file:
        file["a"], file["b"] = LABELS, 1 - LABELS
    said = recon("export", "two.h5", "a.npy", code=2).stderr
    assert "holds a, b; name one by --dataset" in said
    recon("export", "two.h5", "b.tif", "--dataset", "b", "--voxel-size", "1um")
    np.testing.assert_array_equal(tifffile.imread("b.tif"), 1 - LABELS)


def test_a_page_of_a_tiff(recon, files):
    recon("view", "v.tif", "--out", "v.html", "--no-open")
    assert "<html" in Path("v.html").read_text()


def test_what_cannot_be_measured(recon, files):
    np.save("grey.npy", np.arange(LABELS.size, dtype=np.uint16).reshape(LABELS.shape))
    assert "holds grey values" in recon("measure", "grey.npy", code=2).stderr
    assert (
        "--memory reads a zarr volume"
        in recon("measure", "v.tif", "--memory", "1GB", code=2).stderr
    )


@pytest.mark.filterwarnings("always:.*become the phases")
@pytest.mark.parametrize("suffix", ["zarr", "npy"])
def test_values_of_another_program(recon, files, suffix):
    """One rule for folders and files: few values by their order, many without a gap as they are."""

    def save(values):
        if suffix == "npy":
            np.save("a.npy", values)
        else:
            zarr.create_array("a.zarr", data=values, overwrite=True)
        return f"a.{suffix}"

    wanted = measured(recon, "v.zarr", metric="volume-fraction")["data"]
    for values in (LABELS * 255, LABELS * 20, LABELS.astype(np.int16) * 1000 - 1, LABELS > 0):
        name = save(values)
        assert measured(recon, name, metric="volume-fraction")["data"] == wanted
        said = recon("measure", name, "--metric", "volume-fraction").stderr
        assert ("become the phases 0, 1, ..." in said) == (values.dtype != bool)
    many = np.arange(LABELS.size).reshape(LABELS.shape)
    result = measured(recon, save((many % 12).astype(np.uint8)), metric="volume-fraction")
    assert len(result["data"]) == 12
    for grey in ((many % 200).astype(np.uint8), (2 * (many % 9)).astype(np.uint8), LABELS * 0.5):
        said = recon("measure", save(grey), "--metric", "volume-fraction", code=2).stderr
        assert "holds grey values" in said and said.count("\n") == 1
