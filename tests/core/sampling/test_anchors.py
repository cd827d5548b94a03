import numpy as np
import pytest
from PIL import Image

from recon.core import Recipe, ReconError, sample_steps
from recon.core.anchor_images import read_anchors
from recon.core.job import resolve
from recon.core.recipe import Choice

SHAPE = (12, 16, 20)
LABELS = np.random.default_rng(0).integers(0, 3, SHAPE).astype(np.uint8)


def saved(path, labels):
    np.save(path, labels)
    return path


@pytest.fixture
def images(tmp_path):
    """Slices of one volume on all planes, as the texts of anchors."""
    xy = saved(tmp_path / "xy.npy", LABELS[5])
    xz = saved(tmp_path / "xz.npy", LABELS[:, 7])
    yz = saved(tmp_path / "yz.npy", LABELS[:, :, 19])
    return (f"xy:5={xy}", f"xz:7={xz}", f"yz:19={yz}")


def test_slices_of_one_volume_cross_without_contradiction(images):
    anchors = read_anchors(images, SHAPE, 3)
    assert [anchor.name for anchor in anchors] == ["xy:5", "xz:7", "yz:19"]
    assert np.array_equal(anchors[2].labels, LABELS[:, :, 19])


def test_other_values_are_phases_in_ascending_order(tmp_path):
    Image.fromarray(np.where(LABELS[5] == 1, 255, 10).astype(np.uint8)).save(tmp_path / "a.png")
    (anchor,) = read_anchors([f"xy:0={tmp_path / 'a.png'}"], SHAPE, 2)
    assert np.array_equal(anchor.labels, LABELS[5] == 1)


def test_an_anchor_may_lack_a_phase(tmp_path):
    path = saved(tmp_path / "a.npy", np.minimum(LABELS[5], 1))
    (anchor,) = read_anchors([f"xy:0={path}"], SHAPE, 3)
    assert anchor.labels.max() == 1


@pytest.mark.parametrize(
    ("text", "labels", "message"),
    [
        ("xy5=a.npy", LABELS[5], "must be PLANE:PLACE=IMAGE"),
        ("zx:5=a.npy", LABELS[5], "the plane one of xy, xz, yz, got 'zx:5"),
        ("xy:12=a.npy", LABELS[5], r"place must be in \[0, 11\] along z, got 12"),
        ("xy:5=b.npy", LABELS[5], "does not exist"),
        ("xy:5=a.npy", LABELS, "must be one slice, got 12"),
        (
            "xy:5=a.npy",
            LABELS[5].T,
            r"16 x 20 .* 20 x 16; crop it or give shape=\(12, 20, 16\)",
        ),
        ("xy:5=a.npy", LABELS[5] + 0.5, r"must hold the labels 0\.\.2"),
        ("xy:5=a.npy", 2 * LABELS[5] // 4 + 7, r"got values 7, 8 in"),
        ("xy:5=a.npy", np.arange(320).reshape(16, 20), r"got 320 values in .*`recon import`"),
    ],
)
def test_what_cannot_be_an_anchor_is_refused(tmp_path, text, labels, message):
    saved(tmp_path / "a.npy", labels)
    with pytest.raises(ReconError, match=message):
        read_anchors([text.replace("=", f"={tmp_path}/")], SHAPE, 3)


def test_anchors_that_contradict_each_other_are_refused(tmp_path, images):
    other = LABELS[:, 8].copy()
    wrong = (other[5] != LABELS[5, 7]).sum()
    path = saved(tmp_path / "other.npy", other)
    with pytest.raises(ReconError, match=f"xy:5 and xz:7 must agree .* got {wrong} voxels"):
        read_anchors([images[0], f"xz:7={path}"], SHAPE, 3)
    with pytest.raises(ReconError, match="xy:5 is given twice"):
        read_anchors([images[0], images[0]], SHAPE, 3)


@pytest.mark.parametrize("harmonizer", ["none", "gamma-blend", "spectral"])
def test_every_sampler_keeps_the_anchors_voxel_for_voxel(tmp_path, harmonizer):
    labels = (LABELS == 0).astype(np.uint8)
    anchors = (
        f"xy:0={saved(tmp_path / 'xy.npy', labels[0])}",
        f"yz:3={saved(tmp_path / 'yz.npy', labels[:, :, 3])}",
    )
    recipe = Recipe(
        shape=SHAPE,
        steps=6,
        anchors=anchors,
        denoiser=Choice("gaussian"),
        harmonizer=Choice(harmonizer),
    )
    *_, state = sample_steps(recipe, denoiser=resolve(recipe).denoiser)
    assert np.array_equal(state.volume.labels[0], labels[0])
    assert np.array_equal(state.volume.labels[:, :, 3], labels[:, :, 3])
    assert (state.volume.labels[6] != labels[6]).mean() > 0.2  # elsewhere it is another


def test_the_recipe_of_a_volume_names_its_anchors(tmp_path):
    recipe = Recipe(anchors=(f"xy:0={tmp_path}/a.npy",))
    assert Recipe.from_table(recipe.to_table()) == recipe
    with pytest.raises(ReconError, match="anchor must be PLANE:PLACE=IMAGE"):
        Recipe(anchors=("a.npy",))
