"""A design in a folder: the search, then volumes that verify what it found."""

import json
from typing import Any

import attrs
import tomli_w

from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.core.job import Job, obtain_denoiser
from recon.core.sampling.device import resolve_device
from recon.core.sampling.threads import keep_threads
from recon.core.storage.atomic import atomic_output, remove
from recon.workflow.design.checks import check_bounds, check_targets
from recon.workflow.design.outcome import Verified, draw, verify, write_outcome, write_trials
from recon.workflow.design.response import Settings, choose_settings
from recon.workflow.design.search import (
    Design,
    Trial,
    count_volumes,
    import_optuna,
    is_same,
    make_volume,
    record_missed,
    search,
)
from recon.workflow.executors import Progress
from recon.workflow.folder import Folder
from recon.workflow.provenance import collect_provenance

ROUNDS = 3
"""Most settings that are verified."""
APART = 0.01
"""Relative difference of settings that are worth verifying after others."""
DEFINITION, TRIALS, OUTCOME, FIGURE = "design.toml", "trials.csv", "design.json", "design.png"


@attrs.frozen
class Outcome:
    """The settings found, and each target beside the volumes that verify it."""

    settings: Settings
    trials: int
    verified: list[Verified]


def check_folder(design: Design, folder: Folder, resume: bool) -> None:
    """ReconError when a folder that is locked holds anything but this design, to be resumed."""
    import_optuna()
    path = folder.path / DEFINITION
    if not path.exists():
        if any(folder.path.iterdir()):
            raise ReconError(f"{folder.path} holds something already; choose another out=")
    elif not resume:
        raise ReconError(f"{folder.path} holds a design; resume=True continues it")
    elif path.read_text(encoding="utf-8") != _define(design):
        raise ReconError(f"{folder.path} holds another design; choose another out=")


def _define(design: Design) -> str:
    """All that the search depends on, as TOML."""
    return tomli_w.dumps(
        {
            "targets": {target.key: target.value for target in design.targets},
            "vary": {one.key: [one.low, one.high] for one in design.parameters},
            "options": design.options,
            "samples": design.samples,
            "recipe": design.usual_recipe().to_table(),
        }
    )


def run_design(
    design: Design, folder: Folder, trials: int, verified: int, progress: Progress
) -> Outcome:
    """Search, then make `verified` volumes of the settings found, with seeds not used before.

    Where these miss a target they are one more trial, and the settings are chosen anew.
    """
    recipe = design.usual_recipe()
    check_bounds(design, recipe)
    check_targets(design, recipe)
    denoiser, sha256 = obtain_denoiser(recipe, resolve_device(recipe.device))
    if recipe.micrographs is None:
        check_targets(design, recipe, denoiser)
    lowest = {parameter.key: parameter.low for parameter in design.parameters}
    design.resolve(lowest, denoiser)  # what the recipe refuses, it refuses here
    with atomic_output(folder.path / DEFINITION, replace=True) as partial:
        partial.write_text(_define(design), encoding="utf-8")
    folder.state("journal").parent.mkdir(exist_ok=True)
    with keep_threads():
        journal = folder.state("journal")
        done = search(design, denoiser, trials, recipe.seed, journal, progress)
        while True:
            settings, used = choose_settings(design, done), count_volumes(done)
            job = design.resolve(settings.chosen, denoiser, sha256)
            _forget_others({"settings": settings.chosen, "first sample": used}, folder)
            volumes = []
            for number in range(verified):
                volumes.append(_verify_one(job, used + number, number, folder))
                progress("verify", number + 1, verified, "")
            values = design.measure(volumes)
            outcome = verify(design, settings.predicted, values)
            rounds = 1 + sum(trial.verifies for trial in done)
            if all(one.reached for one in outcome) or rounds >= ROUNDS:
                break
            missed = Trial(settings.chosen, values, verifies=True)
            following = choose_settings(design, [*done, missed])
            if is_same(following.chosen, settings.chosen, APART):
                break  # nothing better is to be expected elsewhere
            record_missed(design, missed, journal)
            done.append(missed)
        write_trials(folder.path / TRIALS, design, done)
    with atomic_output(folder.path / "recipe.toml", replace=True) as partial:
        job.recipe.save(partial)
    write_outcome(folder.path / OUTCOME, settings.chosen, outcome, len(done))
    draw(folder.path / FIGURE, design, done, settings.chosen, outcome)
    return Outcome(settings, len(done), outcome)


def _forget_others(verified: dict[str, Any], folder: Folder) -> None:
    """Remove volumes that verify what a shorter search has found."""
    note = folder.state("verified.json")
    text = json.dumps(verified, sort_keys=True)
    if not note.exists() or note.read_text(encoding="utf-8") != text:
        for path in folder.path.glob("*.zarr"):
            remove(path)
        with atomic_output(note, replace=True) as partial:
            partial.write_text(text, encoding="utf-8")


def _verify_one(job: Job, sample: int, number: int, folder: Folder) -> Volume:
    """A volume of the best settings, from the folder where it is there."""
    path = folder.path / f"{number:03d}.zarr"
    if path.exists():
        return Volume.open(path)
    volume = make_volume(job, sample)
    attrs.evolve(volume, provenance=collect_provenance(job, sample)).save(path)
    return volume
