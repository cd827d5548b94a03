import numpy as np
import pytest
from PIL import Image

from recon.core.data.colours import pick_colours
from recon.imaging.picture import Picture
from recon.imaging.preparation import ImportOptions, prepare
from recon.imaging.preview import draw_preview, is_preview

RNG = np.random.default_rng(0)
TRUTH = np.kron(RNG.integers(0, 3, (10, 12)), np.ones((8, 8), int))


def share_of(picture, colour):
    wanted = np.array(list(bytes.fromhex(colour[1:])))
    return (np.abs(picture.astype(int) - wanted).max(-1) < 8).mean()


@pytest.mark.parametrize("grey", [True, False])
def test_the_picture_shows_every_phase(tmp_path, grey):
    image = 50 + 70 * TRUTH + RNG.normal(0, 5, TRUTH.shape) if grey else TRUTH
    pictures = {plane: [Picture(image, "a.png", (1e-7, 1e-7))] * 2 for plane in ("xy", "yz")}
    prepared = prepare(pictures, ImportOptions(phases=3))
    draw_preview(prepared, "title", tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    panels = 2 * TRUTH.size * (3.2 * 110 / 96) ** 2 / pixels[..., 0].size
    for k, colour in enumerate(pick_colours(3)):
        least = 0.8 * panels * (k == TRUTH).mean()
        assert share_of(pixels, colour) > least
    assert is_preview(tmp_path / "a.png")


@pytest.mark.parametrize(
    "image",
    [
        np.where(TRUTH > 0, 255, 0).astype(np.uint8),
        pytest.param(
            np.repeat(np.arange(255, dtype=np.uint8)[None], 40, 0), marks=pytest.mark.slow
        ),
        np.full((40, 40), 1e-30) * RNG.random((40, 40)),
        RNG.random((17, 900)) * 1e9,
        np.arange(50.0)[:, None],
    ],
    ids=["binary", "255 phases", "tiny values", "long", "one column"],
)
def test_odd_images_are_drawn_without_a_warning(tmp_path, image):
    phases = min(255, len(np.unique(image))) if image.dtype == np.uint8 else 2
    prepared = prepare({"xz": [Picture(image, "a" * 80)]}, ImportOptions(phases=phases))
    draw_preview(prepared, "title", tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 5000


def test_other_files_are_no_previews(tmp_path):
    Image.fromarray(TRUTH.astype(np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("x")
    assert not is_preview(tmp_path / "a.png")
    assert not is_preview(tmp_path / "b.png")
