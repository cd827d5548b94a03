"""A whole run in a folder: train if need be, reconstruct, measure, compare, report."""

import contextlib
import json
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import attrs
import xarray as xr

from recon.core import weights
from recon.core.anchor_images import read_anchors
from recon.core.bundled import bundled, weights_path
from recon.core.catalog import catalog
from recon.core.data.anchor import make_anchor_absolute
from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import PLANES
from recon.core.errors import ReconError
from recon.core.kinds import Denoiser, Harmonizer
from recon.core.options import values
from recon.core.recipe import PATHS, Choice, Recipe
from recon.core.sampler import torch_device
from recon.core.sampling.processes import world
from recon.core.sampling.threads import keep_threads
from recon.core.storage.atomic import atomic_output
from recon.imaging.plane_check.plane_check import warn_of_planes
from recon.validation.comparison.compare import check_comparable, compare
from recon.validation.comparison.comparison import Comparison
from recon.validation.ensemble import summarize_all
from recon.validation.report import write_report
from recon.workflow import sample_table
from recon.workflow.central_part import middles
from recon.workflow.checks import checks
from recon.workflow.examples import EXAMPLES, example
from recon.workflow.executors import Executor, Failed, Made, Measured, Order, Progress, Results
from recon.workflow.executors.local import Local
from recon.workflow.folder import REPORT, Folder
from recon.workflow.provenance import changed, circumstances, provenance, versions

COMPARISON = "comparison.json"
"""Verdict, errors and sampling errors against the micrographs, in the folder of a run."""

SAMPLES = "samples.csv"
"""A row a sample of several, in the folder of a run."""

LOCAL = Local()


def check(recipe: Recipe) -> None:
    """Refuse unknown plugins and options before any work is done."""
    for kind in ("denoiser", "schedule", "harmonizer"):
        choice: Choice = getattr(recipe, kind)
        catalog().build(kind, choice.name, **choice.options)
    for choice in recipe.metrics:
        catalog().build("metric", choice.name, **choice.options)
    for choice in recipe.properties:
        catalog().build("property", choice.name, **choice.options)
    torch_device(recipe.device)


def run(
    recipe: Recipe,
    folder: Folder,
    *,
    resume: bool,
    progress: Progress,
    timed: Callable[[int, float], None] = lambda number, seconds: None,
    executor: Executor = LOCAL,
) -> tuple[Recipe, Comparison | None, dict[str, xr.Dataset]]:
    """Do or go on with a run in a folder that is taken.

    Returns the resolved recipe, how the volumes compare with the micrographs if there are any, and
    of several samples the ensemble of every property.

    timed     called with the number and the seconds of each sample made, before its file is there;
              one that goes on from a state is told as if all its steps had been made now
    executor  where samples are made and measured

    Leaves volume.zarr (or 000.zarr, 001.zarr, ... and samples.csv), recipe.toml,
    measurements.json, report.html, comparison.json when there are micrographs, and
    weights.safetensors when it had to train.
    """
    micrographs = Micrographs.open(recipe.micrographs) if recipe.micrographs else None
    own = (folder.path / "weights.safetensors").absolute()
    if recipe.weights is None and micrographs is not None:
        check_planes("micrographs show", micrographs.planes)
        _check_for(recipe, len(micrographs.phases))
        folder.begin(recipe, resume)
        if not own.exists():
            checkpoint = folder.state("training.safetensors")
            with keep_threads():
                train(recipe, micrographs, own, checkpoint=checkpoint, progress=progress)
        recipe = attrs.evolve(recipe, weights=str(own))
        denoiser, digest = loaded(recipe)
    else:
        # Whatever is wrong with the weights is found before the folder is written to.
        denoiser, digest = loaded(recipe)
        if micrographs is not None and denoiser.material is not None:
            check_comparable(denoiser.material, micrographs)
        if denoiser.material is not None:
            _check_for(recipe, len(denoiser.material.phases))
        executor.prepare(recipe, denoiser, folder.path)
        folder.begin(recipe, resume)
    recipe = resolved(recipe, denoiser)
    check_unchanged(folder, circumstances(recipe, digest))
    order = Order(recipe, denoiser, digest, folder)
    if recipe.weights == str(own):
        recipe = attrs.evolve(recipe, weights=own.name)
    with atomic_output(folder.path / "recipe.toml", replace=True) as partial:
        recipe.save(partial)
    _carry_out(order, recipe, executor, progress, timed)
    reference = micrographs or embedded(recipe)
    with keep_threads():
        comparison, found = _conclude(order, reference, progress, executor.memory)
    folder.end()
    return recipe, comparison, found


