"""What the volumes of any settings are to have, learnt from all trials together.

Two volumes of a trial say little of the mean of such volumes. A smooth surface through all trials
averages their scatter, and the settings are chosen on it: the best trial itself would be the one
whose scatter was luckiest.
"""

from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator
from scipy.stats import qmc

from recon.workflow.design.search import Design, Trial, find_best, scale_errors
from recon.workflow.design.space import Parameter, is_whole

SMOOTHINGS = 10.0 ** np.arange(-6, 3)
CANDIDATES = 4096
DISTANCE = 1e-4
"""Weight of the squared distance from the nearest trial: of equal settings those known better."""


@attrs.frozen
class Settings:
    """A choice of parameters, and the mean of each target that is predicted for its volumes."""

    chosen: dict[str, float]
    predicted: NDArray[np.float64]


def choose_settings(design: Design, trials: Sequence[Trial]) -> Settings:
    """Those of the least predicted loss; of the best trial where trials are too few."""
    known = [trial for trial in trials if np.isfinite(trial.values).all()]
    if len(known) < 2 * (len(design.parameters) + 2):
        best = find_best(trials, design.targets)
        return Settings(best.chosen, best.values.mean(0))
    keys = [parameter.key for parameter in design.parameters]
    tried = np.array([[trial.chosen[key] for key in keys] for trial in known])
    drawn = qmc.Halton(len(keys), seed=0).random(CANDIDATES)
    candidates = np.concatenate([_from_unit(drawn, design), tried])
    places, centres = _to_unit(candidates, design.parameters), _to_unit(tried, design.parameters)
    means = np.array([trial.values.mean(0) for trial in known])
    counts = np.array([len(trial.values) for trial in known])
    predicted = np.stack([fit_surface(centres, one, counts)(places) for one in means.T], 1)
    loss = (scale_errors(predicted, design.targets) ** 2).sum(1)
    apart = np.square(places[:, None] - centres[None]).sum(2).min(1)
    least = int(np.argmin(loss + DISTANCE * apart))
    chosen = dict(zip(keys, candidates[least].tolist(), strict=True))
    return Settings(chosen, predicted[least])


class Surface:
    """A thin plate spline that smooths; of the logarithm where all values are above zero."""

    def __init__(
        self,
        places: NDArray[np.float64],
        values: NDArray[np.float64],
        smoothing: NDArray[np.float64],
    ) -> None:
        self.logarithmic = bool((values > 0).all())
        values = np.log(values) if self.logarithmic else values
        self.spline = RBFInterpolator(places, values, smoothing=smoothing, degree=1)

    def __call__(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        values = self.spline(places)
        return np.asarray(np.exp(values) if self.logarithmic else values)


def fit_surface(
    places: NDArray[np.float64], values: NDArray[np.float64], counts: NDArray[np.int64]
) -> Surface:
    """The surface through means (n,) at places (n, parameters), as smooth as predicts best.

    counts  (n,) volumes of each mean: more are followed more closely

    What predicts best is found by leaving out one mean at a time.
    """

    def miss(smoothing: float) -> float:
        total = 0.0
        for out in range(len(places)):
            kept = np.arange(len(places)) != out
            surface = Surface(places[kept], values[kept], smoothing / counts[kept])
            total += counts[out] * (surface(places[out : out + 1])[0] - values[out]) ** 2
        return float(total)

    return Surface(places, values, min(SMOOTHINGS, key=miss) / counts)


def _to_unit(values: NDArray[np.float64], parameters: Sequence[Parameter]) -> NDArray[np.float64]:
    """Parameters (n, parameters) in units of their ranges."""
    columns = []
    for column, one in zip(values.T, parameters, strict=True):
        low, high = one.low, one.high
        if one.logarithmic:
            column, low, high = np.log(column), np.log(low), np.log(high)
        columns.append((column - low) / (high - low))
    return np.stack(columns, 1)


def _from_unit(places: NDArray[np.float64], design: Design) -> NDArray[np.float64]:
    """The inverse; whole numbers where the recipe takes no others."""
    columns, recipe = [], design.usual_recipe()
    for column, one in zip(places.T, design.parameters, strict=True):
        if one.logarithmic:
            column = one.low * (one.high / one.low) ** column
        else:
            column = one.low + (one.high - one.low) * column
        columns.append(column.round() if is_whole(one.key, recipe) else column)
    return np.stack(columns, 1)
