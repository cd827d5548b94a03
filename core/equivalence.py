"""compare(): is a volume as near to the material as a real piece of its size would be?"""

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import xarray as xr

from recon.core.catalog import catalog
from recon.core.errors import ReconError
from recon.core.floor import Floor, floor_of_micrographs, floor_of_volume, relative_error, times
from recon.core.kinds import Material
from recon.core.micrographs import Micrographs
from recon.core.volume import Volume

METRICS = ("two-point", "lineal-path")


@attrs.frozen(eq=False)
class Agreement:
    """Curves of one metric: of the samples and of the reference, their error and its floor.

    curves     (sample, phase, direction or plane, lag), lags to half the sample's shortest side
    reference  (phase, direction or plane, lag)
    floor      of real pieces of the sample's size; None when the reference is too small for it
    notes      how the floor was found, or why there is none, a sentence each
    """

    name: str
    curves: xr.DataArray
    reference: xr.DataArray
    floor: Floor | None
    notes: tuple[str, ...]

    @property
    def over(self) -> str:
        """What the curves are told apart by beside the phase: "direction" or "plane"."""
        return str(self.curves.dims[2])

    @property
    def errors(self) -> xr.DataArray:
        """Relative error (sample, phase, direction or plane)."""
        return relative_error(self.curves, self.reference)

    @property
    def table(self) -> xr.Dataset:
        """`error` (mean over samples), `floor`, `ratio` and `spread` (phase, direction or plane).

        The floor is NaN where there is none, the spread also with a single sample.
        """
        error = self.errors.mean("sample")
        floor = xr.full_like(error, np.nan)
        if self.floor is not None:
            floor = self.floor.mean.reindex_like(error)
        return xr.Dataset(
            {"error": error, "floor": floor, "ratio": error / floor, "spread": self.spread}
        )

    @property
    def spread(self) -> xr.DataArray:
        """Standard deviation of the samples' curves over that of real pieces; 1 is right."""
        error = self.errors.mean("sample")
        if self.floor is None or self.curves.sizes["sample"] < 2:
            return xr.full_like(error, np.nan)
        return spread(self.curves, self.floor.curves).reindex_like(error)

    @property
    def headline(self) -> dict[str, float]:
        """Means over phases and directions or planes; the ratio is that of the means.

        Where some planes have no floor, the ratio compares the others alone.
        """
        table = self.table
        both = table["error"].where(table["floor"].notnull()).mean() / table["floor"].mean()
        means = {name: float(table[name].mean()) for name in ("error", "floor", "spread")}
        return {**means, "ratio": float(both)}


@attrs.frozen(eq=False)
class Comparison:
    """Samples against a reference.

    kind                 "volume", or "micrographs": then per plane, the floor estimated from 2D
    phases               names
    metrics              name -> Agreement
    fractions            (sample, phase);  reference_fractions  (phase,)
    """

    kind: str
    phases: tuple[str, ...]
    metrics: dict[str, Agreement]
    fractions: xr.DataArray
    reference_fractions: xr.DataArray

    def to_table(self) -> dict[str, Any]:
        """As plain data for JSON; what is not a finite number is None."""
        table: dict[str, Any] = {
            "against": self.kind,
            "estimated_from_2d": self.kind == "micrographs",
            "samples": self.fractions.sizes["sample"],
            "volume-fraction": {
                name: {
                    "sample": _plain(self.fractions.mean("sample")[k]),
                    "reference": _plain(self.reference_fractions[k]),
                    "difference": _plain(
                        (self.fractions.mean("sample") - self.reference_fractions)[k]
                    ),
                }
                for k, name in enumerate(self.phases)
            },
        }
        for name, agreement in self.metrics.items():
            values = agreement.table
            per_phase = values.mean(agreement.over)
            table[name] = {
                **{key: _plain(value) for key, value in agreement.headline.items()},
                "phases": {
                    phase: {key: _plain(per_phase[key][k]) for key in ("error", "floor")}
                    for k, phase in enumerate(self.phases)
                },
                "each": [
                    {
                        "phase": self.phases[k],
                        agreement.over: str(where),
                        **{str(key): _plain(values[key][k, i]) for key in values},
                    }
                    for k in range(len(self.phases))
                    for i, where in enumerate(values[agreement.over].values)
                ],
                "notes": list(agreement.notes),
            }
        return table

    def to_text(self) -> str:
        """A few lines for a terminal."""
        difference = (self.fractions.mean("sample") - self.reference_fractions).values
        lines = [
            f"{name}: error {_number(h['error'])}, floor {_number(h['floor'])}, "
            f"ratio {_number(h['ratio'])}"
            + (f", spread {_number(h['spread'])}" if np.isfinite(h["spread"]) else "")
            for name, h in ((n, agreement.headline) for n, agreement in self.metrics.items())
        ]
        shares = zip(self.phases, self.fractions.mean("sample").values, difference, strict=True)
        lines.append(
            "volume fractions: " + ", ".join(f"{name} {f:.4f} ({d:+.4f})" for name, f, d in shares)
        )
        notes = dict.fromkeys(note for a in self.metrics.values() for note in a.notes)
        return "\n".join([*lines, *(f"  {note}" for note in notes)])


