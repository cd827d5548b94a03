"""Comparison: samples beside a reference, with the verdict on them."""

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import xarray as xr

from recon.core.data.planes import PLANES
from recon.validation.classifier.two_sample_test import CLASSIFIER, ClassifierTest
from recon.validation.comparison.agreement import Agreement, to_plain
from recon.validation.comparison.cells import build_blocks
from recon.validation.comparison.notebook import draw_curves, format_html
from recon.validation.comparison.power import Power, count_noticed
from recon.validation.comparison.property_agreement import PropertyAgreement
from recon.validation.comparison.verdict import Verdict, judge

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FRACTIONS = "volume-fraction"
"""Phase fractions in JSON and tables, where they stand apart: whatever is compared, they are
given."""


@attrs.frozen(eq=False)
class Comparison:
    """Samples against a reference.

    kind                 "volume", or "micrographs": then per plane, the sampling error estimated
                         from 2D
    phases               names
    metrics              name -> Agreement
    fractions            (sample, phase);  reference_fractions  (phase,)
    properties           name -> PropertyAgreement, against a volume where they were asked for
    classifier           what a classifier tells of the slices; None where it was not asked
    power                which known faults would be noticed
    """

    kind: str
    phases: tuple[str, ...]
    metrics: dict[str, Agreement]
    fractions: xr.DataArray
    reference_fractions: xr.DataArray
    properties: dict[str, PropertyAgreement] = attrs.field(factory=dict)
    classifier: ClassifierTest | None = None
    power: tuple[Power, ...] = ()

    @property
    def planes(self) -> tuple[str, ...]:
        """Those of the micrographs; all of a volume."""
        if self.kind == "volume":
            return PLANES
        planes_of_metrics = [one.curves["plane"].values for one in self.metrics.values()]
        return tuple(dict.fromkeys(str(plane) for planes in planes_of_metrics for plane in planes))

    @property
    def notes(self) -> list[str]:
        """How sampling errors were found, a sentence each."""
        return list(dict.fromkeys(note for one in self.metrics.values() for note in one.notes))

    @cached_property
    def verdict(self) -> Verdict:
        """Whether the samples are distinguishable from real subvolumes, and by what."""
        return judge(self)

    def list_multiples(self) -> dict[tuple[str, str], float]:
        """Errors over their limits, by statistic and place: above 1 it is distinguishable there."""
        return {
            (cell.statistic, cell.where): float(ratio)
            / self.verdict.limits[cell.statistic][cell.where]
            for block in build_blocks(self)
            for cell, ratio in zip(block.cells, block.ratios, strict=True)
        }

    def each(self) -> Iterator["Comparison"]:
        """The comparison of every sample by itself."""
        for i in range(self.fractions.sizes["sample"]):
            yield self.select([i])

    def select(self, samples: list[int]) -> "Comparison":
        """The comparison of some of the samples."""
        chosen = {"sample": samples}
        return attrs.evolve(
            self,
            metrics={
                name: attrs.evolve(one, curves=one.curves.isel(chosen))
                for name, one in self.metrics.items()
            },
            fractions=self.fractions.isel(chosen),
            properties={
                name: attrs.evolve(one, samples=one.samples.isel(chosen))
                for name, one in self.properties.items()
            },
            classifier=self.classifier and self.classifier.select(samples),
        )

    def to_table(self) -> dict[str, Any]:
        """As plain data for JSON; what is not a finite number is None."""
        table: dict[str, Any] = {
            "against": self.kind,
            "estimated_from_2d": self.kind == "micrographs",
            "samples": self.fractions.sizes["sample"],
            FRACTIONS: {
                name: {
                    "sample": to_plain(self.fractions.mean("sample")[k]),
                    "reference": to_plain(self.reference_fractions[k]),
                    "difference": to_plain(
                        (self.fractions.mean("sample") - self.reference_fractions)[k]
                    ),
                }
                for k, name in enumerate(self.phases)
            },
        }
        for name, agreement in self.metrics.items():
            entry = agreement.to_table(self.phases)
            if name != FRACTIONS:
                table[name] = entry
                continue
            for phase, values in entry["phases"].items():
                table[FRACTIONS][phase] |= values
        table["properties"] = {name: one.to_table() for name, one in self.properties.items()}
        if self.classifier is not None:
            table[CLASSIFIER] = self.classifier.to_table()
        table["power"] = [one.to_table() for one in self.power]
        table["verdict"] = self.verdict.to_table()
        return table

    def plot(self) -> "Figure":
        """A figure of the curves of the samples beside those of the reference."""
        return draw_curves(self)

    def __repr__(self) -> str:
        return f"Comparison({self.verdict.level}: {', '.join(self.metrics)})"

    def _repr_html_(self) -> str:
        return format_html(self)

    def to_text(self) -> str:
        """A few lines for a terminal."""
        difference = (self.fractions.mean("sample") - self.reference_fractions).values
        lines = [
            f"{name}: error {_number(h['error'])}, sampling error {_number(h['floor'])}"
            + "".join(f", {key} {h[key]:.3f}" for key in ("ratio", "spread") if np.isfinite(h[key]))
            for name, h in ((n, agreement.headline) for n, agreement in self.metrics.items())
        ]
        shares = zip(self.phases, self.fractions.mean("sample").values, difference, strict=True)
        lines.append(
            "volume fractions: " + ", ".join(f"{name} {f:.4f} ({d:+.4f})" for name, f, d in shares)
        )
        lines += [self.classifier.to_text()] if self.classifier is not None else []
        if self.power:
            counts = ", ".join(
                f"{p} {n} of {of}" for p, (n, of) in count_noticed(self.power).items()
            )
            lines.append(f"known faults that would be noticed: {counts}")
        lines += [one.to_text() for one in self.properties.values()]
        return "\n".join([self.verdict.to_text(), *lines, *(f"  {note}" for note in self.notes)])


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "none"
