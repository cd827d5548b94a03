"""JPEG, BMP, MetaImage and MRC, as other programs write them."""

import shutil
import struct
import zlib

import numpy as np
import pytest
import vtk
from PIL import Image
from vtk.util.numpy_support import numpy_to_vtk

from recon.core import ReconError, Volume
from recon.core.readers import read_image

STACK = np.random.default_rng(0).integers(0, 3, (5, 6, 7), dtype=np.uint8)


def refusal(path):
    with pytest.raises(ReconError) as caught:
        read_image(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_jpeg_is_turned_as_its_camera_says(tmp_path, orientation):
    grey = np.repeat(np.arange(40, dtype=np.uint8)[:, None] * 6, 24, 1)
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(grey).save(tmp_path / "a.jpg", quality=95, exif=exif)
    turns = {1: 0, 3: 2, 6: 3, 8: 1}[orientation]  # quarters against the clock
    (slices,) = read_image(tmp_path / "a.jpg").slices
    np.testing.assert_allclose(slices, np.rot90(grey, turns), atol=3)
    (tmp_path / "b.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:400])
    assert "damaged" in refusal(tmp_path / "b.jpg")


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_bitmaps(tmp_path, mode):
    Image.fromarray((STACK[0] > 0).astype(np.uint8) * 255).convert(mode).save(tmp_path / "a.bmp")
    (slices,) = read_image(tmp_path / "a.bmp").slices
    np.testing.assert_array_equal(slices > 0, STACK[0] > 0)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("suffix", ["mhd", "mha"])
def test_metaimage_as_vtk_writes_it(tmp_path, suffix, compressed):
    image = vtk.vtkImageData()
    image.SetDimensions(7, 6, 5)
    image.SetSpacing(1e-4, 2e-4, 5e-4)
    image.GetPointData().SetScalars(numpy_to_vtk(STACK.astype(np.int16).ravel(), deep=True))
    writer = vtk.vtkMetaImageWriter()
    writer.SetInputData(image)
    writer.SetCompression(compressed)
    writer.SetFileName(str(tmp_path / f"a.{suffix}"))
    writer.Write()
    result = read_image(tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(np.stack(result.slices), STACK)
    assert (result.spacing, *result.pixel_size) == pytest.approx((5e-7, 2e-7, 1e-7))


def test_metaimage_of_recon_and_what_is_refused(tmp_path):
    volume = Volume(STACK, (5e-7, 2e-7, 1e-7))
    volume.export(tmp_path / "v.raw")
    image = read_image(tmp_path / "v.mhd")
    np.testing.assert_array_equal(np.stack(image.slices), STACK)
    assert (image.spacing, *image.pixel_size) == pytest.approx(volume.voxel_size)
    text = (tmp_path / "v.mhd").read_text()
    (tmp_path / "a.mhd").write_text(text.replace("v.raw", "../v.raw"))
    assert "must lie in the same folder" in refusal(tmp_path / "a.mhd")
    (tmp_path / "a.mhd").write_text(text.replace("v.raw", "none.raw"))
    assert "none.raw does not exist" in refusal(tmp_path / "a.mhd")
    (tmp_path / "a.mhd").write_text(text.replace("7 6 5", "7 6 50"))
    assert "cut off" in refusal(tmp_path / "a.mhd")
    (tmp_path / "a.mhd").write_text(text.replace("7 6 5", "70000 70000 70000"))
    assert "must take at most" in refusal(tmp_path / "a.mhd")
    (tmp_path / "a.mhd").write_text("NDims = 3\n")
    assert "no ElementDataFile" in refusal(tmp_path / "a.mhd")
    bomb = text.replace("CompressedData = False", "CompressedData = True")
    (tmp_path / "a.mhd").write_text(bomb.replace("v.raw", "b.raw"))
    (tmp_path / "b.raw").write_bytes(zlib.compress(bytes(10**7)))
    assert np.stack(read_image(tmp_path / "a.mhd").slices).shape == STACK.shape  # and no more


@pytest.mark.parametrize(
    "turns, stored",
    [("0 1 0 1 0 0 0 0 1", "zxy"), ("0 0 1 0 -1 0 1 0 0", "xyz"), ("0 1 0 0 0 1 1 0 0", "xzy")],
)
def test_metaimage_whose_axes_follow_in_another_order(tmp_path, turns, stored):
    """As ITK writes it: the direction of each axis in turn, the one that runs fastest first."""
    size = {"z": 5e-7, "y": 2e-7, "x": 1e-7}
    array = STACK.transpose(["zyx".index(axis) for axis in stored])
    Volume(array, [size[axis] for axis in stored]).export(tmp_path / "v.raw")
    text = (tmp_path / "v.mhd").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("TransformMatrix")]
    lines.insert(len(lines) - 1, f"TransformMatrix = {turns}")
    (tmp_path / "v.mhd").write_text("\n".join(lines) + "\n")
    image = read_image(tmp_path / "v.mhd")
    np.testing.assert_array_equal(np.stack(image.slices), STACK)
    assert (image.spacing, *image.pixel_size) == pytest.approx((5e-7, 2e-7, 1e-7))


def test_metaimage_turned_in_space_is_kept_as_stored_and_damage_is_one_line(tmp_path):
    Volume(STACK, (5e-7, 2e-7, 1e-7)).export(tmp_path / "v.raw")
    text = (tmp_path / "v.mhd").read_text()
    start, end = text.split("ElementDataFile")
    start = start.replace("TransformMatrix", "Comment")
    for matrix, message in (
        ("0.8 0.6 0 -0.6 0.8 0 0 0 1", None),
        ("1 0 0 1 0 0 0 0 1", "two of its axes have one direction"),
        ("0 0 0 1 0 0 0 0 1", "a space direction of it is zero"),
        ("1 0 0", "its TransformMatrix is '1 0 0'"),
    ):
        header = f"{start}TransformMatrix = {matrix}\nElementDataFile{end}"
        (tmp_path / "v.mhd").write_text(header)
        if message:
            assert message in refusal(tmp_path / "v.mhd")
            continue
        with pytest.warns(UserWarning, match="rotated in space; they are kept as stored"):
            image = read_image(tmp_path / "v.mhd")
        np.testing.assert_array_equal(np.stack(image.slices), STACK)


def mrc(array, mode, axes=(1, 2, 3), order="<", extended=b"", cell=(10.0, 20.0, 50.0), imod=None):
    """MRC2014 by its specification: sections, rows, columns; cell along x, y, z in angstrom."""
    header = bytearray(1024)
    counts = dict(zip(axes, array.shape[::-1], strict=True))
    struct.pack_into(f"{order}4i", header, 0, *array.shape[::-1], mode)
    sides = (counts[1], counts[2], counts[3])
    struct.pack_into(
        f"{order}3i3f", header, 28, *sides, *(n * e for n, e in zip(sides, cell, strict=True))
    )
    struct.pack_into(f"{order}3i", header, 64, *axes)
    struct.pack_into(f"{order}i", header, 92, len(extended))
    header[208:212] = b"MAP "
    header[212:214] = b"\x11\x11" if order == ">" else b"\x44\x44"
    if imod is not None:
        struct.pack_into(f"{order}2i", header, 152, 1146047817, imod)
    return bytes(header) + extended + array.tobytes()


@pytest.mark.parametrize(
    ("dtype", "mode", "order"),
    [
        ("i1", 0, "<"),
        ("<i2", 1, "<"),
        (">i2", 1, ">"),
        ("<f4", 2, "<"),
        ("<u2", 6, "<"),
        ("<f2", 12, "<"),
    ],
)
@pytest.mark.parametrize("axes", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_mrc(tmp_path, dtype, mode, order, axes):
    turned = STACK.transpose([3 - axis for axis in axes[::-1]]).astype(dtype)
    (tmp_path / "a.mrc").write_bytes(mrc(turned, mode, axes, order, extended=b"x" * 80))
    image = read_image(tmp_path / "a.mrc")
    np.testing.assert_array_equal(np.stack(image.slices), STACK)
    assert (image.spacing, *image.pixel_size) == pytest.approx((5e-9, 2e-9, 1e-9))


def test_mrc_bytes_of_imod_and_what_is_refused(tmp_path):
    bright = (STACK * 100).astype(np.uint8)
    (tmp_path / "a.mrc").write_bytes(mrc(bright, 0, imod=0))
    np.testing.assert_array_equal(np.stack(read_image(tmp_path / "a.mrc").slices), bright)
    whole = mrc(STACK, 0, cell=(0.0, 0.0, 0.0))
    (tmp_path / "b.mrc").write_bytes(whole)
    assert read_image(tmp_path / "b.mrc").pixel_size is None
    for damaged, message in (
        (whole[:1100], "cut off"),
        (whole[:100], "shorter than its header"),
        (mrc(STACK, 4), "MRC mode 4"),
        (mrc(STACK, 0)[:64] + struct.pack("<3i", 1, 1, 3) + mrc(STACK, 0)[76:], "its axes are"),
    ):
        (tmp_path / "c.mrc").write_bytes(damaged)
        assert message in refusal(tmp_path / "c.mrc")
    shutil.copy(tmp_path / "b.mrc", tmp_path / "b.rec")
    np.testing.assert_array_equal(np.stack(read_image(tmp_path / "b.rec").slices), STACK)
