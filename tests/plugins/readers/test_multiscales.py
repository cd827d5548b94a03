"""OME-Zarr as the specification allows it, through both ways in: volumes and images to import."""

import itertools

import numpy as np
import pytest
import zarr
from ome_zarr_models.v04.image import Image as Image04
from ome_zarr_models.v05.image import Image as Image05

from recon.core import ReconError, Volume
from recon.core.data.chunked_volume import ChunkedVolume
from recon.core.measure import measure_all
from recon.core.readers import read_image
from recon.plugins.readers.multiscales import UNITS

LABELS = np.random.default_rng(0).integers(0, 3, (5, 6, 7), dtype=np.uint8)
SIZE = {"z": 1.0, "y": 0.5, "x": 0.25}
OF_NGFF = [
    "angstrom",
    "attometer",
    "centimeter",
    "decimeter",
    "exameter",
    "femtometer",
    "foot",
    "gigameter",
    "hectometer",
    "inch",
    "kilometer",
    "megameter",
    "meter",
    "micrometer",
    "mile",
    "millimeter",
    "nanometer",
    "parsec",
    "petameter",
    "picometer",
    "terameter",
    "yard",
    "yoctometer",
    "yottameter",
    "zeptometer",
    "zettameter",
]
"""https://ngff.openmicroscopy.org/0.5/#axes-md"""


def write(path, names="zyx", unit="micrometer", factor=None, member="s0", version="0.4", **change):
    """LABELS with its axes as named, single ones beside them, as an OME-Zarr image."""
    kept = [name for name in names if name in SIZE]
    array = LABELS.transpose(["zyx".index(name) for name in kept])
    array = array.reshape([array.shape[kept.index(n)] if n in SIZE else 1 for n in names])
    types = {"t": "time", "c": "channel"}
    axes = [{"name": n, "type": types.get(n, "space")} for n in names]
    for axis in axes:
        if axis["type"] == "space" and unit is not None:
            axis["unit"] = unit
    shift = {"type": "translation", "translation": [3.0] * len(names)}
    changes = [{"type": "scale", "scale": [SIZE.get(n, 1.0) for n in names]}, shift]
    scale = {"axes": axes, "datasets": [{"path": member, "coordinateTransformations": changes}]}
    if factor is not None:
        common = [factor if name in SIZE else 1.0 for name in names]
        scale["coordinateTransformations"] = [{"type": "scale", "scale": common}, shift]
    scale |= change
    group = zarr.create_group(path, zarr_format=3 if version == "0.5" else 2)
    chunks = tuple(min(4, side) for side in array.shape)
    dimensions = {"dimension_names": list(names)} if version == "0.5" else {}
    group.create_array(member, data=array, chunks=chunks, **dimensions)
    if version == "0.5":
        group.attrs["ome"] = {"version": version, "multiscales": [scale]}
    else:
        group.attrs["multiscales"] = [{"version": version, **scale}]
    return path


def sizes(path):
    """The voxel size by both ways in, which must agree; and the labels too."""
    volume, image = Volume.open(path), read_image(path)
    np.testing.assert_array_equal(volume.labels, LABELS)
    np.testing.assert_array_equal(np.stack(image.slices), LABELS)
    if image.pixel_size is None:
        assert volume.voxel_size == (1.0, 1.0, 1.0)
        return None
    assert volume.voxel_size == (image.spacing, *image.pixel_size)
    return volume.voxel_size


@pytest.mark.parametrize("names", [*map("".join, itertools.permutations("zyx"))])
def test_axes_in_any_order(tmp_path, names):
    path = write(tmp_path / "a.zarr", names)
    assert sizes(path) == (1e-6, 5e-7, 2.5e-7)
    chunked = ChunkedVolume.open(path)
    expected = measure_all(Volume(LABELS), ["two-point"])["two-point"]
    measurements = measure_all(chunked, ["two-point"])["two-point"]
    np.testing.assert_array_equal(measurements, expected)


@pytest.mark.parametrize("names", ["tczyx", "czyx", "zyxc", "tzcyx", "xctyz"])
@pytest.mark.parametrize(("version", "model"), [("0.4", Image04), ("0.5", Image05)])
def test_single_times_and_channels(tmp_path, names, version, model):
    path = write(tmp_path / "a.zarr", names, version=version, factor=0.4)
    assert sizes(path) == (4e-7, 2e-7, 1e-7)
    if names in ("tczyx", "czyx"):  # the order that the specification asks for
        model.from_zarr(zarr.open_group(path, mode="r"))


def test_every_unit_of_the_specification(tmp_path):
    assert set(OF_NGFF) <= set(UNITS)
    ratio = {"angstrom": 1e-10, "inch": 0.0254, "parsec": 3.0857e16, "centimeter": 1e-2}
    for unit in OF_NGFF:
        result = sizes(write(tmp_path / f"{unit}.zarr", unit=unit, factor=0.5))
        metres = ratio.get(unit, float(UNITS[unit]))
        assert result == pytest.approx((0.5 * metres, 0.25 * metres, 0.125 * metres), rel=1e-4)
    assert float(UNITS["yoctometer"]) == 1e-24
    assert float(UNITS["micrometer"]) == 1e-6
    for seen in ("micron", "um", "\u00b5m"):
        assert sizes(write(tmp_path / f"{seen}.zarr", unit=seen)) == (1e-6, 5e-7, 2.5e-7)


