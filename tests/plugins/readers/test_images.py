import struct
import zlib

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image, ImageOps
from scipy.ndimage import gaussian_filter

from recon.core import ReconError
from recon.core.readers import read_image

STACK = np.random.default_rng(0).integers(0, 3, (6, 20, 30), dtype=np.uint8)
SLICE = STACK[0]


def refusal(path):
    with pytest.raises(ReconError) as caught:
        read_image(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def only(path):
    (image,) = read_image(path).slices
    return image


@pytest.mark.parametrize("mode", ["L", "1", "LA", "RGB", "RGBA", "I;16"])
def test_png_modes_of_grey_pixels(tmp_path, mode):
    mask = (SLICE > 0).astype(np.uint8) * 255
    picture = Image.fromarray(mask.astype(np.uint16) if mode == "I;16" else mask)
    picture.convert(mode, dither=Image.Dither.NONE).save(tmp_path / "a.png")
    np.testing.assert_array_equal(only(tmp_path / "a.png") > 0, SLICE > 0)


def test_16_bits_of_a_png_are_kept(tmp_path):
    values = SLICE.astype(np.uint16) * 20000
    Image.fromarray(values).save(tmp_path / "a.png")
    np.testing.assert_array_equal(only(tmp_path / "a.png"), values)


def paletted(path, palette):
    picture = Image.fromarray(SLICE).convert("P")
    picture.putdata(SLICE.ravel().tolist())
    picture.putpalette(palette)
    picture.save(path)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_palette_of_colours_gives_indices_and_one_of_greys_gives_greys(tmp_path, suffix):
    colours, greys = tmp_path / f"colours.{suffix}", tmp_path / f"greys.{suffix}"
    paletted(colours, [255, 0, 0, 0, 255, 0, 0, 0, 255])
    paletted(greys, [200] * 3 + [100] * 3 + [0] * 3)
    np.testing.assert_array_equal(only(colours), SLICE)
    np.testing.assert_array_equal(only(greys), np.array([200, 100, 0])[SLICE])


PHOTOGRAPH = np.random.default_rng(1).integers(0, 256, (20, 30, 3), dtype=np.uint8)
LUMINANCE = PHOTOGRAPH @ [0.2125, 0.7154, 0.0721]


@pytest.mark.filterwarnings("ignore:.*if they are slices, save the stack")
@pytest.mark.parametrize("kind", ["png", "tif", "npy", "rgba png", "lzw tif", "planar tif"])
def test_colours_give_their_luminance(tmp_path, kind):
    path = tmp_path / "a"
    opaque = np.full((20, 30, 1), 255, np.uint8)
    match kind:
        case "npy":
            with path.open("wb") as file:
                np.save(file, PHOTOGRAPH)
        case "rgba png":
            Image.fromarray(np.concatenate([PHOTOGRAPH, opaque], -1)).save(path, "png")
        case "lzw tif":
            Image.fromarray(PHOTOGRAPH).save(path, "tiff", compression="tiff_lzw")
        case "planar tif":
            planes = PHOTOGRAPH.transpose(2, 0, 1)
            tifffile.imwrite(path, planes, photometric="rgb", planarconfig="separate")
        case _:
            Image.fromarray(PHOTOGRAPH).save(path, {"png": "png", "tif": "tiff"}[kind])
    read = read_image(path)
    (image,) = read.slices
    assert read.coloured
    assert image.dtype == np.uint8
    np.testing.assert_allclose(image, LUMINANCE, atol=0.5)


def test_equal_channels_are_no_colours(tmp_path):
    Image.fromarray(np.repeat(SLICE[..., None], 3, -1)).save(tmp_path / "a.png")
    assert not read_image(tmp_path / "a.png").coloured


def test_labels_in_colours_that_grey_cannot_tell_apart_are_refused(tmp_path):
    colours = np.array([[0, 0, 0], [255, 0, 0], [0, 76, 0]], np.uint8)  # red 54.2, green 54.4
    Image.fromarray(colours[SLICE]).save(tmp_path / "a.png")
    assert "3 colours, of which some are equally bright" in refusal(tmp_path / "a.png")
    colours[2] = 0, 255, 0
    Image.fromarray(colours[SLICE]).save(tmp_path / "b.png")
    np.testing.assert_array_equal(only(tmp_path / "b.png"), np.array([0, 54, 182])[SLICE])


def test_channels_that_are_no_colours_are_refused(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif", PHOTOGRAPH.transpose(2, 0, 1), imagej=True, metadata={"axes": "CYX"}
    )
    assert "3 channels that differ" in refusal(tmp_path / "a.tif")


def test_partial_transparency_is_refused(tmp_path):
    Image.fromarray(np.stack([SLICE, SLICE, SLICE, SLICE + 1], -1)).save(tmp_path / "a.png")
    assert "transparent in part" in refusal(tmp_path / "a.png")


def test_16_bit_colours_are_refused_because_the_low_byte_would_be_lost(tmp_path):
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" + bytes([0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1]))
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b"")]
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    assert "16-bit colour" in refusal(tmp_path / "a.png")


