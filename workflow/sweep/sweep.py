"""A sweep in a folder: one ordinary run for every combination, then a table and a figure."""

import json
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs
import tomli_w

from recon.core.catalog import catalog
from recon.core.data.micrographs import Micrographs
from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.core.job import build, check_planes, resolve
from recon.core.options import options, rule
from recon.core.recipe import Recipe
from recon.core.storage.atomic import atomic_output
from recon.validation.comparison.compare import check_comparable, compare
from recon.validation.comparison.comparison import Comparison
from recon.workflow.conclude import find_embedded
from recon.workflow.executors import Progress
from recon.workflow.folder import STATE, Folder
from recon.workflow.run import check_recipe, run
from recon.workflow.sweep import figure as sweep_figure
from recon.workflow.sweep import table as sweep_table
from recon.workflow.sweep.combinations import Combination, Sweep
from recon.workflow.train import train

DEFINITION, TABLE, FIGURE = "sweep.toml", "table.csv", "sweep.png"
WEIGHTS = "weights"


def combine(definition: Sweep) -> list[Combination]:
    """The combinations, after refusing what a run of one of them would refuse at its start."""
    combinations = definition.combine()
    seen: list[tuple[Any, ...]] = []
    for recipe in (combination.recipe for combination in combinations):
        check_recipe(recipe)
        key = (recipe.denoiser, recipe.weights, recipe.micrographs, recipe.device)
        if key not in seen:
            seen.append(key)
            _check_sources(recipe)
    return combinations


