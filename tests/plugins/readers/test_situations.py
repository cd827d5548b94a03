"""What the specifications of the formats allow, one situation a test; some by others' writers."""

import struct
import warnings

import h5py
import nrrd
import numpy as np
import pytest
import tifffile
import vtk
from PIL import Image
from vtk.util.numpy_support import numpy_to_vtk

from recon.core import ReconError
from recon.core.readers import read_image

STACK = np.random.default_rng(0).integers(0, 256, (3, 20, 24), dtype=np.uint8)
SLICE = STACK[0]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.tif"


def refusal(path):
    with pytest.raises(ReconError) as caught:
        read_image(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def check(image, slices, size=None):
    """Slices as they were, and lengths (z, y, x) or (y, x) in metres."""
    np.testing.assert_array_equal(np.stack(image.slices), np.reshape(slices, (-1, 20, 24)))
    if size is None:
        assert image.pixel_size is None and image.spacing is None
    else:
        z = () if len(size) == 2 else (image.spacing,)
        assert (*z, *image.pixel_size) == pytest.approx(size)


# TIFF 6.0


def test_three_pages_without_axes_are_told_of(path):
    tifffile.imwrite(path, STACK, photometric="rgb", planarconfig="separate")
    with pytest.warns(UserWarning, match="if they are slices, save the stack with axes='ZYX'"):
        image = read_image(path)
    assert image.coloured and len(image.slices) == 1
    for pages in (STACK.clip(0, 1), np.concatenate([STACK, STACK[:1]])):  # colours alike, opacity
        tifffile.imwrite(path, pages, photometric="rgb", planarconfig="separate")
        assert "if its pages are slices, save the stack with axes='ZYX'" in refusal(path)
    for options in ({"imagej": True}, {"ome": True}):
        tifffile.imwrite(path, STACK, **options)  # axes are then CYX
        assert "if they are slices, the stack with axes='ZYX'" in refusal(path)
        tifffile.imwrite(path, STACK, metadata={"axes": "ZYX"}, **options)
        assert len(read_image(path).slices) == 3


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_equal_colours_in_both_planar_configurations(path, planar):
    channels = np.stack([SLICE] * 3, 0 if planar == "separate" else -1)
    tifffile.imwrite(path, channels, photometric="rgb", planarconfig=planar)
    check(read_image(path), SLICE)


@pytest.mark.parametrize("photometric", ["ycbcr", "cielab", "separated"])
def test_colours_that_are_not_red_green_and_blue_are_refused(path, photometric):
    count = 4 if photometric == "separated" else 3
    tifffile.imwrite(path, np.stack([SLICE] * count, -1), photometric=photometric)
    assert "save it as RGB or grey" in refusal(path)


@pytest.mark.parametrize(("unit", "dots"), [(1, 1), (2, 300), (2, 25400), (3, 10000)])
def test_bare_resolutions_in_no_unit_inch_and_centimetre_are_not_believed(path, unit, dots):
    tifffile.imwrite(path, SLICE, resolution=(dots, dots), resolutionunit=unit)
    check(read_image(path), SLICE)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixel_sizes_are_turned_with_the_image(path, orientation):
    resolution = (1 / 0.2, 1 / 0.3)  # of columns and of rows as stored
    tifffile.imwrite(
        path,
        SLICE,
        imagej=True,
        resolution=resolution,
        metadata={"unit": "um"},
        extratags=[(274, "H", 1, orientation, True)],
    )
    size = (2e-7, 3e-7) if orientation > 4 else (3e-7, 2e-7)
    assert read_image(path).pixel_size == pytest.approx(size)


def test_reduced_versions_in_sub_ifds_are_no_slices(path):
    with tifffile.TiffWriter(path) as writer:
        for image in STACK:
            writer.write(image, subifds=2, photometric="minisblack")
            for step in (2, 4):
                writer.write(image[::step, ::step], subfiletype=1, photometric="minisblack")
    check(read_image(path), STACK)


def test_a_mask_page_is_no_slice(path):
    with tifffile.TiffWriter(path) as writer:
        writer.write(SLICE, photometric="minisblack", metadata=None)
        writer.write(SLICE > 99, subfiletype=4, photometric="mask", metadata=None)
    check(read_image(path), SLICE)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("big", [False, True])
def test_both_orders_of_bytes_tiles_and_bigtiff(path, order, big):
    data = STACK.astype(np.uint16) * 200
    tifffile.imwrite(
        path, data, byteorder=order, bigtiff=big, tile=(16, 16), photometric="minisblack"
    )
    check(read_image(path), data)


def test_horizontal_differences_and_deflate(path):
    tifffile.imwrite(path, SLICE, compression="zlib", predictor=2)
    check(read_image(path), SLICE)


def test_negative_numbers_of_tomography(path):
    data = STACK.astype(np.int16) - 1000
    tifffile.imwrite(path, data, photometric="minisblack")
    check(read_image(path), data)


# ImageJ


def test_an_imagej_hyperstack_of_times_and_slices_is_refused(path):
    tifffile.imwrite(path, np.stack([STACK] * 2), imagej=True, metadata={"axes": "TZYX"})
    assert "stack of slices" in refusal(path)
    tifffile.imwrite(path, STACK[None, :, None], imagej=True, metadata={"axes": "TZCYX"})
    check(read_image(path), STACK)


def test_times_alone_are_slices_of_unknown_distance(path):
    tifffile.imwrite(
        path,
        STACK,
        imagej=True,
        resolution=(5, 5),
        metadata={"axes": "TYX", "unit": "um", "finterval": 0.5},
    )
    image = read_image(path)
    assert image.spacing is None
    check(image, STACK, (2e-7, 2e-7))


@pytest.mark.parametrize(
    ("unit", "length"),
    [("\\u00B5m", 2e-7), ("micron", 2e-7), ("microns", 2e-7), ("pixel", None), ("inch", None)],
)
def test_units_as_imagej_writes_them(path, unit, length):
    tifffile.imwrite(path, SLICE, imagej=True, resolution=(5, 5), metadata={"unit": unit})
    check(read_image(path), SLICE, length and (length, length))


def test_an_imagej_stack_behind_a_single_directory(path):
    """As ImageJ writes what is larger than 4 GB: the number of images stands in its text."""
    text = b"ImageJ=1.54f\nimages=3\nslices=3\nunit=um\nspacing=0.7\n\0"
    tifffile.imwrite(path, SLICE, description=text, metadata=None, resolution=(5, 5))
    with tifffile.TiffFile(path) as tiff:
        start = tiff.pages[0].dataoffsets[0]
        assert start + SLICE.nbytes == path.stat().st_size
    with path.open("ab") as file:
        file.write(STACK[1:].tobytes())
    check(read_image(path), STACK, (7e-7, 2e-7, 2e-7))


# OME


@pytest.mark.parametrize(
    ("unit", "length"),
    [("Å", 1e-10), ("nm", 1e-9), ("mm", 1e-3), ("pixel", None), ("reference frame", None)],
)
def test_units_of_ome(path, unit, length):
    sizes = {f"PhysicalSize{axis}": 40 for axis in "XYZ"}
    units = {f"PhysicalSize{axis}Unit": unit for axis in "XYZ"}
    tifffile.imwrite(path, STACK, ome=True, metadata={"axes": "ZYX", **sizes, **units})
    check(read_image(path), STACK, length and (40 * length,) * 3)


def test_ome_without_a_unit_is_in_micrometres(path):
    sizes = {"PhysicalSizeX": 0.2, "PhysicalSizeY": 0.3, "PhysicalSizeZ": 0.7}
    tifffile.imwrite(path, STACK, ome=True, metadata={"axes": "ZYX", **sizes})
    check(read_image(path), STACK, (7e-7, 3e-7, 2e-7))


# npy


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_npy_of_every_version_in_fortran_order_and_big_endian(tmp_path, version):
    data = np.asfortranarray(STACK.astype(">u2") * 100)
    with (tmp_path / "a.npy").open("wb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.lib.format.write_array(file, data, version)
    check(read_image(tmp_path / "a.npy"), data)


# MRC and MetaImage


def make_mrc(data, *, cell=(0, 0, 0), counts=(0, 0, 0), extended=0, order="<", mode=0):
    header = bytearray(1024)
    struct.pack_into(f"{order}4i", header, 0, *data.shape[::-1], mode)
    struct.pack_into(f"{order}3i", header, 28, *counts)
    struct.pack_into(f"{order}3f", header, 40, *cell)
    struct.pack_into(f"{order}3i", header, 64, 1, 2, 3)
    struct.pack_into(f"{order}i", header, 92, extended)
    header[208:214] = b"MAP " + (b"\x44\x44" if order == "<" else b"\x11\x11")
    return bytes(header) + b"x" * extended + data.tobytes()


@pytest.mark.parametrize("extended", [0, 80, 1024, 131072])
def test_extended_headers_of_mrc(tmp_path, extended):
    data = STACK.astype(np.int8)
    content = make_mrc(data, extended=extended, cell=(240, 400, 90), counts=(24, 20, 3))
    (tmp_path / "a.mrc").write_bytes(content)
    check(read_image(tmp_path / "a.mrc"), data, (3e-9, 2e-9, 1e-9))


def test_an_mrc_cut_from_a_larger_cell_in_big_endian(tmp_path):
    data = (STACK * 100.0).astype(">f4")
    content = make_mrc(data, cell=(480, 800, 180), counts=(48, 40, 6), order=">", mode=2)
    (tmp_path / "a.mrc").write_bytes(content)
    check(read_image(tmp_path / "a.mrc"), data, (3e-9, 2e-9, 1e-9))


def test_an_mrc_of_several_volumes_is_refused_and_one_of_slices_is_read(tmp_path):
    content = bytearray(make_mrc(STACK.astype(np.int8), counts=(8, 6, 1)))
    struct.pack_into("<i", content, 88, 401)  # the space group of stacks of volumes
    (tmp_path / "a.mrc").write_bytes(content)
    assert f"holds {len(STACK)} volumes; save one of them" in refusal(tmp_path / "a.mrc")
    struct.pack_into("<i", content, 88, 0)  # of stacks of images
    (tmp_path / "a.mrc").write_bytes(content)
    assert len(read_image(tmp_path / "a.mrc").slices) == len(STACK)


def test_an_mrc_without_a_cell_and_one_with_an_absurd_header(tmp_path):
    (tmp_path / "a.mrc").write_bytes(make_mrc(STACK.astype(np.int8)))
    check(read_image(tmp_path / "a.mrc"), STACK.astype(np.int8))
    (tmp_path / "b.mrc").write_bytes(make_mrc(STACK.astype(np.int8), extended=0)[:-1])
    assert "cut off" in refusal(tmp_path / "b.mrc")


def test_metaimage_of_two_axes_big_endian_behind_a_header(tmp_path):
    data = (SLICE.astype(np.int16) - 500).astype(">i2")
    (tmp_path / "a.raw").write_bytes(b"\0" * 100 + data.tobytes())
    (tmp_path / "a.mhd").write_text(
        "ObjectType = Image\nNDims = 2\nDimSize = 24 20\nHeaderSize = -1\n"
        "BinaryDataByteOrderMSB = True\nElementType = MET_SHORT\n"
        "ElementSpacing = 0.002 0.003\nElementDataFile = a.raw\n"
    )
    check(read_image(tmp_path / "a.mhd"), data, (3e-6, 2e-6))


# Other programs' writers


def make_vtk(array, spacing=(1e-4, 2e-4, 5e-4)):
    image = vtk.vtkImageData()
    image.SetDimensions(*array.shape[::-1])
    image.SetSpacing(*spacing)
    image.GetPointData().SetScalars(numpy_to_vtk(array.ravel(), deep=True))
    return image


def flip(array):
    """VTK counts rows of PNG and BMP from the bottom."""
    return np.ascontiguousarray(array[..., ::-1, :])


@pytest.mark.parametrize("compression", [0, 1])
def test_a_tiff_of_vtk(path, compression):
    """vtkTIFFWriter: none, PackBits; its resolution is that of its spacing, and bare."""
    writer = vtk.vtkTIFFWriter()
    writer.SetInputData(make_vtk(STACK))
    writer.SetFileName(str(path))
    writer.SetCompression(compression)
    writer.Write()
    check(read_image(path), STACK)


@pytest.mark.parametrize(("suffix", "name"), [("png", "vtkPNGWriter"), ("bmp", "vtkBMPWriter")])
def test_pictures_of_vtk(tmp_path, suffix, name):
    writer = getattr(vtk, name)()
    writer.SetInputData(make_vtk(flip(SLICE)[None]))
    writer.SetFileName(str(tmp_path / f"a.{suffix}"))
    writer.Write()
    check(read_image(tmp_path / f"a.{suffix}"), SLICE)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_deflate", "packbits"])
def test_a_stack_of_pillow(path, compression):
    first, *rest = map(Image.fromarray, STACK)
    first.save(path, save_all=True, append_images=rest, compression=compression, dpi=(300, 300))
    check(read_image(path), STACK)


@pytest.mark.parametrize("encoding", ["raw", "gzip"])
def test_nrrd_of_3d_slicer(tmp_path, encoding):
    """As Slicer writes it: left-posterior-superior, millimetres, directions, kinds, an origin."""
    header = {
        "space": "left-posterior-superior",
        "kinds": ["domain"] * 3,
        "space directions": np.diag([-2e-4, -3e-4, 7e-4]),
        "space origin": [1.0, 2.0, 3.0],
        "space units": ["mm"] * 3,
        "encoding": encoding,
        "endian": "big",
    }
    nrrd.write(str(tmp_path / "a.nrrd"), STACK.astype(">u2"), header, index_order="C")
    check(read_image(tmp_path / "a.nrrd"), STACK, (7e-7, 3e-7, 2e-7))


def test_hdf5_chunked_compressed_and_of_five_axes(tmp_path):
    """t, z, y, x, c as ilastik stores it, by h5py."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset(
            "exported_data", data=STACK[None, ..., None], chunks=True, compression="gzip"
        )
    check(read_image(tmp_path / "a.h5"), STACK)
