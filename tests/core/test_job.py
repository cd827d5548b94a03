"""A recipe is resolved once: what happens to its files later changes nothing."""

import hashlib
from pathlib import Path

import attrs
import numpy as np
import pytest

from recon.core import Micrographs, Recipe, ReconError, catalog, resolve, sample_steps
from recon.core.options import values
from recon.workflow.pack_weights import pack_weights
from recon.workflow.provenance import collect_provenance

SHAPE = (8, 10, 12)
PLANE = np.random.default_rng(0).integers(0, 2, SHAPE[1:]).astype(np.uint8)
RECIPE = Recipe(denoiser="gaussian", harmonizer="none", steps=3, shape=SHAPE)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fit_weights(path, seed=0):
    rng = np.random.default_rng(seed)
    images = {plane: rng.random((3, 30, 30)) < 0.4 for plane in ("xy", "xz", "yz")}
    denoiser = catalog().build("denoiser", "gaussian")
    denoiser.fit(Micrographs(images))
    path.write_bytes(pack_weights(denoiser, {}))
    return path


def last(job):
    *_, state = sample_steps(job)
    return state.volume.labels


def test_an_anchor_that_is_edited_later_stays_what_it_was():
    np.save("slice.npy", PLANE)
    job = resolve(attrs.evolve(RECIPE, anchors=("xy:5=slice.npy",)))
    np.save("slice.npy", 1 - PLANE)
    assert np.array_equal(last(job)[5], PLANE)
    digest = collect_provenance(job, 0)["anchors_sha256"]["xy:5"]
    assert digest == hashlib.sha256(PLANE.tobytes()).hexdigest()
    Path("slice.npy").unlink()
    assert np.array_equal(last(job)[5], PLANE)


def test_weights_that_are_replaced_later_stay_what_they_were():
    recipe = attrs.evolve(RECIPE, weights=str(fit_weights(Path("w.safetensors"))))
    job, digest = resolve(recipe), hashlib.sha256(Path("w.safetensors").read_bytes()).hexdigest()
    before = last(job)
    fit_weights(Path("w.safetensors"), seed=1)
    assert np.array_equal(last(job), before)
    assert collect_provenance(job, 0)["weights_sha256"] == digest
    assert resolve(recipe).weights_sha256 != digest


def test_the_recipe_of_a_job_has_every_option_and_holds_from_anywhere(monkeypatch, tmp_path):
    np.save("slice.npy", PLANE)
    recipe = attrs.evolve(
        RECIPE, weights=str(fit_weights(Path("w.safetensors"))), anchors=("xy:5=slice.npy",)
    )
    job = resolve(recipe)
    for plugin in (job.denoiser, job.schedule, job.harmonizer):
        assert getattr(job.recipe, plugin.kind).options == values(plugin)
    assert [choice.name for choice in job.recipe.metrics] == [m.name for m in job.metrics]
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    again = resolve(Recipe.from_table(job.recipe.to_table()))
    assert again.recipe == job.recipe and np.array_equal(last(again), last(job))


def test_a_job_and_its_recipe_give_the_same_volume():
    *_, state = sample_steps(RECIPE)
    assert np.array_equal(last(resolve(RECIPE)), state.volume.labels)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"harmonizer": {"name": "none", "gama": 1}}, "unknown option of harmonizer none 'gama'"),
        ({"metrics": ["two-pint"]}, "unknown metric 'two-pint'; did you mean 'two-point'"),
        ({"anchors": ("xy:99=slice.npy",)}, r"anchor xy:99: place must be in \[0, 7\]"),
        ({"weights": "none.safetensors"}, "weights none.safetensors do not exist"),
    ],
)
def test_what_cannot_be_resolved_is_refused(change, message):
    with pytest.raises(ReconError, match=message):
        resolve(attrs.evolve(RECIPE, **change))


def test_weights_that_lack_a_plane_are_refused():
    images = np.random.default_rng(0).random((3, 30, 30)) < 0.4
    denoiser = catalog().build("denoiser", "gaussian")
    denoiser.fit(Micrographs({"xy": images, "xz": images}))
    Path("w.safetensors").write_bytes(pack_weights(denoiser, {}))
    with pytest.raises(ReconError, match="the weights know xy, xz only and a volume needs"):
        resolve(attrs.evolve(RECIPE, weights="w.safetensors"))
