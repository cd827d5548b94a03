"""What figures and notebooks show of volumes and micrographs."""

import io

import numpy as np
from PIL import Image

from recon.core import Micrographs, Volume
from recon.core.data.colours import pick_colours
from recon.core.data.pictures import encode_png

LABELS = np.zeros((4, 6, 8), np.uint8)
LABELS[2, 3, :] = 1
LABELS[2, 0, 0] = 2


def test_a_picture_has_the_colour_of_each_phase():
    colours = pick_colours(3)
    picture = Image.open(io.BytesIO(encode_png(LABELS[2], colours))).convert("RGB")
    assert picture.size == (8, 6)
    for phase, (row, column) in enumerate(((1, 1), (3, 5), (0, 0))):
        rgb = picture.getpixel((column, row))
        assert "#{:02x}{:02x}{:02x}".format(*rgb) == colours[phase]


def test_a_figure_shows_the_middle_slice_of_each_plane_in_micrometres():
    volume = Volume(LABELS, (1e-6, 2e-6, 3e-6), ["pore", "a<b", "c"])
    axes = volume.plot().axes
    assert [one.get_title() for one in axes] == ["xy", "xz", "yz"]
    assert np.array_equal(axes[0].get_images()[0].get_array(), LABELS[2])
    assert np.array_equal(axes[1].get_images()[0].get_array(), LABELS[:, 3])
    assert axes[1].get_images()[0].get_extent() == [0.0, 24.0, 4.0, 0.0]
    assert axes[1].get_xlabel() == "x, µm"
    assert Volume(LABELS).plot().axes[0].get_xlabel() == "x, voxels"


def test_a_notebook_shows_shape_shares_and_names():
    page = Volume(LABELS, (1e-6,) * 3, ["pore", "a<b", "c"])._repr_html_()
    assert "4 x 6 x 8 voxels" in page
    assert "voxels of 1um" in page
    assert "a&lt;b 0.042" in page
    assert page.count("data:image/png;base64,") == 3
    micrographs = Micrographs({"xz": [LABELS[:, 3]]}, phases=["pore", "a<b", "c"])
    assert "slices: xz 1" in micrographs._repr_html_()
    assert [one.get_title() for one in micrographs.plot().axes] == ["xz"]