def check_unchanged(folder: Folder, now: dict[str, Any]) -> None:
    """Note under what circumstances a run begins; one that goes on is told what has changed.

    Raises ReconError for other weights: a sample begun with some cannot be ended with others.
    """
    path = folder.state("begun.json")
    if not path.exists():
        with atomic_output(path) as partial:
            partial.write_text(json.dumps(now))
        return
    before = json.loads(path.read_text())
    told = "; ".join(changed(before, now))
    if before["weights_sha256"] != now["weights_sha256"]:
        raise ReconError(
            f"the run in {folder.path} was begun with other weights: {told}; put the file back, "
            "or choose another --out"
        )
    if told:
        warnings.warn(
            f"changed since the run in {folder.path} was begun: {told}; voxels may differ from "
            "those of an unbroken run",
            stacklevel=2,
        )


def _check_for(recipe: Recipe, phases: int) -> None:
    """Refuse what does not suit a material of so many phases, before work begins."""
    choice = recipe.harmonizer
    harmonizer: Harmonizer = catalog().build("harmonizer", choice.name, **choice.options)
    harmonizer.check(phases)
    read_anchors(recipe.anchors, recipe.shape, phases)


def train(
    recipe: Recipe,
    micrographs: Micrographs,
    out: Path,
    *,
    checkpoint: Path | None = None,
    init: Path | None = None,
    progress: Progress,
) -> None:
    """Fit the recipe's denoiser to micrographs and write its weights.

    Warns of planes that do not agree and of few micrographs, unless it goes on from a checkpoint.
    Of several processes each must call it; the first writes the weights and reports.
    """
    choice, processes = recipe.denoiser, world()
    denoiser: Denoiser = catalog().build("denoiser", choice.name, **choice.options)
    if processes.size > 1 and not denoiser.distributed:
        raise ReconError(
            f"denoiser {choice.name} trains in one process, got {processes.size}; start recon "
            "without torchrun"
        )
    device = processes.device(torch_device(recipe.device))
    if processes.first and (checkpoint is None or not checkpoint.exists()):
        with keep_threads():
            warn_of_planes(micrographs)

    def report(record: dict[str, Any]) -> None:
        if not processes.first:
            return
        losses = (f"{key} {record[key]:.4f}" for key in ("loss", "held_out") if record.get(key))
        progress(f"train {choice.name}", record["step"], record["steps"], ", ".join(losses))

    # From here on, so that another training into the same file is refused before it works.
    with atomic_output(out) if processes.first else contextlib.nullcontext(out) as partial:
        facts = denoiser.fit(
            micrographs,
            seed=recipe.seed,
            device=device,
            checkpoint=checkpoint,
            init=weights.read(init).parameters if init else None,
            report=report,
        )
        if processes.first:
            told = {"versions": versions(recipe), "seed": recipe.seed, **facts}
            partial.write_bytes(weights.packed(denoiser, told))


def resolved(recipe: Recipe, denoiser: Denoiser) -> Recipe:
    """The recipe with every option written out and paths that hold from anywhere."""

    def complete(kind: str, choice: Choice) -> Choice:
        plugin = catalog().build(kind, choice.name, **choice.options)
        options = values(plugin)
        for key in PATHS & options.keys():
            if Path(str(options[key])).is_file():
                options[key] = str(Path(options[key]).absolute())
        return Choice(choice.name, options)

    path = recipe.weights and Path(recipe.weights)
    return attrs.evolve(
        recipe,
        weights=str(path.absolute()) if path and path.is_file() else recipe.weights,
        micrographs=recipe.micrographs and str(Path(recipe.micrographs).absolute()),
        anchors=tuple(make_anchor_absolute(anchor) for anchor in recipe.anchors),
        denoiser=Choice(denoiser.name, values(denoiser)),
        schedule=complete("schedule", recipe.schedule),
        harmonizer=complete("harmonizer", recipe.harmonizer),
        metrics=tuple(complete("metric", choice) for choice in recipe.metrics),
        properties=tuple(complete("property", choice) for choice in recipe.properties),
    )


def loaded(recipe: Recipe) -> tuple[Denoiser, str | None]:
    """The denoiser of a recipe that need not train, and the hash of its weights."""
    name, options = recipe.denoiser.name, recipe.denoiser.options
    denoiser: Denoiser = catalog().build("denoiser", name, **options)
    if recipe.weights is None and not denoiser.needs_weights:
        return denoiser, None
    file = weights.read(weights_path(name, recipe.weights))
    check_planes("weights know", file.header["planes"])
    return weights.load(file, name, options, torch_device(recipe.device)), file.sha256


def check_planes(what: str, known: Iterable[str]) -> None:
    """Refuse weights or micrographs that lack a plane."""
    if set(known) < set(PLANES):
        raise ReconError(
            f"the {what} {', '.join(known)} only and a volume needs xy, xz and yz; import "
            "the missing planes too, or use --isotropic or --transverse there"
        )


