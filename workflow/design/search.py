"""Trials: volumes of chosen settings, measured, and where to look next."""

import copy
import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.catalog import catalog
from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.core.job import Job, resolve
from recon.core.kinds import Denoiser
from recon.core.measure import measure_all
from recon.core.recipe import Recipe
from recon.core.sampler import sample_steps
from recon.workflow.design.space import Parameter, is_whole, make_values
from recon.workflow.design.targets import Target, find_kind
from recon.workflow.overlay import lay_over

STARTING = 8
"""Trials at places that fill the space, before a model of the results chooses."""
CLOSE = 0.005
"""Relative errors below which the search ends."""
VALUES, VERIFIES = "values", "verifies"
"""Attributes of optuna's trials."""
FAR = 10.0
"""Relative error that a value counts with which is infinite or not a number."""


@attrs.frozen
class Design:
    """What is wanted, and what may be varied.

    table    of a recipe
    options  plugin -> its options
    samples  volumes of a trial
    """

    table: dict[str, Any]
    targets: tuple[Target, ...]
    parameters: tuple[Parameter, ...]
    options: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    samples: int = 2

    def build_plugins(self) -> dict[str, list[Any]]:
        """Kind -> plugins that measure the targets."""
        plugins: dict[str, list[Any]] = {"metric": [], "property": []}
        for name in dict.fromkeys(target.plugin for target in self.targets):
            kind = find_kind(name)
            plugins[kind].append(catalog().build(kind, name, **self.options.get(name, {})))
        return plugins

    def make_recipe(self, chosen: Mapping[str, float], denoiser: Denoiser) -> Recipe:
        """The recipe of a choice of parameters."""
        usual = self.usual_recipe()
        numbers = {k: int(v) if is_whole(k, usual) else v for k, v in chosen.items()}
        return Recipe.from_table(lay_over(self.table, make_values(numbers, denoiser.material)))

    def resolve(
        self, chosen: Mapping[str, float], denoiser: Denoiser, sha256: str | None = None
    ) -> Job:
        """The job of a choice of parameters; the denoiser is stretched as that says."""
        recipe = self.make_recipe(chosen, denoiser)
        stretched = copy.copy(denoiser)
        stretched.stretch = recipe.denoiser.options.get("stretch", denoiser.stretch)
        return resolve(recipe, stretched, weights_sha256=sha256)

    def usual_recipe(self) -> Recipe:
        """The recipe before anything is varied."""
        return Recipe.from_table(lay_over(self.table, {}))

    def measure(self, volumes: Sequence[Volume]) -> NDArray[np.float64]:
        """(volume, target) the numbers that targets are about."""
        plugins = self.build_plugins()
        rows = []
        for volume in volumes:
            measured = measure_all(volume, plugins["metric"], plugins["property"])
            rows.append([target.read(measured[target.plugin]) for target in self.targets])
        return np.array(rows)


def make_volume(job: Job, sample: int) -> Volume:
    """A sample of the job of a choice of parameters."""
    *_, last = sample_steps(job, sample=sample)
    return last.volume


@attrs.frozen
class Trial:
    """A choice of parameters and what its volumes have: (volume, target).

    verifies  whether the volumes were made to verify settings, which then missed a target
    """

    chosen: dict[str, float]
    values: NDArray[np.float64]
    verifies: bool = False

    def errors(self, targets: Sequence[Target]) -> NDArray[np.float64]:
        """Relative errors of the means, signed."""
        return scale_errors(self.values.mean(0), targets)

    def scatter(self, targets: Sequence[Target]) -> NDArray[np.float64]:
        """Relative deviations of the volumes; 0 of a single one."""
        if len(self.values) < 2:
            return np.zeros(len(targets))
        return np.asarray(self.values.std(0, ddof=1) / _list_scales(targets))

    def loss(self, targets: Sequence[Target]) -> float:
        """Sum of the squared relative errors; of what is not finite, the square of FAR."""
        errors = np.nan_to_num(self.errors(targets), nan=FAR, posinf=FAR, neginf=-FAR)
        return float((errors**2).sum())


def scale_errors(values: NDArray[np.float64], targets: Sequence[Target]) -> NDArray[np.float64]:
    """Relative errors of values (..., target), signed; of a target of 0 absolute ones."""
    wanted = np.array([target.value for target in targets])
    return np.asarray((values - wanted) / _list_scales(targets))


def _list_scales(targets: Sequence[Target]) -> NDArray[np.float64]:
    """What errors are relative to: the targets, 1 for those of 0."""
    wanted = np.abs([target.value for target in targets])
    return np.where(wanted == 0, 1.0, wanted)


