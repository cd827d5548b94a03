"""The profile of graded micrographs: learnt, kept in the weights, followed where it lies."""

import logging

import attrs
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import recon
from recon.core import Micrographs, Recipe, ReconError, catalog, sample_steps
from recon.core.data.planes import NORMAL, PLANES
from recon.core.job import resolve
from recon.core.sampling.anchors import EncodedAnchor
from recon.core.sampling.scene import Scene
from recon.plugins.harmonizers.learnt_profile import LearntProfile, measure_profile, say_once
from recon.plugins.harmonizers.spectral import Spectral
from recon.workflow.pack_weights import pack_weights

LENGTH = 96
GRADED = {"axis": "z", "length": LENGTH, "fractions": [[0.7, 0.5, 0.4], [0.3, 0.5, 0.6]]}


def learn(graded=None):
    origin = {"graded": graded} if graded else None
    return measure_profile(Micrographs({"xz": [np.eye(4, dtype=np.uint8)]}, origin=origin))


def place(side, centre=0.5):
    learnt = LearntProfile.of(learn(GRADED))
    scene = Scene((1, side, 8, 8), (False,) * 3, 0.5, phases=("pore", "solid"))
    return learnt.place(scene, centre).fractions


def truth(places):
    return np.interp(places, [0, LENGTH / 2, LENGTH], GRADED["fractions"][1])


@pytest.mark.parametrize("side", [20, 96, 140])
def test_voxels_have_the_fraction_of_the_pixels_where_they_lie(side):
    """In the middle of the micrographs; beyond their edges that of the edge."""
    places = LENGTH / 2 - side / 2 + np.arange(side) + 0.5
    fractions = place(side)
    assert np.allclose(fractions[1], truth(places)) and np.allclose(fractions.sum(0), 1)


def test_another_part_of_the_micrographs_may_be_chosen():
    places = 0.2 * LENGTH - 10 + np.arange(20) + 0.5
    assert np.allclose(place(20, 0.2)[1], truth(places))


def test_a_material_that_is_not_graded_has_no_profile():
    assert learn() == {} and LearntProfile.of({}) is None


@pytest.mark.parametrize(
    "change",
    [
        {"axis": np.array([3])},
        {"length": np.array([0.0])},
        {"fractions": np.array([[0.5, 0.5], [0.4, 0.5]])},
        {"fractions": np.array([[1.0, 0.5], [0.0, 0.5]])},
        {"fractions": np.array([[0.5], [0.5]])},
    ],
)
def test_arrays_that_are_no_profile_are_refused(change):
    with pytest.raises(ReconError, match="must be a profile"):
        LearntProfile.of({**learn(GRADED), **change})


@pytest.fixture(scope="module")
def porous():
    """The job of the bundled weights, as if their micrographs had been graded."""
    recipe = Recipe(shape=(48, 40, 40), steps=20, weights="porous")
    job = resolve(attrs.evolve(recipe, harmonizer={"name": "spectral", "rounds": 0}))
    statistics = job.denoiser.material.statistics
    graded = {"axis": "z", "length": 96, "fractions": [[0.8, 0.5, 0.2], [0.2, 0.5, 0.8]]}
    arrays = {**statistics.arrays, "harmonizer.spectral": learn(graded)}
    material = attrs.evolve(
        job.denoiser.material, statistics=attrs.evolve(statistics, arrays=arrays)
    )
    job.denoiser.material = material
    return job


@pytest.mark.slow
def test_a_volume_follows_the_micrographs_at_every_position(porous, caplog):
    caplog.set_level(logging.INFO)
    say_once.cache_clear()
    *_, last = sample_steps(porous)
    along = (last.volume.labels == 1).mean((1, 2))
    wanted = np.interp(24 + np.arange(48) + 0.5, [0, 96], [0.2, 0.8])
    miss = np.convolve(along - wanted, np.ones(8) / 8, "valid")  # a feature's size
    assert abs(miss).max() < 0.01
    (notice,) = (r.getMessage() for r in caplog.records if "graded" in r.getMessage())
    assert "fraction of solid 0.35 to 0.65, voxels 24 to 72 of 96;" in notice
    assert "harmonizer.graded=false makes the fractions constant" in notice


def prepare(job, harmonizer=None, **given):
    scene = Scene(
        (1, 32, 24, 24), (False,) * 3, 0.5, job.denoiser.statistics, phases=("pore", "solid")
    )
    scene = attrs.evolve(scene, **given)
    return (harmonizer or Spectral()).prepare(scene).fractions.shape


def test_it_can_be_turned_off_and_gives_way_to_what_is_asked_for(porous):
    assert prepare(porous) == (2, 32, 1, 1)
    assert prepare(porous, Spectral(graded=False)) == (2,)
    assert prepare(porous, Spectral(fraction=(0.6, 0.4))) == (2,)
    assert prepare(porous, Spectral(profile=(0.3, 0.4), profile_axis="y")) == (2, 1, 24, 1)


def test_a_volume_without_ends_or_with_anchors_is_not_graded(porous, caplog):
    caplog.set_level(logging.INFO)
    say_once.cache_clear()
    assert prepare(porous, periodic=(True, False, False)) == (2,)
    assert "a volume that is periodic along z is not" in caplog.text
    values = porous.denoiser.material.statistics.mean
    anchor = EncodedAnchor(0, 5, np.broadcast_to(values[:, None, None], (1, 24, 24)))
    assert (
        LearntProfile.of(learn(GRADED)).suits(
            Scene((1, 32, 24, 24), (False,) * 3, 0.5, anchors=(anchor,))
        )
        is False
    )
    assert "a volume that has anchors is not" in caplog.text


@pytest.mark.filterwarnings("ignore::recon.imaging.load.ImageNotice")
@pytest.mark.slow
def test_graded_images_give_graded_volumes(tmp_path):
    """From images to weights in a file, and to a volume."""
    field = gaussian_filter(np.random.default_rng(0).normal(size=(128, 96, 96)), 2.0)
    wanted = np.linspace(0.25, 0.55, len(field))
    labels = np.empty(field.shape, np.uint8)
    for z, share in enumerate(wanted):
        labels[z] = field[z] > np.quantile(field, 1 - share)
    stacks = {plane: np.moveaxis(labels, NORMAL[plane], 0)[::6] for plane in PLANES}
    micrographs = recon.load_images(**stacks, voxel_size="1um")
    micrographs.save(tmp_path / "graded.zarr")
    micrographs = Micrographs.open(tmp_path / "graded.zarr")
    assert micrographs.origin["graded"]["axis"] == "z"
    denoiser = catalog().build("denoiser", "gaussian")
    denoiser.fit(micrographs)
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(pack_weights(denoiser, {}))
    *_, last = sample_steps(
        Recipe(shape=(64, 32, 32), steps=15, denoiser="gaussian", weights=str(weights))
    )
    along = last.volume.labels.mean((1, 2))
    miss = along - np.interp(32 + np.arange(64) + 0.5, [0, 128], [0.25, 0.55])
    assert abs(np.convolve(miss, np.ones(16) / 16, "valid")).max() < 0.06
    assert along[-16:].mean() - along[:16].mean() > 0.08