def test_an_animated_png_is_refused(tmp_path):
    frames = [Image.fromarray(image * 100) for image in STACK]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    assert "animated" in refusal(tmp_path / "a.png")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "zlib", "predictor": True},
        {"bigtiff": True},
        {"byteorder": ">"},
        {"imagej": True},
        {"imagej": True, "metadata": {"axes": "ZYX"}},
        {"imagej": True, "metadata": {"axes": "TYX"}},
        {"ome": True},
    ],
    ids=str,
)
def test_a_tiff_stack_is_slices_along_its_first_axis(tmp_path, options):
    tifffile.imwrite(tmp_path / "a.tif", STACK, **options)
    slices = read_image(tmp_path / "a.tif").slices
    np.testing.assert_array_equal(np.stack(slices), STACK)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "uint16", "int32", "float32"])
def test_tiff_values_are_taken_as_stored(tmp_path, dtype):
    tifffile.imwrite(tmp_path / "a.tif", (SLICE > 0).astype(dtype), photometric="minisblack")
    np.testing.assert_array_equal(only(tmp_path / "a.tif"), SLICE > 0)


def test_tiff_pages_may_differ_in_size_and_a_thumbnail_is_left_out(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(SLICE, contiguous=False)
        writer.write(SLICE[:9], contiguous=False)
        writer.write(SLICE[::2, ::2], contiguous=False, subfiletype=1)
    assert [image.shape for image in read_image(tmp_path / "a.tif").slices] == [(20, 30), (9, 30)]


@pytest.mark.parametrize("mode", ["L", "I;16", "1", "RGB"])
def test_tiff_compressed_by_lzw(tmp_path, mode):
    pages = [(image > 0).astype(np.uint8) * 255 for image in STACK]
    pictures = [
        Image.fromarray(page.astype(np.uint16) if mode == "I;16" else page).convert(mode)
        for page in pages
    ]
    path = tmp_path / "a.tif"
    pictures[0].save(path, compression="tiff_lzw", save_all=True, append_images=pictures[1:])
    np.testing.assert_array_equal(np.stack(read_image(path).slices) > 0, STACK > 0)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_where_zero_is_white_values_are_turned_around(tmp_path, dtype, compression):
    picture = (SLICE > 0) if dtype == "bool" else SLICE.astype(dtype)
    top = 1 if dtype == "bool" else np.iinfo(dtype).max
    stored = ~picture if dtype == "bool" else top - picture
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="miniswhite", compression=compression)
    with pytest.warns(UserWarning, match="a.tif: 0 is white"):
        np.testing.assert_array_equal(only(tmp_path / "a.tif"), picture)


@pytest.mark.parametrize("mode", ["L", "1"])
def test_lzw_with_white_as_zero_shows_what_pillow_shows(tmp_path, mode):
    path = tmp_path / "a.tif"
    picture = Image.fromarray((SLICE > 0).astype(np.uint8) * 255).convert(mode)
    picture.save(path, compression="tiff_lzw", tiffinfo={262: 0})
    np.testing.assert_array_equal(only(path) > 0, SLICE > 0)