@pytest.mark.parametrize("unit", ["furlong", "pixel", None])
def test_a_length_that_cannot_be_told_is_said(tmp_path, unit):
    path = write(tmp_path / "a.zarr", unit=unit)
    with pytest.warns(UserWarning, match="voxel size unknown, .*unit"):
        assert sizes(path) is None


def test_transformations_that_are_not_known_are_said(tmp_path):
    turned = [{"type": "affine", "affine": [[1, 0, 0, 0]]}]
    path = write(tmp_path / "a.zarr", coordinateTransformations=turned)
    with pytest.warns(UserWarning, match="its transformation 'affine'"):
        assert sizes(path) is None


def test_a_scale_that_is_an_array_of_the_group(tmp_path):
    path = write(tmp_path / "a.zarr", coordinateTransformations=[{"type": "scale", "path": "s"}])
    zarr.open_group(path, mode="r+").create_array("s", data=np.array([0.4, 0.4, 0.4]))
    assert sizes(path) == (4e-7, 2e-7, 1e-7)


def test_names_of_no_axis_are_taken_in_order_and_said(tmp_path):
    axes = [{"name": f"dim_{k}", "type": "space", "unit": "nanometer"} for k in range(3)]
    path = write(tmp_path / "a.zarr", axes=axes)
    with pytest.warns(UserWarning, match="dim_0, dim_1, dim_2 become z, y, x"):
        assert sizes(path) == (1e-9, 5e-10, 2.5e-10)


@pytest.mark.parametrize(
    "damage",
    [
        {"axes": [{"name": "z"}]},
        {"axes": "zzz"},
        {"axes": [None, None, None]},
        {"datasets": []},
        {"datasets": [{"path": "s0", "coordinateTransformations": [{"type": "scale"}]}]},
        {"coordinateTransformations": [{"type": "scale", "scale": [1.0, -1.0, 1.0]}]},
        {"coordinateTransformations": [{"type": "scale", "scale": [1.0, 1.0]}]},
        {"coordinateTransformations": [{"type": "scale", "scale": ["a", "b", "c"]}]},
        {"coordinateTransformations": [{"type": "scale", "scale": [float("nan")] * 3}]},
        {"coordinateTransformations": 5},
    ],
)
def test_damaged_metadata_is_one_line(tmp_path, damage):
    path = write(tmp_path / "a.zarr", **damage)
    for read in (Volume.open, read_image):
        with pytest.raises(ReconError, match="is damaged: its multiscales metadata"):
            read(path)


def test_more_than_one_time_or_channel_is_refused(tmp_path):
    group = zarr.create_group(tmp_path / "a.zarr")
    group.create_array("0", data=np.stack([LABELS, LABELS]))
    axes = [{"name": name} for name in "czyx"]
    group.attrs["ome"] = {"multiscales": [{"axes": axes, "datasets": [{"path": "0"}]}]}
    for read in (Volume.open, read_image):
        with pytest.raises(ReconError, match="2 images along its axis c; save one of them"):
            read(tmp_path / "a.zarr")


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_plain_arrays_whose_axes_have_names(tmp_path, zarr_format):
    turned = LABELS.transpose(2, 1, 0)
    names = {"dimension_names": ["x", "y", "z"]} if zarr_format == 3 else {}
    path = tmp_path / "a.zarr"
    array = zarr.create_array(path, data=turned, zarr_format=zarr_format, **names)
    if zarr_format == 2:
        array.attrs["_ARRAY_DIMENSIONS"] = ["x", "y", "z"]
    assert sizes(path) is None


def test_a_group_of_images_tells_what_it_holds(tmp_path):
    """As bioformats2raw lays them out: one image a group."""
    group = zarr.create_group(tmp_path / "a.zarr", attributes={"bioformats2raw.layout": 3})
    group.create_group("0")
    for read in (Volume.open, read_image):
        with pytest.raises(ReconError, match='without an image "0"; it holds 0: give one'):
            read(tmp_path / "a.zarr")
    write(tmp_path / "a.zarr" / "1")
    assert sizes(tmp_path / "a.zarr" / "1") == (1e-6, 5e-7, 2.5e-7)


def test_old_metadata_that_names_no_axes(tmp_path):
    """0.1 and 0.2: always t, c, z, y, x, lengths unknown."""
    group = zarr.create_group(tmp_path / "a.zarr", zarr_format=2)
    group.create_array("0", data=LABELS[None, None])
    group.attrs["multiscales"] = [{"version": "0.1", "datasets": [{"path": "0"}]}]
    assert sizes(tmp_path / "a.zarr") is None
