"""What several samples say of a property: mean, scatter, and how many samples it takes."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import attrs
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import special

from recon.core.errors import ReconError

CONFIDENCE = 0.95
WITHIN = 0.01
STATISTICS = ("mean", "deviation", "low", "high", "needed")
DIAGNOSTICS = ("residual", "iterations", "seconds")
"""Results that describe the solution and not the material."""
SHORT = 9
"""Values of a constant that are written out: E along three axes is, a stiffness is not."""
MOST = 10**9


def summarize(results: Sequence[xr.Dataset], within: float = WITHIN) -> xr.Dataset:
    """Mean, standard deviation and 95 % interval of the mean of every constant.

    results  one a sample, two at least, with the same variables
    within   half-width of the interval over the mean that `needed` samples would reach
    returns  the variables of floats, with a dim `statistic`: mean, deviation, low, high, needed;
             needed is infinite where the mean is zero, and all but the mean are NaN where a
             sample is not finite (a tortuosity without a path)

    The interval is Student's: it takes the samples for independent and the constants for normal.
    `needed` takes the deviation found here for the true one; of few samples that is a rough guess.
    """
    if len(results) < 2:
        raise ReconError(f"an ensemble must have at least two samples, got {len(results)}")
    if not within > 0:
        raise ReconError(f"the relative half-width must be > 0, got {within}")
    return xr.Dataset(
        {
            name: _summarize(xr.concat([result[name] for result in results], "sample"), within)
            for name in results[0]
            if _is_constant(str(name), results[0][name])
        },
        attrs={"samples": len(results), "confidence": CONFIDENCE, "within": within},
    )


def summarize_all(
    measurements: Mapping[str, xr.DataArray | xr.Dataset], within: float = WITHIN
) -> dict[str, xr.Dataset]:
    """Ensemble of every result that is a Dataset over two samples or more."""
    ensembles = {}
    for name, value in measurements.items():
        if isinstance(value, xr.Dataset) and value.sizes.get("sample", 1) > 1:
            samples = [value.isel(sample=i) for i in range(value.sizes["sample"])]
            ensembles[name] = summarize(samples, within)
            ensembles[name].attrs["warnings"] = list(value.attrs.get("warnings", ()))
    return {name: value for name, value in ensembles.items() if value.data_vars}


@attrs.frozen
class Constant:
    """One number of an ensemble, as text."""

    name: str
    mean: str
    deviation: str
    interval: str
    needed: str


def list_constants(summary: xr.Dataset) -> Iterator[Constant]:
    """The numbers of an ensemble that are few enough to be written out."""
    for name, values in summary.items():
        if values[0].size > SHORT:
            continue
        units = values.attrs.get("units")
        called = f"{name} ({units})" if units else str(name)
        dims = [dim for dim in map(str, values.dims) if dim != "statistic"]
        for place in product(*(range(values.sizes[dim]) for dim in dims)):
            at = dict(zip(dims, place, strict=True))
            where = [str(values[dim].values[i]) for dim, i in at.items()]
            mean, deviation, low, high, needed = map(float, values.isel(at).values)
            known = np.isfinite(deviation)
            yield Constant(
                " ".join([called, *where]),
                f"{mean:.5g}",
                f"{deviation:.3g}" if known else ABSENT,
                f"{low:.5g} to {high:.5g}" if known else ABSENT,
                f"{needed:.0f}" if np.isfinite(needed) else ABSENT,
            )


ABSENT = "-"


def to_text(name: str, summary: xr.Dataset) -> str:
    """A few lines for a terminal."""
    count, within = summary.attrs["samples"], 100 * summary.attrs["within"]
    lines = [f"{name}, {count} samples: mean, standard deviation, 95 % interval of the mean"]
    for c in list_constants(summary):
        advice = f"; {c.needed} samples for +-{within:g} %" if c.needed != ABSENT else ""
        lines.append(f"  {c.name}: {c.mean}, {c.deviation}, {c.interval}{advice}")
    lines += [f"  warning: {line}" for line in summary.attrs.get("warnings", ())]
    return "\n".join(lines)


def _is_constant(name: str, values: xr.DataArray) -> bool:
    drawn = "lag" in values.dims or "picture" in values.attrs
    return values.dtype.kind == "f" and not drawn and name not in DIAGNOSTICS


def _summarize(values: xr.DataArray, within: float) -> xr.DataArray:
    """The statistics of one variable (sample, ...) as (statistic, ...)."""
    x = values.transpose("sample", ...).values.astype(float)
    n, finite = len(x), np.isfinite(x).all(0)
    mean = x.mean(0)
    deviation = np.where(finite, np.where(finite, x, 0).std(0, ddof=1), np.nan)
    half = _find_width(np.array(n)) * deviation
    parts = (mean, deviation, mean - half, mean + half, _count_needed(mean, deviation, within))
    kept = values.isel(sample=0, drop=True)
    made = xr.DataArray(np.stack(parts), dims=("statistic", *kept.dims), attrs=values.attrs)
    return made.assign_coords({**kept.coords, "statistic": list(STATISTICS)})


def _find_width(n: NDArray[Any]) -> NDArray[np.float64]:
    """Half-width of the interval of n samples, in standard deviations."""
    width: NDArray[np.float64] = special.stdtrit(n - 1, (1 + CONFIDENCE) / 2) / np.sqrt(n)
    return width


def _count_needed(
    mean: NDArray[np.float64], deviation: NDArray[np.float64], within: float
) -> NDArray[np.float64]:
    """Fewest samples, at least 2, whose interval would be narrow enough; by bisection."""
    wanted = within * np.abs(mean)
    low, high = np.ones(mean.shape), np.full(mean.shape, float(MOST))
    while (high - low > 1).any():
        middle = np.floor((low + high) / 2).clip(2)
        enough = _find_width(middle) * deviation <= wanted
        high, low = np.where(enough, middle, high), np.where(enough, low, middle)
        low = np.where(high <= 2, 1, low)
    needed = np.where(_find_width(high) * deviation <= wanted, high, np.inf)
    return np.where(np.isfinite(deviation) & np.isfinite(mean), needed, np.nan)
