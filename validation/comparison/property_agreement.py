"""A property of samples beside that of real pieces of their size."""

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import attrs
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from recon.core.data.volume import Volume
from recon.core.kinds import Property
from recon.validation.comparison.agreement import plain, spread
from recon.validation.comparison.crops import Box, Shape
from recon.validation.comparison.pieces import (
    against_others,
    boxes_of,
    overlap_factors,
    stacked_pieces,
)
from recon.validation.ensemble import DIAGNOSTICS, SHORT

Progress = Callable[[str, int, int, str], None]
Solved = tuple[Property, Sequence[Any]]
"""A solver, and the Dataset that it gave for each sample."""


@attrs.frozen(eq=False)
class PropertyAgreement:
    """Constants of the samples and of real pieces, for box plots.

    samples  (sample, constant);  pieces  (piece, constant): numbers, with the coordinate
             `constant` = "relative x", "E z", ... and `units` by constant
    floor    (piece, constant) error of each piece against the mean of the others
    """

    name: str
    samples: xr.DataArray
    pieces: xr.DataArray
    floor: xr.DataArray
    notes: tuple[str, ...] = ()

    @property
    def errors(self) -> xr.DataArray:
        """Relative error (sample, constant) against the mean of the pieces."""
        mean = self.pieces.mean("piece")
        return abs(self.samples - mean) / abs(mean)

    @property
    def difference(self) -> xr.DataArray:
        """Mean of the samples over that of the pieces, less 1 (constant)."""
        return self.samples.mean("sample") / self.pieces.mean("piece") - 1

    @property
    def spread(self) -> xr.DataArray:
        """Standard deviation of the samples over that of the pieces (constant); 1 is right."""
        if self.samples.sizes["sample"] < 2:
            return xr.full_like(self.difference, np.nan)
        known = abs(self.samples.sum("sample") + self.pieces.sum("piece")) < np.inf
        return spread(self.samples.where(known), self.pieces.where(known))

    @property
    def p_value(self) -> xr.DataArray:
        """Two-sided chance of such samples if they were real pieces (constant).

        Of one sample from its rank among the pieces (2 / (n + 1) at least, of n pieces), of
        several by the test of Mann and Whitney. Pieces that overlap are not independent: the
        true chance is somewhat larger.
        """
        values = [
            _chance(self.samples.sel(constant=name).values, self.pieces.sel(constant=name).values)
            for name in self.samples["constant"].values
        ]
        return xr.DataArray(values, {"constant": self.samples["constant"]}, ("constant",))

    def to_text(self) -> str:
        """A line for each constant."""
        lines = []
        for name, p in zip(self.samples["constant"].values, self.p_value.values, strict=True):
            sample, piece = self.samples.sel(constant=name), self.pieces.sel(constant=name)
            real = f"{float(piece.mean()):.4g} +- {_deviation(piece):.2g}"
            chance = f", p {p:.2g}" if np.isfinite(p) else ""
            mean = float(sample.mean())
            lines.append(f"  {self.name} {name}: {mean:.4g}, real pieces {real}{chance}")
        return "\n".join(lines)

    def to_table(self) -> dict[str, Any]:
        """As plain data; what is not a finite number is None."""
        columns = {"spread": self.spread, "difference": self.difference, "p_value": self.p_value}
        return {
            "constants": {
                str(name): {
                    "samples": [plain(v) for v in self.samples.sel(constant=name).values],
                    "pieces": [plain(v) for v in self.pieces.sel(constant=name).values],
                    **{key: plain(value.sel(constant=name)) for key, value in columns.items()},
                }
                for name in self.samples["constant"].values
            },
            "notes": list(self.notes),
        }


def properties_of_pieces(
    solved: Sequence[Solved],
    reference: Volume,
    shape: Shape,
    least: int,
    progress: Progress,
) -> dict[str, PropertyAgreement]:
    """Properties on crops of the reference, beside what they are of the samples; by name.

    solved   solvers, and what each gave for the samples
    returns  nothing where the reference holds no crops (see pieces.boxes_of)
    """
    boxes = boxes_of(reference, shape, least)
    return {
        solver.name: _of_boxes(solver, samples, reference, boxes, progress)
        for solver, samples in solved
        if boxes
    }


def _of_boxes(
    solver: Property,
    samples: Sequence[Any],
    reference: Volume,
    boxes: Sequence[Box],
    progress: Progress,
) -> PropertyAgreement:
    solved = []
    what = f"{solver.name} of real pieces"
    for number, box in enumerate(boxes):
        progress(what, number, len(boxes), "")
        piece = Volume(reference.labels[box], reference.voxel_size, reference.phases)
        solved.append(constants(solver.solve(piece)))
    progress(what, len(boxes), len(boxes), "")
    pieces = stacked_pieces(solved)
    return PropertyAgreement(
        solver.name,
        xr.concat([constants(one) for one in samples], "sample"),
        pieces,
        against_others(pieces, overlap_factors(boxes)),
        (f"{solver.name} of {len(boxes)} crops of the reference",),
    )


def constants(result: xr.Dataset) -> xr.DataArray:
    """The numbers of a property's result that are few enough to be written out (constant,)."""
    names, values, units = [], [], []
    for name, value in result.items():
        short = value.dtype.kind == "f" and value.size <= SHORT and "lag" not in value.dims
        if name in DIAGNOSTICS or not short:
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


def _deviation(values: xr.DataArray) -> float:
    """Standard deviation; NaN where a value is not finite (a tortuosity without a path)."""
    finite = bool(np.isfinite(values).all())
    return float(values.std(ddof=1)) if finite else float("nan")


def _chance(samples: NDArray[np.float64], pieces: NDArray[np.float64]) -> float:
    if np.isnan(samples).any() or np.isnan(pieces).any():
        return float("nan")
    if len(samples) == 1:
        below, above = (pieces <= samples[0]).sum(), (pieces >= samples[0]).sum()
        return float(min(1.0, 2 * (min(below, above) + 1) / (len(pieces) + 1)))
    return float(stats.mannwhitneyu(samples, pieces).pvalue)
