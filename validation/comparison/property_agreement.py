"""A property of samples beside that of real subvolumes of their size."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import attrs
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from recon.core.contracts import check_result
from recon.core.data.volume import Volume
from recon.core.kinds import Property
from recon.validation.comparison.agreement import compute_spread, to_plain
from recon.validation.comparison.boxes import Box, Shape, choose_boxes, compute_overlap_factors
from recon.validation.comparison.sampling_error import stack_subvolumes
from recon.validation.comparison.subvolumes import Progress, compare_with_others
from recon.validation.ensemble import DIAGNOSTICS, SHORT

Solved = tuple[Property, Sequence[Any]]
"""A solver, and the Dataset that it gave for each sample."""


@attrs.frozen(eq=False)
class PropertyAgreement:
    """Constants of the samples and of real subvolumes, for box plots.

    samples         (sample, constant) numbers, with the coordinate `constant` = "relative x",
                    "E z", ... and `units` by constant
    subvolumes      (subvolume, constant) the same
    sampling_error  (subvolume, constant) error of each against the mean of the others
    """

    name: str
    samples: xr.DataArray
    subvolumes: xr.DataArray
    sampling_error: xr.DataArray
    notes: tuple[str, ...] = ()

    @property
    def errors(self) -> xr.DataArray:
        """Relative error (sample, constant) against the mean of the subvolumes."""
        mean = self.subvolumes.mean("subvolume")
        return abs(self.samples - mean) / abs(mean)

    @property
    def difference(self) -> xr.DataArray:
        """Mean of the samples over that of the subvolumes, less 1 (constant)."""
        return self.samples.mean("sample") / self.subvolumes.mean("subvolume") - 1

    @property
    def spread(self) -> xr.DataArray:
        """Standard deviation of the samples over that of the subvolumes (constant); 1 is right."""
        if self.samples.sizes["sample"] < 2:
            return xr.full_like(self.difference, np.nan)
        known = abs(self.samples.sum("sample") + self.subvolumes.sum("subvolume")) < np.inf
        return compute_spread(self.samples.where(known), self.subvolumes.where(known))

    @property
    def p_value(self) -> xr.DataArray:
        """Two-sided chance of such samples if they were real subvolumes (constant).

        Of one sample from its rank among the subvolumes (2 / (n + 1) at least, of n of them), of
        several by the test of Mann and Whitney. Subvolumes that overlap are not independent: the
        true chance is somewhat larger.
        """
        values = [
            _find_chance(self.samples.sel(constant=name), self.subvolumes.sel(constant=name))
            for name in self.samples["constant"].values
        ]
        return xr.DataArray(values, {"constant": self.samples["constant"]}, ("constant",))

    def to_text(self) -> str:
        """A line for each constant."""
        lines = []
        for name, p in zip(self.samples["constant"].values, self.p_value.values, strict=True):
            sample, real = self.samples.sel(constant=name), self.subvolumes.sel(constant=name)
            title = name if name.split()[0] == self.name else f"{self.name} {name}"
            unit = f" ({sample['units'].item()})" if sample["units"].item() else ""
            scatter = f"{float(real.mean()):.4g} +- {_find_deviation(real):.2g}"
            chance = f", p {p:.2g}" if np.isfinite(p) else ""
            mean = float(sample.mean())
            lines.append(f"  {title}{unit}: {mean:.4g}, real subvolumes {scatter}{chance}")
        return "\n".join(lines)

    def to_table(self) -> dict[str, Any]:
        """As plain data; what is not a finite number is None."""
        columns = {"spread": self.spread, "difference": self.difference, "p_value": self.p_value}
        return {
            "constants": {
                str(name): {
                    "samples": [to_plain(v) for v in self.samples.sel(constant=name).values],
                    "subvolumes": [to_plain(v) for v in self.subvolumes.sel(constant=name).values],
                    **{key: to_plain(value.sel(constant=name)) for key, value in columns.items()},
                }
                for name in self.samples["constant"].values
            },
            "notes": list(self.notes),
        }


def compare_properties(
    solved: Sequence[Solved],
    reference: Volume,
    shape: Shape,
    least: int,
    progress: Progress,
) -> dict[str, PropertyAgreement]:
    """Properties of subvolumes of the reference, beside what they are of the samples; by name.

    solved   solvers, and what each gave for the samples
    returns  nothing where the reference holds no subvolumes (see boxes.choose_boxes)
    """
    boxes = choose_boxes(reference, shape, least)
    return {
        solver.name: _compare_property(solver, samples, reference, boxes, progress)
        for solver, samples in solved
        if boxes
    }


def _compare_property(
    solver: Property,
    samples: Sequence[Any],
    reference: Volume,
    boxes: Sequence[Box],
    progress: Progress,
) -> PropertyAgreement:
    solved = []
    what = f"{solver.name} of real subvolumes"
    for number, box in enumerate(boxes):
        progress(what, number, len(boxes), "")
        subvolume = Volume(reference.labels[box], reference.voxel_size, reference.phases)
        solved.append(list_constants(check_result(solver, solver.solve(subvolume))))
    progress(what, len(boxes), len(boxes), "")
    subvolumes = stack_subvolumes(solved)
    return PropertyAgreement(
        solver.name,
        xr.concat([list_constants(one) for one in samples], "sample"),
        subvolumes,
        compare_with_others(subvolumes, compute_overlap_factors(boxes)),
        (f"{solver.name} of {len(boxes)} subvolumes of the reference",),
    )


def list_constants(result: xr.DataArray | xr.Dataset) -> xr.DataArray:
    """The numbers of a property's result that are few enough to be written out (constant,)."""
    assert isinstance(result, xr.Dataset)  # see `check_result`
    names, values, units = [], [], []
    for name, value in result.items():
        short = value.dtype.kind == "f" and value.size <= SHORT and "lag" not in value.dims
        if name in DIAGNOSTICS or not short or "picture" in value.attrs:
            continue
        dims = list(map(str, value.dims))
        for place in product(*(range(value.sizes[dim]) for dim in dims)):
            at = dict(zip(dims, place, strict=True))
            where = [str(value[dim].values[i]) for dim, i in at.items()]
            names.append(" ".join([str(name), *where]))
            values.append(float(value.isel(at)))
            units.append(str(value.attrs.get("units", "")))
    coords = {"constant": names, "units": ("constant", units)}
    return xr.DataArray(np.array(values, float), coords, ("constant",))


def _find_deviation(values: xr.DataArray) -> float:
    """Standard deviation; NaN where a value is not finite (a tortuosity without a path)."""
    finite = bool(np.isfinite(values).all())
    return float(values.std(ddof=1)) if finite else float("nan")


def _find_chance(of_samples: xr.DataArray, of_subvolumes: xr.DataArray) -> float:
    samples: NDArray[np.float64] = of_samples.to_numpy()
    subvolumes: NDArray[np.float64] = of_subvolumes.to_numpy()
    if np.isnan(samples).any() or np.isnan(subvolumes).any():
        return float("nan")
    if len(samples) == 1:
        below, above = (subvolumes <= samples[0]).sum(), (subvolumes >= samples[0]).sum()
        return float(min(1.0, 2 * (min(below, above) + 1) / (len(subvolumes) + 1)))
    from scipy.stats import mannwhitneyu  # takes a second

    return float(mannwhitneyu(samples, subvolumes).pvalue)
