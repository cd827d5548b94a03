"""A training that fits a time, by what its steps cost."""

import attrs
import pytest

from recon.core import Recipe, ReconError, Volume
from recon.core.job import build
from recon.core.kinds.denoiser import StepCost
from recon.core.recipe import Choice
from recon.plugins.denoisers.unet_ddpm import UnetDdpm
from recon.workflow.examples import EXAMPLES, cut
from recon.workflow.planning import training
from recon.workflow.planning.training import add_up, fit_into, parse_duration, time_training

COSTS = {"steps": StepCost(0.0, 0.1), "volume_steps": StepCost(100.0, 0.5)}


@pytest.fixture(scope="module")
def images():
    return cut(Volume(EXAMPLES["fibres"].generate((128, 64, 64))))


@pytest.fixture
def micrographs(images, monkeypatch):
    monkeypatch.setattr(UnetDdpm, "time_steps", lambda self, micrographs, device: COSTS)
    return images


def recipe(**options):
    return Recipe(denoiser=Choice("unet-ddpm", options))


@pytest.mark.parametrize(("seconds", "preset"), [(5400, "small"), (1500, "tiny")])
def test_the_training_takes_the_time_that_is_given(micrographs, seconds, preset):
    fitted, takes = fit_into(recipe(), micrographs, seconds)
    assert fitted.denoiser.options["preset"] == preset
    whole = add_up(build("denoiser", recipe(preset=preset).denoiser), COSTS)
    assert takes == pytest.approx(min(seconds, whole), abs=1)
    assert time_training(fitted, micrographs) == pytest.approx(takes)


def test_a_preset_that_is_given_stays(micrographs):
    fitted, takes = fit_into(recipe(preset="small"), micrographs, 900)
    assert fitted.denoiser.options["preset"] == "small" and takes == pytest.approx(900, abs=1)


def test_too_little_time_and_double_choices_are_refused(micrographs):
    with pytest.raises(
        ReconError, match="time= must be at least 8 min on this machine, got 2 min; for a trial"
    ):
        fit_into(recipe(), micrographs, 120)
    with pytest.raises(ReconError, match="time= chooses the denoiser's steps"):
        fit_into(recipe(steps=10), micrographs, 1000)
    other = attrs.evolve(recipe(), denoiser=Choice("gaussian"))
    with pytest.raises(ReconError, match="denoiser gaussian has no presets"):
        fit_into(other, micrographs, 1000)


def test_durations():
    assert [parse_duration(text) for text in ("90s", "15m", "1.5h", "2 min", 7.5, "30")] == [
        90,
        900,
        5400,
        120,
        7.5,
        30,
    ]
    for wrong in ("", "1d", "-3s", "0", "m"):
        with pytest.raises(ReconError, match="time= must be a duration such as 90s, 15m or 1h"):
            parse_duration(wrong)


@pytest.mark.slow
def test_steps_are_timed_on_this_machine(images):
    """A moment of the real thing: both parts cost something, and a denoiser that tells nothing
    is fitted."""
    costs = build("denoiser", Choice("unet-ddpm", {"width": 8})).time_steps(images, "cpu")
    assert costs["steps"].each > 0 and costs["steps"].before == 0
    assert costs["volume_steps"].each > 0 and costs["volume_steps"].before > 0
    assert training.time_training(Recipe(denoiser=Choice("gaussian")), images) > 0
