"""Hostile and broken images: refused in one line, before memory is taken or anything is waited for.

What images of each format and mode give is in tests/plugins/readers/test_images.py.
"""

import os
import pickle
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from recon.core import ReconError
from recon.core.readers import read_image

SLICE = np.random.default_rng(0).integers(0, 3, (20, 30), np.uint8)


def refusal(path, megabytes=20):
    """The message; to find it takes little memory."""
    tracemalloc.start()
    try:
        with pytest.raises(ReconError) as caught:
            read_image(path)
        assert tracemalloc.get_traced_memory()[1] < megabytes * 1e6
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["fifo", "/dev/zero", "nul"])
def test_what_is_no_file_is_not_waited_for(tmp_path, kind):
    os.mkfifo(tmp_path / "fifo")
    path = {"fifo": tmp_path / "fifo", "nul": tmp_path / "a\0b"}.get(kind, kind)
    expected = "cannot read image" if kind == "nul" else "pipe or a device; give a file"
    assert expected in refusal(path)


def png(columns, rows, data=b"", claimed=None):
    """An 8-bit grey PNG that declares a size, with right checksums."""

    def chunk(kind, body, length=None):
        crc = zlib.crc32(kind + body)
        return struct.pack(">I", length or len(body)) + kind + body + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    body = zlib.compress(data)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", body, claimed), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (png(100_000, 100_000), "at most 4GB, got 10GB; crop it or give fewer slices, or raise"),
        (png(60_000, 60_000), "is cut off"),
        (png(4, 4, bytes(20), claimed=2**31 - 1), "is cut off"),
        (png(0, 4), "damaged"),
    ],
    ids=["beyond the limit", "without data", "a long chunk", "of no width"],
)
def test_a_png_of_an_absurd_size_takes_no_memory(tmp_path, data, message):
    (tmp_path / "a.png").write_bytes(data)
    assert message in refusal(tmp_path / "a.png")


def overwritten(path, **values):
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        for name, value in values.items():
            tiff.pages[0].tags[name].overwrite(value)


@pytest.mark.parametrize("compression", [None, "zlib", "lzma"])
def test_a_tiff_that_declares_a_page_without_data_takes_no_memory(tmp_path, compression):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, SLICE, metadata=None, compression=compression)
    overwritten(path, ImageWidth=60000, ImageLength=60000, RowsPerStrip=60000)
    assert "is cut off" in refusal(path)
    overwritten(path, ImageWidth=0)
    assert "must not be empty" in refusal(path)


@pytest.mark.parametrize("compression", ["zlib", "lzma"])
def test_a_strip_that_unpacks_to_far_more_than_its_page_is_not_unpacked(tmp_path, compression):
    import lzma

    path = tmp_path / "a.tif"
    tifffile.imwrite(path, SLICE, metadata=None, compression=compression)
    zeros = bytes(160_000_000)
    bomb = zlib.compress(zeros, 1) if compression == "zlib" else lzma.compress(zeros, preset=0)
    place = path.stat().st_size
    with path.open("ab") as file:
        file.write(bomb)
    overwritten(path, StripOffsets=place, StripByteCounts=len(bomb))
    assert len(bomb) < 2_000_000
    assert "unpacks to more than its 600 bytes" in refusal(path)


def test_pages_that_follow_each_other_in_a_circle_end(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, SLICE, metadata=None)
    data = bytearray(path.read_bytes())
    (start,) = struct.unpack("<I", data[4:8])
    (count,) = struct.unpack("<H", data[start : start + 2])
    data[start + 2 + 12 * count : start + 6 + 12 * count] = struct.pack("<I", start)
    path.write_bytes(data)
    assert "damaged" in refusal(path)


def test_the_limit_is_the_users(tmp_path, monkeypatch):
    Image.fromarray(SLICE).save(tmp_path / "a.png")
    monkeypatch.setenv("RECON_MAX_IMAGE", "500")
    assert "must take at most 500B, got 600B" in refusal(tmp_path / "a.png")
    assert "raise the limit RECON_MAX_IMAGE" in refusal(tmp_path / "a.png")
    monkeypatch.setenv("RECON_MAX_IMAGE", "lots")
    assert "RECON_MAX_IMAGE: memory must be an amount" in refusal(tmp_path / "a.png")
    monkeypatch.setenv("RECON_MAX_IMAGE", "1GB")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5)
    assert read_image(tmp_path / "a.png").slices[0].shape == SLICE.shape
    assert Image.MAX_IMAGE_PIXELS == 5  # what others set is theirs


class Payload:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_pickle_in_an_npy_is_never_unpickled(tmp_path):
    payload = Payload(str(tmp_path / "done"))
    np.save(tmp_path / "a.npy", np.array([[payload]], object))
    assert "Python objects" in refusal(tmp_path / "a.npy")
    (tmp_path / "b.npy").write_bytes(pickle.dumps(payload))
    assert "neither bmp, h5, jpg, mhd, mrc, npy, nrrd, png" in refusal(tmp_path / "b.npy")
    assert not (tmp_path / "done").exists()


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_what_a_library_prints_about_a_damaged_image_stays_out_of_sight(tmp_path, suffix, capfd):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(SLICE).save(path, **({"compression": "jpeg"} if suffix == "tif" else {}))
    data = path.read_bytes()
    for place in range(20, len(data), 40):
        path.write_bytes(data[:place] + b"\xff\x00\xff" + data[place + 3 :])
        try:
            read_image(path)
        except ReconError as error:
            assert "\n" not in str(error)  # noqa: PT017
    assert capfd.readouterr() == ("", "")


def test_what_stands_in_the_place_of_a_preview_is_kept(tmp_path, recon):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "large.png").write_bytes(png(100_000, 100_000))
    (tmp_path / "broken.png").write_bytes(png(4, 4)[:40])
    Image.fromarray(SLICE).save(tmp_path / "a.tif")
    for name in ("pipe", "large", "broken"):
        arguments = ("--xy", "a.tif", "--preview", f"{name}.png", "--out", "m.zarr")
        assert "is no preview; choose another" in recon("import", *arguments, code=2).stderr