def read_definition(path: Path) -> Sweep | None:
    """What the sweep in a folder is; None when there is none."""
    try:
        return Sweep.from_table(tomllib.loads((path / DEFINITION).read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (KeyError, TypeError, ValueError) as error:
        raise ReconError(f"{path / DEFINITION} is damaged: {error}; choose another out=") from None


def is_finished(path: Path) -> bool:
    """Whether the sweep that began in a folder has ended."""
    return (path / FIGURE).exists() and not (path / STATE).exists()


def begin_sweep(definition: Sweep, path: Path, resume: bool) -> None:
    """Note the sweep in a folder that is locked; ReconError when it holds anything else."""
    begun = read_definition(path)
    if begun is None:
        if any(child.name != f".{DEFINITION}.partial" for child in path.iterdir()):
            raise ReconError(f"{path} holds something already; choose another out=")
        with atomic_output(path / DEFINITION) as partial:
            partial.write_text(tomli_w.dumps(definition.to_table()), encoding="utf-8")
        return
    old, new = begun.to_table(), definition.to_table()
    if list(old["vary"].items()) != list(new["vary"].items()) or old != new:
        changed = [key for key in old if old[key] != new[key]] or ["the order of vary="]
        raise ReconError(
            f"{path} holds another sweep, it differs in {', '.join(changed)}; choose another out="
        )
    if not resume:
        state = "a finished" if is_finished(path) else "an unfinished"
        raise ReconError(f"{path} holds {state} sweep; resume=True continues it")


def sweep(
    definition: Sweep,
    combinations: list[Combination],
    folder: Folder,
    *,
    progress: Progress,
    classifier: bool = True,
    report: bool = True,
) -> list[dict[str, Any]]:
    """Do or go on with a sweep that has begun; returns the rows of its table.

    classifier  whether slices are given to a classifier to tell apart when volumes are compared

    A combination that a run refuses (its numbers overflow, say) does not stop the others; then
    the sweep stays unfinished and ends with a ReconError. Networks are trained when first
    needed, one for all combinations that differ in nothing that training depends on. With `report`
    every run has a page.
    """
    rows, failed = [], {}
    networks = Networks(definition, combinations, folder, progress)
    for place, combination in enumerate(combinations):
        course = _name_progress(combination, folder, f"{place + 1}/{len(combinations)}", progress)
        try:
            row = _make_row(combination, networks, folder, course, classifier, report)
        except ReconError as error:
            failed[combination.name] = str(error)
            continue
        rows.append(row)
        sweep_table.write(folder.path / TABLE, rows)
    if rows:
        with atomic_output(folder.path / FIGURE, replace=True) as partial:
            sweep_figure.draw(definition, rows, partial)
    if failed:
        each = "; ".join(f"{name}: {error}" for name, error in failed.items())
        raise ReconError(f"{len(failed)} of {len(combinations)} combinations failed: {each}")
    folder.end()
    return rows


@attrs.frozen
class Networks:
    """The denoisers that a sweep trains, each once, in the sweep's folder `weights`."""

    definition: Sweep
    combinations: list[Combination]
    folder: Folder
    progress: Progress

    def supply(self, recipe: Recipe) -> Recipe:
        """The recipe with the path of its weights; trains them if they are not there yet."""
        if recipe.weights is not None or recipe.micrographs is None:
            return recipe
        name = self._name(recipe)
        path = (self.folder.path / WEIGHTS / f"{name}.safetensors").absolute()
        if not path.exists():
            checkpoint = self.folder.state(f"{name}.training")
            checkpoint.parent.mkdir(exist_ok=True)

            def report(what: str, done: int, total: int, state: str) -> None:
                self.progress(what if name == "all" else f"{what} {name}", done, total, state)

            images = Micrographs.open(recipe.micrographs)
            train(recipe, images, path, checkpoint=checkpoint, progress=report)
            checkpoint.unlink(missing_ok=True)
        return attrs.evolve(recipe, weights=str(path))

    def _name(self, recipe: Recipe) -> str:
        """By the values that training depends on of the first combination that shares them."""
        key = list_training_inputs(recipe)
        first = next(c for c in self.combinations if list_training_inputs(c.recipe) == key)
        touching = {k: v for k, v in first.values.items() if _touches_training(k, first.recipe)}
        return self.definition.name_folder(touching) or "all"


def list_training_inputs(recipe: Recipe) -> tuple[Any, ...]:
    """All that training depends on: micrographs, seed, denoiser and its options."""
    denoiser = build("denoiser", recipe.denoiser)
    fixed = {k: getattr(denoiser, k) for k, v in options(type(denoiser)).items() if rule(v).trained}
    return recipe.micrographs, recipe.seed, denoiser.name, fixed


def _touches_training(key: str, recipe: Recipe) -> bool:
    table, dot, name = key.partition(".")
    if not dot:
        return key in ("micrographs", "seed", "denoiser")
    known = options(catalog().entry("denoiser", recipe.denoiser.name).cls)
    return table == "denoiser" and rule(known[name]).trained


def _check_sources(recipe: Recipe) -> None:
    """Refuse weights and micrographs that are missing or do not fit each other."""
    micrographs = Micrographs.open(recipe.micrographs) if recipe.micrographs else None
    if recipe.weights is None and micrographs is not None:
        check_planes("micrographs show", micrographs.planes)
        return
    material = resolve(recipe).denoiser.material
    if micrographs is not None and material is not None:
        check_comparable(material, micrographs)


def _make_row(
    combination: Combination,
    networks: Networks,
    folder: Folder,
    progress: Progress,
    classifier: bool,
    report: bool,
) -> dict[str, Any]:
    """A row of the table: kept from before, judged from volumes that are there, or made."""
    path = folder.state(f"{combination.name}.row.json")
    if path.exists():
        row: dict[str, Any] = json.loads(path.read_text())
        return row
    place = Folder(folder.path / combination.name)
    times = folder.state(f"{combination.name}.seconds.json")
    seconds = json.loads(times.read_text()) if times.exists() else {}

    def report_time(number: int, passed: float) -> None:
        seconds[str(number)] = passed
        with atomic_output(times, replace=True) as partial:
            partial.write_text(json.dumps(seconds))

    recipe = networks.supply(combination.recipe)
    with place.lock():
        if place.finished:
            comparison = _compare(recipe, place.path, classifier)
        else:
            conclusion = run(
                recipe,
                place,
                resume=True,
                classifier=classifier,
                report=report,
                progress=progress,
                report_time=report_time,
            )
            comparison = conclusion.comparison
    row = {
        "folder": combination.name,
        **combination.values,
        "seconds": sum(seconds.values()) / len(seconds) if seconds else None,
        **sweep_table.judge_row(comparison or _open_volumes(place.path)),
    }
    with atomic_output(path, replace=True) as partial:
        partial.write_text(json.dumps(row))
    return row


def _compare(recipe: Recipe, path: Path, classifier: bool) -> Comparison | None:
    """What the finished run in a folder had said at its end."""
    micrographs = Micrographs.open(recipe.micrographs) if recipe.micrographs else None
    reference = micrographs or find_embedded(recipe)
    if reference is None:
        return None
    return compare(_open_volumes(path), reference, classifier=classifier)


def _open_volumes(path: Path) -> list[Volume]:
    return [Volume.open(file) for file in _list_files(path)]


def _list_files(path: Path) -> Iterable[Path]:
    return sorted(path.glob("*.zarr"))


def _name_progress(
    combination: Combination, folder: Folder, place: str, progress: Progress
) -> Progress:
    """Steps of all samples of a combination as one course; what comes after takes seconds."""

    def report(what: str, done: int, total: int, state: str) -> None:
        if what.startswith("reconstruct"):
            made = len(list(_list_files(folder.path / combination.name)))
            samples = combination.recipe.samples
            progress(f"{combination.name} ({place})", made * total + done, samples * total, state)

    return report
