import numpy as np
import pytest
import zarr

from recon.core import Micrographs, ReconError, Volume
from recon.core.readers import read_image

STACK = np.random.default_rng(0).integers(0, 3, (6, 20, 30), dtype=np.uint8)
SLICE = STACK[0]


def refusal(path):
    with pytest.raises(ReconError) as caught:
        read_image(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_zarr_array_is_a_slice_or_a_stack(tmp_path, zarr_format, dimensions):
    array = STACK if dimensions == 3 else SLICE
    zarr.create_array(tmp_path / "a", data=array, zarr_format=zarr_format)
    slices = read_image(tmp_path / "a").slices
    np.testing.assert_array_equal(np.stack(slices) if dimensions == 3 else slices[0], array)


def test_a_volume_of_recon_tells_its_voxel_size(tmp_path):
    Volume(STACK, (5e-7, 4e-7, 3e-7)).save(tmp_path / "a.zarr")
    image = read_image(tmp_path / "a.zarr")
    np.testing.assert_array_equal(np.stack(image.slices), STACK)
    assert (image.spacing, image.pixel_size) == (5e-7, (4e-7, 3e-7))
    Volume(STACK).save(tmp_path / "b.zarr")
    assert read_image(tmp_path / "b.zarr").pixel_size is None


def ome_zarr(path, array, names, scale):
    """As other programs write it: 0.4, times and channels, micrometres."""
    group = zarr.create_group(path, zarr_format=2)
    group.create_array("s0", data=array)
    axes = [
        {"name": n, "type": "space", "unit": "micrometer"} if n in "zyx" else {"name": n}
        for n in names
    ]
    changes = [{"type": "scale", "scale": scale}]
    datasets = [{"path": "s0", "coordinateTransformations": changes}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]


def test_ome_zarr_of_other_programs(tmp_path):
    ome_zarr(tmp_path / "a.zarr", STACK[None, None], "tczyx", [1, 1, 0.5, 0.4, 0.3])
    image = read_image(tmp_path / "a.zarr")
    np.testing.assert_array_equal(np.stack(image.slices), STACK)
    assert (image.spacing, *image.pixel_size) == pytest.approx((5e-7, 4e-7, 3e-7))
    ome_zarr(tmp_path / "b.zarr", STACK[:2], "cyx", [1, 0.4, 0.3])
    assert "2 images along its axis c" in refusal(tmp_path / "b.zarr")


def test_zarr_without_an_image_is_refused(tmp_path):
    zarr.create_group(tmp_path / "empty.zarr")
    assert "without an image" in refusal(tmp_path / "empty.zarr")
    Micrographs({"xy": [SLICE]}).save(tmp_path / "m.zarr")
    assert "holds micrographs already" in refusal(tmp_path / "m.zarr")
    (image,) = read_image(tmp_path / "m.zarr/xy/0000").slices
    np.testing.assert_array_equal(image, SLICE)
    (tmp_path / "broken.zarr").mkdir()
    (tmp_path / "broken.zarr/zarr.json").write_text("{")
    assert "not a readable zarr store" in refusal(tmp_path / "broken.zarr")