def test_white_as_zero_that_has_no_meaning_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", SLICE.astype(np.float32), photometric="miniswhite")
    assert "0 is white, which has no meaning for float32" in refusal(tmp_path / "a.tif")
    packed = Image.fromarray(SLICE.astype(np.uint16))
    packed.save(tmp_path / "b.tif", compression="tiff_lzw", tiffinfo={262: 0})
    assert "save it uncompressed" in refusal(tmp_path / "b.tif")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_is_turned_as_its_tag_says(tmp_path, orientation):
    tifffile.imwrite(
        tmp_path / "a.tif",
        SLICE,
        extratags=[(274, 3, 1, orientation, True)],
        resolution=(2, 4),
        description="ImageJ=1.54f\nunit=um\n",
        metadata=None,
    )
    image = read_image(tmp_path / "a.tif")
    upright = Image.fromarray(SLICE)
    upright.getexif()[274] = orientation
    np.testing.assert_array_equal(image.slices[0], ImageOps.exif_transpose(upright))
    assert image.pixel_size == ((2.5e-7, 5e-7) if orientation < 5 else (5e-7, 2.5e-7))


def blobs(side):
    """A picture of blobs some 8 pixels wide."""
    noise = np.random.default_rng(side).normal(size=(side, side))
    smooth = gaussian_filter(noise, 3, mode="wrap")
    return (np.digitize(smooth / smooth.std(), [-0.4, 0.4]) * 100).astype(np.uint8)


@pytest.mark.parametrize("how", ["sampled", "averaged", "sampled at centres"])
def test_a_page_that_is_another_one_reduced_is_left_out(tmp_path, how):
    large = blobs(96)
    means = large.reshape(24, 4, 24, 4).mean((1, 3)).astype(np.uint8)
    small = {"sampled": large[::4, ::4], "averaged": means, "sampled at centres": large[2::4, 2::4]}
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for page in (small[how], large, blobs(48)):
            writer.write(page, contiguous=False)
    with pytest.warns(UserWarning, match=r"1 of its 3 pages are smaller copies \(24 x 24\)"):
        image = read_image(tmp_path / "a.tif")
    assert [part.shape for part in image.slices] == [(96, 96), (48, 48)]


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.7, 0.95])
def test_a_truncated_tiff_is_refused_and_never_read_in_part(tmp_path, compression, share):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        for image in STACK:
            writer.write(image, compression=compression, contiguous=False)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    assert "damaged" in refusal(path)


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_a_truncated_lzw_stack_is_refused(tmp_path, share, capfd):
    path = tmp_path / "a.tif"
    pictures = [Image.fromarray(image) for image in STACK]
    pictures[0].save(path, compression="tiff_lzw", save_all=True, append_images=pictures[1:])
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    assert "damaged" in refusal(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("suffix", ["png", "npy"])
def test_a_truncated_png_or_npy_is_refused(tmp_path, suffix, share):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(SLICE).save(path) if suffix == "png" else np.save(path, STACK)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    assert "damaged" in refusal(path)


@pytest.mark.parametrize("start", [b"\x89PNG", b"II*\0", b"MM\0*", b"\x93NUMPY"])
@given(rest=st.binary(max_size=60))
def test_garbage_is_refused(tmp_path_factory, start, rest):
    path = tmp_path_factory.mktemp("garbage") / "a"
    path.write_bytes(start + rest)
    assert str(path) in refusal(path)


def test_files_that_are_no_images_are_refused(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("x")
    assert "does not exist" in refusal(tmp_path / "none.png")
    assert "is empty" in refusal(tmp_path / "empty.png")
    assert "neither bmp, h5, " in refusal(tmp_path / "text.png")
    assert "is a folder" in refusal(tmp_path)


@given(arrays(np.int16, array_shapes(min_dims=2, max_dims=3, min_side=5, max_side=7)))
def test_npy_is_a_slice_or_a_stack(tmp_path_factory, array):
    path = tmp_path_factory.mktemp("npy") / "a.npy"
    np.save(path, np.asfortranarray(array).astype(">i2"))
    slices = read_image(path).slices
    np.testing.assert_array_equal(np.stack(slices) if array.ndim == 3 else slices[0], array)
    assert all(image.dtype.isnative for image in slices)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((0, 5), np.uint8), "empty"),
        (np.zeros((3, 0, 5), np.uint8), "empty"),
        (np.zeros(5, np.uint8), "2D"),
        (np.zeros((2, 2, 2, 5), np.uint8), "2D"),
        (np.array([[0, np.nan]]), "NaN"),
        (np.array([[0, np.inf]]), "infinity"),
        (np.zeros((5, 5), complex), "complex128"),
        (np.array([["a", "b"]]), "integers or real numbers"),
        (np.zeros((5, 5), "datetime64[s]"), "integers or real numbers"),
        (np.array([[0, None]]), "Python objects"),
    ],
    ids=str,
)
def test_arrays_that_are_no_slices_are_refused(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array)
    assert message in refusal(tmp_path / "a.npy")


