import base64
import io
import json
import zlib

import numpy as np
import pytest
from PIL import Image

from recon.core import Micrographs, Volume
from recon.validation.report.solid import SIDE, Body, View, encode_png, picture_phase
from recon.validation.report.solids import picture_solids
from recon.validation.report.viewer import IMAGES, VOLUMES, build_viewer
from recon.validation.report.viewer import SIDE as SHOWN


def pixels(image):
    return np.asarray(image.convert("RGBA")).astype(int)


def filled(axis, n=16):
    """A cube whose half at low coordinates along an axis (z, y, x) is phase 1."""
    return Volume((np.indices((n, n, n))[axis] < n // 2).astype(np.uint8))


def coloured(image):
    """Where a picture in pure red shows the phase."""
    rgba = pixels(image)
    return (rgba[..., 3] > 128) & (rgba[..., 0] > 1.5 * rgba[..., 2])


def test_a_full_cube_is_a_hexagon_with_three_faces_of_different_light():
    image = picture_phase(Volume(np.ones((16, 16, 16), int)), 1, "#ff0000")
    assert image.size == (2 * SIDE, 2 * SIDE)
    rgba, shown = pixels(image), coloured(image)
    size = len(rgba)
    top, front, side = (
        rgba[size // 4, size // 2],
        rgba[6 * size // 10, size // 4],
        rgba[size // 2, 4 * size // 5],
    )
    assert top[0] > front[0] > side[0]
    assert 0.4 < shown.mean() < 0.8 and not shown[0].any() and not shown[:, 0].any()


@pytest.mark.parametrize("axis, edge", [(0, "low"), (1, "left"), (2, "left")])
def test_what_lies_at_low_coordinates_is_seen_low_or_left(axis, edge):
    whole = coloured(picture_phase(Volume(np.ones((16, 16, 16), int)), 1, "#ff0000"))
    half = coloured(picture_phase(filled(axis), 1, "#ff0000"))
    assert not (half & ~whole).any() and half.sum() < whole.sum()
    down, right = (np.argwhere(half).mean(0) - np.argwhere(whole).mean(0)).round()
    assert (down > 0) if edge == "low" else (right < 0)


def test_a_ball_is_round_and_of_its_size():
    n = 48
    z, y, x = np.indices((n, n, n)) - (n - 1) / 2
    ball = Volume((z**2 + y**2 + x**2 < 12**2).astype(np.uint8))
    places = np.argwhere(coloured(picture_phase(ball, 1, "#ff0000")))
    height, width = np.ptp(places, axis=0)
    whole = np.argwhere(coloured(picture_phase(Volume(np.ones((n, n, n), int)), 1, "#ff0000")))
    # The box spans n (right . (1, 1, 1)) across; the ball 24 voxels.
    across = np.ptp(whole[:, 1]) / (n * np.abs(View.of().right).sum())
    assert height == pytest.approx(width, rel=0.03)
    assert width / across == pytest.approx(24, rel=0.05)


def test_slopes_point_out_of_a_ball():
    n = 32
    z, y, x = np.indices((n, n, n)) - (n - 1) / 2
    body = Body.of(z**2 + y**2 + x**2 < 10**2, (1.0,) * 3)
    direction = np.array([[1.0, 0, 0], [0, -1, 0], [0.6, 0, 0.8]])
    result = body.slope(0.5 + direction * 10 / n)
    np.testing.assert_allclose(result, direction, atol=0.1)


def test_voxels_are_as_long_as_they_are():
    flat = Volume(np.ones((8, 32, 32), int), (1e-6, 1e-6, 1e-6))
    tall = Volume(np.ones((8, 32, 32), int), (4e-6, 1e-6, 1e-6))
    heights = [
        np.ptp(np.argwhere(coloured(picture_phase(v, 1, "#ff0000")))[:, 0]) for v in (flat, tall)
    ]
    assert heights[1] > 1.3 * heights[0]


def test_large_volumes_are_averaged_in_blocks():
    body = Body.of(np.ones((10, 200, 97), bool), (1.0, 1.0, 1.0))
    assert body.field.shape == (33, 67, 4) and np.allclose(body.field, 1)
    np.testing.assert_allclose(body.size.max(), 1)


def test_the_picture_keeps_what_is_empty_see_through():
    image = Image.open(io.BytesIO(encode_png(picture_phase(filled(0), 1, "#22334f"))))
    rgba = pixels(image)
    assert rgba[2, 2, 3] == 0 and (rgba[..., 3] > 240).mean() > 0.2


@pytest.mark.slow
def test_every_phase_is_pictured_and_the_reference_when_it_is_a_volume():
    whole = Volume(np.indices((12, 12, 12)).sum(0) % 2, phases="abc")
    part = Volume(whole.labels[:6, :6, :6], phases="abc")
    alone = picture_solids([part], Micrographs({"xy": [whole.labels[0]]}, phases="abc"))
    assert [(s.phase, s.of) for s in alone] == [(0, ""), (1, "")]  # phase c does not occur
    beside = picture_solids([part], whole)
    assert [s.of for s in beside] == ["volume", "reference"] * 2
    assert "Phase b of the reference" in beside[3].alt and "50%" in beside[3].alt


def unpacked(text, shape):
    labels = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)
    return labels.reshape(shape)


def test_the_viewer_has_the_labels_of_all_volumes():
    volumes = [Volume(np.random.default_rng(k).integers(0, 3, (4, 5, 6))) for k in range(2)]
    made = build_viewer(volumes, None)
    content = json.loads(made.json)
    assert content["shape"] == [4, 5, 6] and content["planes"] == {} and made.notes == []
    for volume, text in zip(volumes, content["volumes"], strict=True):
        np.testing.assert_array_equal(unpacked(text, volume.shape), volume.labels)
    assert [(s.plane, s.right, s.down, s.axis, s.count) for s in made.sliders] == [
        ("xy", "x", "y", "z", 4),
        ("xz", "x", "z", "y", 5),
        ("yz", "y", "z", "x", 6),
    ]


def test_a_large_volume_is_cut_to_its_middle_and_the_page_says_so():
    labels = np.zeros((2, 3, SHOWN + 10), np.uint8)
    labels[..., 5:-5] = 1
    made = build_viewer([Volume(labels)], None)
    content = json.loads(made.json)
    assert content["shape"] == [2, 3, SHOWN] and content["first"] == [0, 0, 5]
    assert unpacked(content["volumes"][0], content["shape"]).all()
    assert f"middle 2 × 3 × {SHOWN} voxels" in made.notes[0]


def test_many_volumes_are_cut_to_the_first_and_the_page_says_so():
    made = build_viewer([Volume(np.zeros((2, 2, 2), int))] * (VOLUMES + 3), None)
    assert len(made.volumes) == len(json.loads(made.json)["volumes"]) == VOLUMES
    assert f"first {VOLUMES} of {VOLUMES + 3}" in made.notes[0]


def test_images_of_micrographs_are_windows_with_their_places():
    image = np.arange(6 * 8).reshape(6, 8).astype(np.uint8) % 5
    micrographs = Micrographs({"xy": [image, image[::-1]], "yz": [image[:2, :2]]})
    volume = Volume(np.zeros((3, 3, 4), int), phases="abcde")
    content = json.loads(build_viewer([volume], micrographs).json)
    xy, yz = content["planes"]["xy"], content["planes"]["yz"]
    assert xy["said"][0] == "micrograph 1 of 2, part 1 of 4" and len(xy["said"]) == 8
    assert xy["shapes"] == [[3, 4]] * 8
    np.testing.assert_array_equal(unpacked(xy["labels"], (8, 3, 4))[0], image[:3, :4])
    assert yz["said"] == ["micrograph 1 of 1"] and yz["shapes"] == [[2, 2]]
    assert "xz" not in content["planes"]


def test_slices_of_a_reference_volume_are_its_middle():
    labels = np.random.default_rng(0).integers(0, 2, (200, 8, 9))
    reference = Volume(labels, (2e-6, 1e-6, 1e-6))
    made = build_viewer([Volume(labels[:4, :4, :5], (2e-6, 1e-6, 1e-6))], reference)
    xy = json.loads(made.json)["planes"]["xy"]
    assert len(xy["said"]) == IMAGES == made.sliders[0].images
    place = int(xy["said"][5].split("=")[1].split(",")[0])
    assert xy["said"][5].endswith(f"{2 * place} µm")
    np.testing.assert_array_equal(
        unpacked(xy["labels"], (IMAGES, 4, 5))[5], labels[place, 2:6, 2:7]
    )


def test_names_cannot_leave_the_script():
    made = build_viewer([Volume(np.zeros((2, 2, 2), int), phases=["</script><b>"])], None)
    assert "<" not in made.json and json.loads(made.json)["phases"] == ["</script><b>"]
