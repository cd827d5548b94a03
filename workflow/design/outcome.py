"""What a search has found: files, and whether each target is reached."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from recon.core.storage.atomic import atomic_output
from recon.workflow.design.search import CLOSE, Design, Trial, find_front
from recon.workflow.design.targets import Target

COVERAGE = 0.95


@attrs.frozen
class Verified:
    """A target beside the volumes made to verify it.

    predicted       mean of such volumes;  mean, deviation  of the verified ones
    low, high       between which the mean of such volumes lies with 95 % confidence (Student's t)
    """

    target: Target
    predicted: float
    mean: float
    deviation: float
    low: float
    high: float

    @property
    def reached(self) -> bool:
        """Whether the volumes' mean cannot be distinguished from the target, or is close to it.

        What is set, such as a fraction, does not scatter, and its interval has no width.
        """
        close = abs(self.mean - self.target.value) <= CLOSE * abs(self.target.value)
        return close or self.low <= self.target.value <= self.high

    def to_table(self) -> dict[str, Any]:
        """As plain data."""
        plain = {k: getattr(self, k) for k in ("predicted", "mean", "deviation", "low", "high")}
        return {"target": self.target.value, **plain, "reached": self.reached}


def verify(
    design: Design, predicted: NDArray[np.float64], values: NDArray[np.float64]
) -> list[Verified]:
    """Each target beside the values (volume, target) of new volumes.

    predicted  (target,) what their mean was to be
    """
    count = len(values)
    reach = stats.t.ppf((1 + COVERAGE) / 2, count - 1) / np.sqrt(count)
    targets = []
    for number, target in enumerate(design.targets):
        mean, deviation = values[:, number].mean(), values[:, number].std(ddof=1)
        low, high = mean - reach * deviation, mean + reach * deviation
        numbers = (predicted[number], mean, deviation, low, high)
        targets.append(Verified(target, *map(float, numbers)))
    return targets


def write_trials(path: Path, design: Design, trials: Sequence[Trial]) -> None:
    """A row a trial: parameters, means of the targets, whether on the Pareto front."""
    keys = [parameter.key for parameter in design.parameters]
    names = [target.key for target in design.targets]
    fronts = find_front(trials, design.targets)
    with atomic_output(path, replace=True) as partial, partial.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["trial", *keys, *names, *(f"{name}.deviation" for name in names), "front"])
        for number, (trial, front) in enumerate(zip(trials, fronts, strict=True)):
            deviations = trial.values.std(0, ddof=1) if len(trial.values) > 1 else []
            row = [*(trial.chosen[key] for key in keys), *trial.values.mean(0), *deviations]
            writer.writerow([number, *(f"{value:.6g}" for value in row), int(front)])


def write_outcome(
    path: Path, chosen: Mapping[str, float], verified: Sequence[Verified], trials: int
) -> None:
    """Settings, and each target with its interval, as JSON."""
    table = {
        "settings": dict(chosen),
        "trials": trials,
        "targets": {one.target.key: one.to_table() for one in verified},
        "reached": all(one.reached for one in verified),
    }
    with atomic_output(path, replace=True) as partial:
        partial.write_text(json.dumps(table, indent=1))


def draw(
    path: Path,
    design: Design,
    trials: Sequence[Trial],
    chosen: Mapping[str, float],
    verified: Sequence[Verified],
) -> None:
    """Each target over each parameter: the trials, the target, the verified interval."""
    import matplotlib.pyplot as plt

    rows, columns = len(design.targets), len(design.parameters)
    figure, axes = plt.subplots(
        rows, columns, figsize=(3.4 * columns + 0.6, 2.8 * rows), squeeze=False, sharey="row"
    )
    for row, one in enumerate(verified):
        for column, parameter in enumerate(design.parameters):
            panel = axes[row][column]
            x = [trial.chosen[parameter.key] for trial in trials]
            panel.plot(
                x, [trial.values[:, row].mean() for trial in trials], "o", ms=4, label="trials"
            )
            panel.axhline(one.target.value, color="0.5", lw=1, label="target")
            place = chosen[parameter.key]
            panel.errorbar(
                place,
                one.mean,
                [[one.mean - one.low], [one.high - one.mean]],
                fmt="s",
                color="C3",
                capsize=3,
                label="verified, 95 % interval",
            )
            if row == rows - 1:
                panel.set_xlabel(parameter.key)
            if column == 0:
                panel.set_ylabel(one.target.key)
    axes[0][0].legend(fontsize=7, frameon=False)
    figure.set_layout_engine("constrained")
    with atomic_output(path, replace=True) as partial:
        figure.savefig(partial, format="png", dpi=110)
    plt.close(figure)
