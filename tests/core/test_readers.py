"""Which reader reads a file, and what is held against what it returned."""

import numpy as np
import pytest
from PIL import Image

from recon.core import ReconError, catalog
from recon.core.readers import find_reader, read_image

READER = """
import numpy as np
from pathlib import Path
import attrs
from recon.core import ImageFile, Reader, hookimpl

@attrs.frozen
class Foreign(Reader):
    '''A format of its own.'''
    name = "foreign"
    suffixes = (".png", ".ome.foreign")
    {choice}
    def read(self, path):
        return {value}

@hookimpl
def recon_readers():
    return [Foreign]
"""
ONES = "ImageFile(path, np.ones((3, 4, 5), bool), (1e-6, 2e-6), 3e-6)"


@pytest.fixture
def foreign(installed):
    """A function that installs a reader."""

    def install(choice="", value=ONES):
        installed("recon-foreign", READER.format(choice=choice, value=value))

    return install


def test_a_foreign_format_is_read_by_its_first_bytes_whatever_its_name(foreign, tmp_path):
    foreign("signatures = (b'FORE',)")
    (tmp_path / "a.tif").write_bytes(b"FOREIGN")
    image = read_image(tmp_path / "a.tif")
    assert [part.shape for part in image.slices] == [(4, 5)] * 3
    assert image.slices[0].dtype == np.uint8
    assert (image.pixel_size, image.spacing) == ((1e-6, 2e-6), 3e-6)


def test_a_format_without_first_bytes_is_read_by_its_suffix(foreign, tmp_path):
    foreign()
    (tmp_path / "A.OME.Foreign").write_bytes(b"x")
    assert find_reader(tmp_path / "A.OME.Foreign").name == "foreign"
    Image.fromarray(np.eye(8, dtype=np.uint8)).save(tmp_path / "a.png")
    assert find_reader(tmp_path / "a.png").name == "png"


def test_a_folder_is_read_by_the_files_in_it(foreign, tmp_path):
    foreign("members = ('index.foreign',)")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "index.foreign").touch()
    assert find_reader(tmp_path / "a").name == "foreign"
    with pytest.raises(ReconError, match="is a folder; give the images in it"):
        find_reader(tmp_path)


def test_two_readers_of_the_same_bytes_are_told_by_the_suffix_or_refused(foreign, tmp_path):
    foreign("signatures = (b'\\x89PNG',)")
    for name in ("a.ome.foreign", "a.data", "a.png"):
        Image.fromarray(np.eye(8, dtype=np.uint8)).save(tmp_path / name, "png")
    assert find_reader(tmp_path / "a.ome.foreign").name == "foreign"
    for name in ("a.data", "a.png"):
        with pytest.raises(ReconError) as caught:
            find_reader(tmp_path / name)
        assert str(caught.value) == (
            f"two plugins of kind reader for {name}: foreign of recon-foreign and png of "
            "microrecon; uninstall one or set RECON_DISABLED_PLUGINS"
        )


def test_a_broken_package_is_told_where_no_reader_is_found(installed, tmp_path):
    installed("recon-broken", "raise OSError('no license')")
    (tmp_path / "a.czi").write_bytes(b"ZISRAW")
    with pytest.warns(UserWarning, match="left out"):
        catalog()
    with pytest.raises(
        ReconError,
        match="neither bmp, .* zarr nor zip.*recon-broken: OSError",
    ):
        read_image(tmp_path / "a.czi")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("np.ones((3, 4))", "reader foreign must return an ImageFile, got array"),
        ("ImageFile(path, np.full((2, 2), np.nan))", "must hold finite numbers"),
        ("ImageFile(path, np.ones((2, 2), complex))", "must hold integers or real numbers"),
        ("ImageFile(path, [np.ones((0, 2))])", "must not be empty"),
        ("ImageFile(path, np.ones((2, 2, 2, 2)))", "must be a slice"),
        ("1 / 0", "is damaged: division by zero; save it again"),
    ],
)
def test_what_a_reader_returns_is_checked(foreign, tmp_path, value, message):
    foreign(value=value)
    (tmp_path / "a.ome.foreign").write_bytes(b"x")
    with pytest.raises(ReconError, match=message):
        read_image(tmp_path / "a.ome.foreign")