def test_nan_in_a_tiff_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.full((5, 5), np.nan, np.float32))
    assert "NaN" in refusal(tmp_path / "a.tif")


def test_more_axes_than_a_stack_has_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", STACK.reshape(2, 3, 20, 30), photometric="minisblack")
    assert "stack of slices (3D)" in refusal(tmp_path / "a.tif")


def test_an_absurd_size_is_refused_before_it_is_allocated(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", SLICE, metadata=None)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as tiff:
        for name in ("ImageWidth", "ImageLength", "RowsPerStrip"):
            tiff.pages[0].tags[name].overwrite(2**20)
    assert "at most 4GB" in refusal(tmp_path / "a.tif")
    header = {"descr": "|u1", "fortran_order": False, "shape": (2**30, 2**30)}
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(100))
    assert "damaged" in refusal(tmp_path / "a.npy")


def test_a_decompression_bomb_is_refused(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(SLICE).save(path)
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", 100_000, 100_000)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    path.write_bytes(data)
    assert "at most 4GB, got 10GB" in refusal(path)


def test_a_large_but_reasonable_png_is_read_without_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", SLICE.size - 1)
    Image.fromarray(SLICE).save(tmp_path / "a.png")
    np.testing.assert_array_equal(only(tmp_path / "a.png"), SLICE)


def imagej(unit, rows=0.4, columns=0.4):
    return {"imagej": True, "resolution": (1 / columns, 1 / rows), "metadata": {"unit": unit}}


def ome(**sizes):
    return {
        "ome": True,
        "metadata": {f"PhysicalSize{name}": value for name, value in sizes.items()},
    }


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (imagej("um", 0.5, 0.4), (5e-7, 4e-7)),
        (imagej(r"\u00B5m"), (4e-7, 4e-7)),
        (imagej("micron", 0.398, 0.398), (3.98e-7, 3.98e-7)),
        (imagej("inch", 1 / 72, 1 / 72), None),
        (imagej("pixel", 1, 1), None),
        ({"resolution": (300, 300), "resolutionunit": "INCH"}, None),
        (ome(X=0.4, Y=500, YUnit="nm"), (5e-7, 4e-7)),
        (ome(X=0.4), None),
        (ome(), None),
    ],
    ids=str,
)
def test_the_pixel_size_that_imagej_and_ome_state(tmp_path, options, expected):
    tifffile.imwrite(tmp_path / "a.tif", STACK, **options)
    assert read_image(tmp_path / "a.tif").pixel_size == expected


