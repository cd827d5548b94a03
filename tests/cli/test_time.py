"""--time: what was chosen at first holds when an interrupted training or run goes on."""

import json
from pathlib import Path

import numpy as np
import pytest

from recon.cli.run import choose_training as choose_for_run
from recon.cli.train import choose_training
from recon.core import Recipe
from recon.core.data.micrographs import Micrographs
from recon.core.kinds.denoiser import StepCost
from recon.core.recipe import Choice
from recon.plugins.denoisers.unet_ddpm import UnetDdpm
from recon.workflow.folder import STATE, Folder

RECIPE = Recipe(denoiser=Choice("unet-ddpm", {"preset": "tiny"}))


@pytest.fixture
def speed(monkeypatch):
    """Seconds of a step, which a test may change."""
    each = [0.1]
    costs = lambda self, micrographs, device: {"steps": StepCost(0.0, each[0])}  # noqa: E731
    monkeypatch.setattr(UnetDdpm, "time_steps", costs)
    return each


def steps(recipe):
    return recipe.denoiser.options["steps"]


def test_of_train(tmp_path, speed, micrographs):
    kept = tmp_path / "w.timed"
    images = Micrographs.open(micrographs)
    assert steps(choose_training(RECIPE, images, "100s", kept)) == 1000
    speed[0] = 0.2
    (tmp_path / "w.checkpoint").touch()
    assert steps(choose_training(RECIPE, images, "100s", kept)) == 1000
    assert steps(choose_training(RECIPE, images, None, kept)) == 1000
    (tmp_path / "w.checkpoint").unlink()  # interrupted before there was anything to go on from
    assert steps(choose_training(RECIPE, images, "100s", kept)) == 500


def test_of_run(tmp_path, speed, micrographs):
    given = Recipe(denoiser=RECIPE.denoiser, micrographs=str(micrographs))
    first = choose_for_run(given, "100s", None)["denoiser"]
    assert first["steps"] == 1000
    begun = Folder(tmp_path / "out")
    assert choose_for_run(given, "100s", begun)["denoiser"] == first  # nothing there yet
    speed[0] = 0.2
    (begun.path / STATE).mkdir(parents=True)
    request = Recipe.from_table({"denoiser": first}).to_table()
    (begun.path / STATE / "request.json").write_text(json.dumps(request))
    assert choose_for_run(given, "100s", begun)["denoiser"]["steps"] == 1000


@pytest.fixture
def micrographs(tmp_path) -> Path:
    image = np.random.default_rng(0).integers(0, 2, (64, 64), np.uint8)
    Micrographs({plane: [image] for plane in ("xy", "xz", "yz")}).save(tmp_path / "m.zarr")
    return tmp_path / "m.zarr"
