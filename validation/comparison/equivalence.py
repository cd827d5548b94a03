"""compare(): is a volume as near to the material as a real piece of its size would be?"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import attrs
import numpy as np
import xarray as xr

from recon.core.catalog import catalog
from recon.core.data.material import Material
from recon.core.data.micrographs import Micrographs
from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.validation.comparison.agreement import Agreement, plain, spread
from recon.validation.comparison.comparable import Probe, probes
from recon.validation.comparison.dealt import PIECES
from recon.validation.comparison.floor import floor_of_micrographs, floor_of_volume, times
from recon.validation.comparison.pieces import Progress, real_of_micrographs, real_of_volume
from recon.validation.comparison.property_agreement import (
    PropertyAgreement,
    Solved,
    properties_of_pieces,
)
from recon.validation.comparison.verdict import Verdict, verdict

__all__ = ["Agreement", "Comparison", "check_comparable", "compare", "spread"]

FRACTION = "volume-fraction"
METRICS = SHARES = ("two-point", "lineal-path")
"""Shares of pairs or runs, whose floor is taken against the material without the piece."""
OF_MICROGRAPHS = (
    *SHARES,
    "chord-length.density",
    "chord-length.mean",
    "surface-density.faces",
    FRACTION,
)
"""What 2D shows."""
OF_VOLUMES = (
    *OF_MICROGRAPHS,
    "two-point-cluster",
    "percolation.spanning_share",
    "percolation.largest_share",
    "local-thickness.mean",
)


@attrs.frozen(eq=False)
class Comparison:
    """Samples against a reference.

    kind                 "volume", or "micrographs": then per plane, the floor estimated from 2D
    phases               names
    metrics              name -> Agreement
    fractions            (sample, phase);  reference_fractions  (phase,)
    properties           name -> PropertyAgreement, against a volume where they were asked for
    """

    kind: str
    phases: tuple[str, ...]
    metrics: dict[str, Agreement]
    fractions: xr.DataArray
    reference_fractions: xr.DataArray
    properties: dict[str, PropertyAgreement] = attrs.field(factory=dict)

    @cached_property
    def verdict(self) -> Verdict:
        """Whether real pieces can be told from the samples, and by what."""
        return verdict(self)

    def to_table(self) -> dict[str, Any]:
        """As plain data for JSON; what is not a finite number is None."""
        table: dict[str, Any] = {
            "against": self.kind,
            "estimated_from_2d": self.kind == "micrographs",
            "samples": self.fractions.sizes["sample"],
            "volume-fraction": {
                name: {
                    "sample": plain(self.fractions.mean("sample")[k]),
                    "reference": plain(self.reference_fractions[k]),
                    "difference": plain(
                        (self.fractions.mean("sample") - self.reference_fractions)[k]
                    ),
                }
                for k, name in enumerate(self.phases)
            },
        }
        for name, agreement in self.metrics.items():
            found = agreement.to_table(self.phases)
            if name != FRACTION:
                table[name] = found
                continue
            for phase, values in found["phases"].items():
                table[FRACTION][phase] |= values
        table["properties"] = {name: one.to_table() for name, one in self.properties.items()}
        table["verdict"] = self.verdict.to_table()
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
        lines += [found.to_text() for found in self.properties.values()]
        notes = dict.fromkeys(note for a in self.metrics.values() for note in a.notes)
        return "\n".join([self.verdict.to_text(), *lines, *(f"  {note}" for note in notes)])


def compare(
    samples: Sequence[Volume],
    reference: Volume | Micrographs,
    metrics: Sequence[str] | None = None,
    *,
    properties: Sequence[Solved] = (),
    pieces: int = PIECES,
    progress: Progress = lambda what, done, total, state: None,
) -> Comparison:
    """Error, floor and spread of volumes against a real volume or micrographs.

    samples   volumes of one shape
    metrics   `metric` or `metric.variable` of any that gives numbers, or curves over one axis;
              default OF_VOLUMES or OF_MICROGRAPHS
    properties  solvers and what they gave for each of the samples: they are solved for real
              pieces too, unless the reference is micrographs
    pieces    real pieces of a reference volume at least
    progress  called with what is being done, steps done, steps in all and a word on the state

    Against a volume the curves are compared along x, y and z, against micrographs on each of
    their planes, at lags up to half the samples' shortest side. Raises ReconError for samples
    and a reference that cannot be compared. Takes seconds for 64^3, with clusters and thickness
    a minute.
    """
    shape = _checked(samples, reference)
    flat = isinstance(reference, Micrographs)
    if metrics is None:
        metrics = OF_MICROGRAPHS if flat else OF_VOLUMES
    share = catalog().build("metric", FRACTION)
    fractions = [xr.DataArray(share.measure(volume)) for volume in samples]
    planes = tuple(reference.planes) if isinstance(reference, Micrographs) else None
    made = probes(metrics, min(shape) // 2, planes)
    agreements = {
        probe.metric.name: _of_shares(probe, samples, reference, shape, pieces)
        for probe in made
        if probe.metric.name in SHARES
    }
    others = [probe for probe in made if probe.metric.name not in SHARES]
    if others:
        agreements |= _of_pieces(others, samples, reference, shape, pieces, progress)
    return Comparison(
        "micrographs" if flat else "volume",
        reference.phases,
        agreements,
        xr.concat(fractions, "sample"),
        xr.DataArray(share.measure(reference)),
        {}
        if isinstance(reference, Micrographs)
        else properties_of_pieces(properties, reference, shape, pieces, progress),
    )


def _of_shares(
    probe: Probe,
    samples: Sequence[Volume],
    reference: Volume | Micrographs,
    shape: tuple[int, int, int],
    pieces: int,
) -> Agreement:
    """Of shares of pairs or runs: the reference is all of the material."""
    name = probe.metric.name
    if isinstance(reference, Micrographs):
        floor = floor_of_micrographs(probe.metric, reference, shape)
    else:
        floor = floor_of_volume(probe.metric, reference, shape, pieces)
    return Agreement(
        name,
        xr.concat([probe.of(volume)[name] for volume in samples], "sample"),
        probe.of(reference)[name],
        None if isinstance(floor, str) else floor,
        (floor,) if isinstance(floor, str) else floor.notes,
    )


def _of_pieces(
    probes: Sequence[Probe],
    samples: Sequence[Volume],
    reference: Volume | Micrographs,
    shape: tuple[int, int, int],
    pieces: int,
    progress: Progress,
) -> dict[str, Agreement]:
    """Of anything else: the reference is what pieces of the sample's size have."""
    if isinstance(reference, Micrographs):
        real = real_of_micrographs(probes, reference, shape, progress)
    else:
        real = real_of_volume(probes, reference, shape, pieces, progress)
    found = {}
    for probe in probes:
        measured = [probe.of(volume) for volume in samples]
        for name in measured[0]:
            curves = xr.concat([one[name] for one in measured], "sample")
            floor = real.floors.get(name)
            found[name] = Agreement(name, curves, real.reference[name], floor, real.notes)
    return found


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


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "none"