def test_the_distance_of_slices_that_imagej_and_ome_state(tmp_path):
    options = imagej("um")
    options["metadata"] |= {"spacing": 0.7, "axes": "ZYX"}
    tifffile.imwrite(tmp_path / "a.tif", STACK, **options)
    tifffile.imwrite(tmp_path / "b.tif", STACK, **ome(X=0.4, Y=0.4, Z=0.7))
    tifffile.imwrite(tmp_path / "c.tif", STACK, **imagej("um"))
    spacings = [read_image(tmp_path / f"{name}.tif").spacing for name in "abc"]
    assert spacings == [7e-7, 7e-7, None]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("unit=um\nzunit=nm\nspacing=20.0", (2e-8, 4e-7, 4e-7)),
        ("unit=um\nyunit=nm\nspacing=2", (2e-6, 4e-10, 4e-7)),
        ("unit=micron\nspacing=-1.2", (1.2e-6, 4e-7, 4e-7)),
        ("unit=\\u00B5m\nspacing=0.4", (4e-7, 4e-7, 4e-7)),
        ("unit=\u00c5\nspacing=3", (3e-10, 4e-11, 4e-11)),
        ("unit=nanometers\nzunit=pixel\nspacing=3", (None, 4e-10, 4e-10)),
    ],
)
def test_calibration_as_imagej_writes_it(tmp_path, lines, expected):
    """FileSaver.getDescriptionString: y and z may have units of their own."""
    text = f"ImageJ=1.54f\nimages=6\nslices=6\n{lines}\nloop=false\n"
    tifffile.imwrite(
        tmp_path / "a.tif",
        STACK,
        description=text.encode("latin-1", "replace"),
        resolution=(2.5, 2.5),
        metadata=None,
    )
    image = read_image(tmp_path / "a.tif")
    assert (image.spacing, *image.pixel_size) == pytest.approx(expected)


def test_imagej_leaves_out_a_depth_of_one(tmp_path):
    text = "ImageJ=1.54f\nimages=6\nslices=6\nunit=um\nloop=false\n"
    for name, pixels in (("a", 2.5), ("b", 1.0)):
        tifffile.imwrite(
            tmp_path / f"{name}.tif",
            STACK,
            description=text,
            resolution=(pixels,) * 2,
            metadata=None,
        )
    with pytest.warns(UserWarning, match="slices lie 1 um apart"):
        assert read_image(tmp_path / "a.tif").spacing == 1e-6
    assert read_image(tmp_path / "b.tif").spacing == 1e-6


@pytest.mark.parametrize(
    ("unit", "metres"),
    [("\u00c5", 1e-10), ("Mm", 1e6), ("mm", 1e-3), ("thou", 2.54e-5), ("pm", 1e-12)],
)
def test_units_of_ome_differ_in_upper_and_lower_case(tmp_path, unit, metres):
    sizes = {axis: 2.0 for axis in "XYZ"} | {f"{axis}Unit": unit for axis in "XYZ"}
    tifffile.imwrite(tmp_path / "a.tif", STACK, **ome(**sizes))
    image = read_image(tmp_path / "a.tif")
    assert (image.spacing, *image.pixel_size) == pytest.approx((2 * metres,) * 3)


@pytest.mark.parametrize(
    ("tag", "text", "expected"),
    [
        (34682, "[Scan]\r\nPixelWidth=2e-009\r\nPixelHeight=3e-009\r\n", (3e-9, 2e-9)),
        (34118, "0\r\nAP_IMAGE_PIXEL_SIZE\r\nImage Pixel Size = 12.5 nm\r\n", (1.25e-8,) * 2),
        (34682, "[Scan]\r\nDwell=1\r\n", None),
    ],
)
def test_the_pixel_size_that_electron_microscopes_state(tmp_path, tag, text, expected):
    tifffile.imwrite(tmp_path / "a.tif", SLICE, metadata=None, extratags=[(tag, 2, None, text)])
    assert read_image(tmp_path / "a.tif").pixel_size == expected


def test_xml_that_grows_without_bound_is_refused(tmp_path):
    """Ten entities of ten each: 10^10 letters, were they written out."""
    entities = ['<!ENTITY e0 "x">']
    entities += [f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 11)]
    grown = f"<!DOCTYPE OME [{''.join(entities)}]><OME><Pixels>&e10;</Pixels></OME>"
    tifffile.imwrite(
        tmp_path / "a.ome.tif", SLICE, metadata=None, description=f"<?xml version='1.0'?>{grown}"
    )
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tiff:
        assert tiff.is_ome
    with pytest.raises(ReconError, match="damaged: .* amplification"):
        read_image(tmp_path / "a.ome.tif")