def compare(
    samples: Sequence[Volume],
    reference: Volume | Micrographs,
    metrics: Sequence[str] = METRICS,
) -> Comparison:
    """Error, floor and spread of volumes against a real volume or micrographs.

    samples  volumes of one shape;  metrics  names of those that give curves over lags

    Against a volume the curves are compared along x, y and z, against micrographs on each of
    their planes, at lags up to half the samples' shortest side. Raises ReconError for samples
    and a reference that cannot be compared. Takes seconds for 64^3.
    """
    shape = _checked(samples, reference)
    kind = "micrographs" if isinstance(reference, Micrographs) else "volume"
    share = catalog().build("metric", "volume-fraction")
    fractions = [xr.DataArray(share.measure(volume)) for volume in samples]
    return Comparison(
        kind,
        reference.phases,
        {name: _agreement(name, samples, reference, shape) for name in metrics},
        xr.concat(fractions, "sample"),
        xr.DataArray(share.measure(reference)),
    )


def spread(samples: xr.DataArray, pieces: xr.DataArray) -> xr.DataArray:
    """Standard deviation over `sample` divided by that over `piece`; 1 is right.

    Of curves the root mean square over the lags; serves for properties as well.
    """
    variance = samples.var("sample", ddof=1)
    real = pieces.var("piece", ddof=1)
    if "lag" in variance.dims:
        reached = variance.notnull() & real.notnull()
        variance, real = variance.where(reached).mean("lag"), real.where(reached).mean("lag")
    return xr.DataArray((variance / real) ** 0.5)


def _agreement(
    name: str,
    samples: Sequence[Volume],
    reference: Volume | Micrographs,
    shape: tuple[int, int, int],
) -> Agreement:
    options: dict[str, Any] = {"max_lag": min(shape) // 2}
    if isinstance(reference, Micrographs):
        options["planes"] = True
    metric = catalog().build("metric", name, **options)
    curves = [xr.DataArray(metric.measure(volume)) for volume in samples]
    if isinstance(reference, Micrographs):
        floor = floor_of_micrographs(metric, reference, shape)
    else:
        floor = floor_of_volume(metric, reference, shape)
    return Agreement(
        name,
        xr.concat(curves, "sample"),
        xr.DataArray(metric.measure(reference)),
        None if isinstance(floor, str) else floor,
        (floor,) if isinstance(floor, str) else floor.notes,
    )


def _checked(samples: Sequence[Volume], reference: Volume | Micrographs) -> tuple[int, int, int]:
    """The shape of all samples."""
    if not samples:
        raise ReconError("at least one volume is needed to compare, got none")
    shape = samples[0].shape
    for sample in samples:
        if sample.shape != shape:
            raise ReconError(
                f"volumes must have one shape to be compared, got {times(shape)} and "
                f"{times(sample.shape)}"
            )
        check_comparable(sample, reference)
    if min(shape) < 2:
        raise ReconError(f"volumes must have at least 2 voxels along each axis, got {times(shape)}")
    return shape


def check_comparable(sample: Volume | Material, reference: Volume | Micrographs) -> None:
    """Refuse another number of phases or another voxel size."""
    if len(sample.phases) != len(reference.phases):
        raise ReconError(
            f"volume and reference must have the same phases, got {len(sample.phases)} and "
            f"{len(reference.phases)}"
        )
    sizes = (sample.voxel_size, reference.voxel_size)
    unknown = (1.0, 1.0, 1.0) in sizes  # then lags are compared voxel by voxel
    if not unknown and not np.allclose(*sizes, rtol=0.01, atol=0):
        got = " and ".join(" x ".join(f"{1e6 * edge:g}" for edge in size) for size in sizes)
        raise ReconError(
            f"volume and reference must have the same voxel size, got {got} um (z, y, x); "
            "resample one of them"
        )


def _plain(value: Any) -> float | None:
    number = float(value)
    return number if np.isfinite(number) else None


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "none"
