"""Agreement: one statistic of the samples beside that of the material and its subvolumes."""

from functools import cached_property
from typing import Any

import attrs
import numpy as np
import xarray as xr

from recon.core.kinds import Compared
from recon.validation.comparison.sampling_error import SamplingError, average, compute_error


@attrs.frozen(eq=False)
class Agreement:
    """One statistic: of the samples and of the reference, the error and the sampling error.

    name            of the metric, with `.variable` where it gives several: "chord-length.mean"
    curves          (sample, phase, direction or plane[, axis]); curves over lags go to half the
                    sample's shortest side. What is not given by phase has the single phase -1,
                    what is not by direction the single direction "all"
    reference       (phase, direction or plane[, axis])
    sampling_error  of real subvolumes of the sample's size; None when the reference is too small
    notes           how it was found, or why there is none, a sentence each
    compared        what the metric says of it: title, phrase, symbol, unit
    """

    name: str
    curves: xr.DataArray
    reference: xr.DataArray
    sampling_error: SamplingError | None
    notes: tuple[str, ...]
    compared: Compared = Compared()

    @property
    def over(self) -> str:
        """What tells the curves apart beside the phase: "direction" or "plane"."""
        return str(self.curves.dims[2])

    @property
    def axis(self) -> str | None:
        """Name of the last dim of a curve; None of plain numbers."""
        return str(self.curves.dims[3]) if self.curves.ndim > 3 else None

    @property
    def title(self) -> str:
        """What it is, for a heading."""
        return self.compared.title or self.name

    @property
    def phrase(self) -> str:
        """What it is, in a sentence."""
        return self.compared.phrase or self.title

    @property
    def unit(self) -> str:
        """Unit of the values; "" of what has none."""
        return str(self.curves.attrs.get("units") or self.compared.unit)

    @property
    def axis_label(self) -> str:
        """What the last dim is, for a drawing: "lag", "chord length"; "" of plain numbers."""
        return self.compared.axis or self.axis or ""

    @cached_property
    def errors(self) -> xr.DataArray:
        """Relative error (sample, phase, direction or plane)."""
        return compute_error(self.curves, self.reference)

    @cached_property
    def table(self) -> xr.Dataset:
        """`error` (mean over samples), `floor`, `ratio` and `spread` (phase, direction or plane).

        `floor` is the sampling error, as in the JSON; NaN where there is none, the spread also
        with a single sample.
        """
        error = self.errors.mean("sample")
        floor = xr.full_like(error, np.nan)
        if self.sampling_error is not None:
            floor = self.sampling_error.mean.reindex_like(error)
        return xr.Dataset(
            {"error": error, "floor": floor, "ratio": error / floor, "spread": self.spread}
        )

    @cached_property
    def spread(self) -> xr.DataArray:
        """Standard deviation of the samples' curves over that of real subvolumes; 1 is right."""
        error = self.errors.mean("sample")
        if self.sampling_error is None or self.curves.sizes["sample"] < 2:
            return xr.full_like(error, np.nan)
        return compute_spread(self.curves, self.sampling_error.curves).reindex_like(error)

    @cached_property
    def headline(self) -> dict[str, float]:
        """Means over phases and directions or planes; the ratio is that of the means.

        Where some planes have no sampling error, the ratio compares the others alone.
        """
        table = self.table
        both = table["error"].where(table["floor"].notnull()).mean() / table["floor"].mean()
        means = {name: float(table[name].mean()) for name in ("error", "floor", "spread")}
        return {**means, "ratio": float(both)}

    def to_table(self, phases: tuple[str, ...]) -> dict[str, Any]:
        """As plain data; what is not a finite number is None."""
        table = self.table
        values = {str(key): value.to_numpy() for key, value in table.items()}
        per_phase = {key: average(value, 1) for key, value in values.items()}
        names = [name_phase(k, phases) for k in table["phase"].values]
        return {
            **{key: to_plain(value) for key, value in self.headline.items()},
            "phases": {
                phase: {key: to_plain(per_phase[key][k]) for key in ("error", "floor")}
                for k, phase in enumerate(names)
            },
            "each": [
                {
                    "phase": phase,
                    self.over: str(where),
                    **{key: to_plain(value[k, i]) for key, value in values.items()},
                }
                for k, phase in enumerate(names)
                for i, where in enumerate(table[self.over].values)
            ],
            "notes": list(self.notes),
        }


def name_phase(phase: int, phases: tuple[str, ...]) -> str:
    """Name of a phase; "all" of a statistic that is not given by phase."""
    return phases[phase] if phase >= 0 else "all"


def compute_spread(samples: xr.DataArray, subvolumes: xr.DataArray) -> xr.DataArray:
    """Standard deviation over `sample` divided by that over `subvolume`; 1 is right.

    Of curves the root mean square over the lags; serves for properties as well.
    """
    variance = samples.var("sample", ddof=1)
    real = subvolumes.var("subvolume", ddof=1)
    along = [dim for dim in variance.dims if dim not in ("phase", "direction", "plane", "constant")]
    if along:
        reached = variance.notnull() & real.notnull()
        variance, real = variance.where(reached).mean(along), real.where(reached).mean(along)
    return xr.DataArray((variance / real) ** 0.5)


def to_plain(value: Any) -> float | None:
    """A number for JSON; what is not finite is None."""
    number = float(value)
    return number if np.isfinite(number) else None