def _carry_out(
    order: Order,
    written: Recipe,
    executor: Executor,
    progress: Progress,
    timed: Callable[[int, float], None],
) -> None:
    """Have the samples made and measured that are not yet, and keep each as it comes.

    written  the recipe as it stands in the folder
    """
    failed: dict[int, BaseException] = {}
    with contextlib.closing(executor.results(order, progress)) as results:
        for result in results:
            match result:
                case Made(number, volume, seconds, worker, threads, device):
                    timed(number, seconds)
                    order.note(number, seconds=seconds, worker=worker)
                    phases = len(volume.phases)
                    made = provenance(written, number, phases, order.digest, threads, device)
                    attrs.evolve(volume, provenance=made).save(order.path(number))
                case Measured(number, values):
                    order.note(number, measured=to_table(values))
                case Failed(number, error):
                    failed.setdefault(number, error)
    if failed:
        raise _failure(dict(sorted(failed.items())), order.recipe.samples)


def _failure(failed: dict[int, BaseException], samples: int) -> BaseException:
    """One error for all samples that failed; a defect among them goes first and as it is."""
    for number, error in failed.items():
        if samples == 1:
            return error
        if not isinstance(error, ReconError):
            error.add_note(f"in sample {number:03d}; the others are kept")
            return error
    messages = dict.fromkeys(map(str, failed.values()))
    each = []
    for message in messages:
        numbers = ", ".join(f"{n:03d}" for n, error in failed.items() if str(error) == message)
        each.append(f"{numbers}: {message}")
    kept = "the others are kept; --resume tries again"
    return ReconError(f"{len(failed)} of {samples} samples failed, {'; '.join(each)}; {kept}")


def embedded(recipe: Recipe) -> Micrographs | None:
    """The micrographs that bundled weights were trained on: they are made anew."""
    name = recipe.weights or next(iter(EXAMPLES))
    known = name in EXAMPLES and name in bundled(recipe.denoiser.name)
    return example(name)[0] if known else None


def _conclude(
    order: Order, reference: Micrographs | None, progress: Progress, memory: int | None
) -> tuple[Comparison | None, dict[str, xr.Dataset]]:
    """measurements.json, samples.csv, comparison.json and report.html.

    memory  bytes that volumes may take while they are compared and drawn
    """
    recipe, folder = order.recipe, order.folder
    volumes = middles([order.path(number) for number in range(recipe.samples)], memory)
    notes = [order.known(number) for number in range(recipe.samples)]
    each = [from_table(note["measured"]) for note in notes]
    if recipe.samples > 1:
        sample_table.write(folder.path / SAMPLES, recipe, volumes, notes, each)
    results = {name: concat_samples([one[name] for one in each]) for name in each[0]}
    found = summarize_all(results)
    named = {f"{name}-ensemble": value for name, value in found.items()}
    with atomic_output(folder.path / "measurements.json", replace=True) as partial:
        partial.write_text(to_json({**results, **named}))
    anchors = read_anchors(recipe.anchors, recipe.shape, len(volumes[0].phases))
    progress("check", 0, 1, "")
    said = checks(volumes, reference, anchors)
    progress("check", 1, 1, "")
    comparison = None
    if reference is not None:
        comparison = compare(volumes, reference, progress=progress)
        table = {**comparison.to_table(), "checks": said}
        with atomic_output(folder.path / COMPARISON, replace=True) as partial:
            partial.write_text(json.dumps(table, allow_nan=False))
    progress("report", 0, 1, "")
    write_report(folder.path / REPORT, volumes, results, reference, comparison, checks=said)
    progress("report", 1, 1, "")
    return comparison, found


def to_json(results: Results, comparison: Comparison | None = None) -> str:
    """`{name: xarray's to_dict()}`, and under "comparison" how far it is from the reference."""
    table = to_table(results)
    if comparison is not None:
        table["comparison"] = comparison.to_table()
    return json.dumps(table, default=float)


def to_table(results: Results) -> dict[str, Any]:
    """`{name: xarray's to_dict()}`."""
    return {name: value.to_dict() for name, value in results.items()}


def from_table(table: dict[str, Any]) -> Results:
    """What `to_table` gave."""
    return {
        name: (xr.Dataset if "data_vars" in value else xr.DataArray).from_dict(value)
        for name, value in table.items()
    }


def concat_samples(values: list[Any]) -> Any:
    """Results of the samples along a dim `sample`; what any of them warns of is kept."""
    if len(values) == 1:
        return values[0]
    joined = xr.concat(values, "sample")
    for key in ("notes", "warnings"):
        lines = dict.fromkeys(line for value in values for line in value.attrs.get(key, ()))
        if lines:
            joined.attrs[key] = list(lines)
    return joined