def search(
    design: Design,
    denoiser: Denoiser,
    trials: int,
    seed: int,
    journal: Path,
    progress: Callable[[str, int, int, str], None],
) -> list[Trial]:
    """At most so many trials, those in the journal among them.

    Ends when all targets are close, and when settings come up that were tried already.

    A Gaussian process of the squared errors chooses where to look (optuna's GPSampler), after
    trials that fill the space. Each trial has seeds of its own, so that no scatter is common to
    all of them.
    """
    optuna, study = import_optuna(), open_study(journal)
    done = [read_trial(trial) for trial in study.trials if trial.state.is_finished()]
    while len(done) < trials and not any(is_close(trial, design) for trial in done):
        # A seed a trial, so that what is resumed goes on as it would have.
        study.sampler = optuna.samplers.GPSampler(
            seed=seed + len(done), n_startup_trials=STARTING, deterministic_objective=False
        )
        asked = study.ask({p.key: _make_distribution(p, design) for p in design.parameters})
        if any(is_same(asked.params, trial.chosen) for trial in done):
            break  # nowhere else is anything better to be expected
        number, used = len(done), count_volumes(done)
        progress("design", number * design.samples, trials * design.samples, "")
        job = design.resolve(asked.params, denoiser)
        volumes = []
        for sample in range(design.samples):
            volumes.append(make_volume(job, used + sample))
            made = number * design.samples + sample + 1
            progress("design", made, trials * design.samples, "")
        trial = Trial(dict(asked.params), design.measure(volumes))
        asked.set_user_attr(VALUES, trial.values.tolist())
        study.tell(asked, trial.loss(design.targets))
        done.append(trial)
    return done


def open_study(journal: Path) -> Any:
    """Optuna's record of the trials in a file."""
    optuna = import_optuna()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    backend = optuna.storages.journal.JournalFileBackend(str(journal))
    storage = optuna.storages.JournalStorage(backend)
    return optuna.create_study(storage=storage, study_name="design", load_if_exists=True)


def record_missed(design: Design, trial: Trial, journal: Path) -> None:
    """Add volumes that verified settings, and missed a target, to the trials."""
    made = import_optuna().trial.create_trial(
        params=trial.chosen,
        distributions={p.key: _make_distribution(p, design) for p in design.parameters},
        value=trial.loss(design.targets),
        user_attrs={VALUES: trial.values.tolist(), VERIFIES: True},
    )
    open_study(journal).add_trial(made)


def count_volumes(trials: Sequence[Trial]) -> int:
    """Volumes, and so seeds, that trials have used."""
    return sum(len(trial.values) for trial in trials)


def _make_distribution(parameter: Parameter, design: Design) -> Any:
    """Optuna's, of whole numbers where the recipe takes no others."""
    distributions = import_optuna().distributions
    if is_whole(parameter.key, design.usual_recipe()):
        return distributions.IntDistribution(int(parameter.low), int(parameter.high))
    return distributions.FloatDistribution(parameter.low, parameter.high, log=parameter.logarithmic)


def read_trial(trial: Any) -> Trial:
    """One of optuna's."""
    attributes = trial.user_attrs
    values = np.array(attributes[VALUES])
    return Trial(dict(trial.params), values, attributes.get(VERIFIES, False))


def is_same(one: Mapping[str, float], other: Mapping[str, float], apart: float = 1e-6) -> bool:
    """Whether two choices of parameters differ by no more than a share of themselves."""
    return all(np.isclose(one[key], other[key], rtol=apart) for key in one)


def is_close(trial: Trial, design: Design) -> bool:
    """Whether all targets are met as closely as is worth looking for, and not by chance."""
    errors, scatter = trial.errors(design.targets), trial.scatter(design.targets)
    return bool((np.maximum(np.abs(errors), scatter) < CLOSE).all())


def find_best(trials: Sequence[Trial], targets: Sequence[Target]) -> Trial:
    """The one of the least loss."""
    return min(trials, key=lambda trial: trial.loss(targets))


def find_front(trials: Sequence[Trial], targets: Sequence[Target]) -> list[bool]:
    """Whether no other trial is closer to one target and no farther from the others (Pareto)."""
    errors = np.abs([trial.errors(targets) for trial in trials])
    return [
        not any((other <= one).all() and (other < one).any() for other in errors) for one in errors
    ]


def import_optuna() -> Any:
    """The library; ReconError when it is not installed."""
    try:
        return importlib.import_module("optuna")
    except ImportError as error:
        raise ReconError(
            "design needs optuna; install it with pip install microrecon[design]"
        ) from error
