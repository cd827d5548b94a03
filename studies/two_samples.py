"""Real subvolumes against reconstructions: medians, interquartile ranges and a test for each."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from printed import table
from scipy import stats

RESAMPLES = 5000
Values = Mapping[str, NDArray[np.float64]]
"""Name of a number -> its values."""


def compared(real: Values, samples: Mapping[str, Values]) -> dict[str, dict[str, Any]]:
    """Number -> sampler -> medians, quartiles, Mann-Whitney U and Kolmogorov-Smirnov.

    `p` is that of U, `holm` that corrected for all comparisons of the table (Holm 1979), `effect`
    the chance that a reconstruction has more than a real subvolume (0.5: alike), `spread` the ratio
    of interquartile ranges. A sampler with fewer than four volumes is not tested.
    """
    results: dict[str, dict[str, Any]] = {}
    tested: list[dict[str, Any]] = []
    for key, of_real in real.items():
        results[key] = {"real": _summary(of_real)}
        for name, values in samples.items():
            one = results[key][name] = _summary(values[key])
            one["spread"] = _ratio(one, results[key]["real"])
            if len(values[key]) > 3:
                test = stats.mannwhitneyu(values[key], of_real, method="asymptotic")
                one["p"] = float(test.pvalue)
                one["effect"] = float(test.statistic) / (len(values[key]) * len(of_real))
                one["ks"] = float(stats.ks_2samp(values[key], of_real).pvalue)
                tested.append(one)
    for one, corrected in zip(tested, holm([one["p"] for one in tested]), strict=True):
        one["holm"] = corrected
    return results


def holm(p: Sequence[float]) -> list[float]:
    """p-values corrected for their number, step by step (Holm 1979)."""
    order = np.argsort(p)
    steps = np.array(p)[order] * (len(p) - np.arange(len(p)))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0) if len(p) else []
    return [float(value) for value in corrected]


def compare_medians(
    real: NDArray[np.float64], made: NDArray[np.float64], worth: float
) -> dict[str, Any]:
    """Median over the real one, and its 95 % interval by the bootstrap.

    worth  how many independent subvolumes the real ones, which may overlap, are worth
    """
    rng = np.random.default_rng(0)
    of_real = np.median(rng.choice(real, (RESAMPLES, max(1, round(worth)))), axis=1)
    of_made = np.median(rng.choice(made, (RESAMPLES, len(made))), axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = float(np.median(made) / np.median(real))
        low, high = np.nanquantile(of_made / of_real, (0.025, 0.975))
    return {"ratio": ratio, "interval": [float(low), float(high)]}


def _summary(values: NDArray[np.float64]) -> dict[str, Any]:
    low, median, high = np.quantile(values, (0.25, 0.5, 0.75))
    return {"n": len(values), "median": float(median), "quartiles": [float(low), float(high)]}


def _ratio(one: dict[str, Any], real: dict[str, Any]) -> float:
    wide = [b - a for a, b in (one["quartiles"], real["quartiles"])]
    return float(wide[0] / wide[1]) if wide[1] else float("nan")


def quartiles_table(results: dict[str, dict[str, Any]], samplers: Sequence[str]) -> str:
    """A row a number, a column a sampler."""
    what = "median (quartiles); over real: medians, ranges; p"
    rows = [
        [key, _quartiles(kinds["real"]), *(_cell(kinds[name], kinds["real"]) for name in samplers)]
        for key, kinds in results.items()
    ]
    return table(["", "real: median (quartiles)", *(f"{name}: {what}" for name in samplers)], rows)


def _cell(one: dict[str, Any], real: dict[str, Any]) -> str:
    """Of three volumes or fewer only the median, and no test."""
    ratio = f"{one['median'] / real['median']:.2f}" if real["median"] else "-"
    if "p" not in one:
        return f"{one['median']:.4g}; {ratio}"
    return f"{_quartiles(one)}; {ratio}, {one['spread']:.2f}; {one['holm']:.2g}"


def comparisons_line(results: dict[str, dict[str, Any]]) -> str:
    """How many comparisons were made, and how many told a difference."""
    comparisons = [one for kinds in results.values() for one in kinds.values() if "p" in one]
    below = sum(one["holm"] < 0.05 for one in comparisons)
    return (
        f"Mann-Whitney U, {len(comparisons)} comparisons, p corrected for all of them (Holm): "
        f"{below} below 0.05."
    )


def _quartiles(one: dict[str, Any]) -> str:
    low, high = one["quartiles"]
    return f"{one['median']:.4g} ({low:.4g} to {high:.4g})"


def boxes(axes: Axes, title: str, ticks: Sequence[str], sets: Mapping[str, Any]) -> None:
    """Boxes side by side: a group for each tick, in it one for each set of values.

    sets  name -> (colour, one array of values for each tick)
    """
    width = 0.8 / len(sets)
    for number, (name, (colour, values)) in enumerate(sets.items()):
        at = np.arange(len(ticks)) + (number - (len(sets) - 1) / 2) * width
        drawn = axes.boxplot(
            list(values),
            positions=at,
            widths=0.85 * width,
            patch_artist=True,
            flierprops={"markersize": 2, "markeredgecolor": colour},
            medianprops={"color": "#1c2330"},
        )
        for box in drawn["boxes"]:
            box.set(facecolor=colour, alpha=0.55)
        axes.plot([], [], "s", color=colour, alpha=0.55, label=name)
    axes.set_xticks(range(len(ticks)), ticks, fontsize=8)
    axes.set_title(title, fontsize=9)
    axes.tick_params(axis="y", labelsize=7)
