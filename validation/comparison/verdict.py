"""Verdict: a plain word on a comparison, and what fails on which plane.

One test for everything that is compared. The error of a statistic on a plane (the mean over
phases) is divided by the mean error of real subvolumes. Every ratio has a limit, such that a real
subvolume exceeds any of them with chance ALPHA (see null.py), however many statistics, planes and
phases there are. docs/verdict.md tells what this does in practice.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.validation.classifier.two_sample_test import CLASSIFIER
from recon.validation.comparison.agreement import Agreement, name_phase
from recon.validation.comparison.cells import EVERY, Block, build_blocks
from recon.validation.comparison.null import Null, bound_spread, calibrate
from recon.validation.comparison.power import count_noticed, is_weak

if TYPE_CHECKING:
    from recon.validation.comparison.comparison import Comparison

INDISTINGUISHABLE, NO_DIFFERENCE, CLOSE, NOT_EQUIVALENT, UNKNOWN = LEVELS = (
    "indistinguishable",
    "no difference found",
    "close",
    "not equivalent",
    "unknown",
)
NOTE = "note"
ALPHA = 0.05
"""Chance that a real subvolume is not called indistinguishable."""
CLOSE_UP_TO = 2.0
"""Limits within which a volume is close: as near to the material as a real subvolume of a quarter
of its size, because errors of subvolumes go with the root of their volume."""
SHOWN = 6
"""Findings on a terminal."""


@attrs.frozen
class Finding:
    """What fails, or is to be known.

    where  plane, direction or constant of a property; None when it is all of them
    phase  the one that fails most; None when there is one or none
    value  mean error over the mean error of real subvolumes;  limit  what it may reach
    level  "close", "not equivalent", "unknown", or "note" for what does not lower the verdict
    text   a sentence
    """

    statistic: str
    where: str | None
    phase: str | None
    value: float
    limit: float
    level: str
    text: str


@attrs.frozen
class Verdict:
    """One of LEVELS, a sentence for the top of a page, and what fails, worst first.

    value    the ratio that comes nearest to its limit, or exceeds it most;  limit  that limit
    p_value  chance that a real subvolume goes as far
    limits   statistic -> plane, direction or constant -> what the ratio may reach
    """

    level: str
    headline: str
    findings: tuple[Finding, ...]
    value: float = float("nan")
    limit: float = float("nan")
    p_value: float = float("nan")
    limits: Mapping[str, Mapping[str, float]] = attrs.field(factory=dict)

    def to_table(self) -> dict[str, Any]:
        """As plain data for JSON; what is not a finite number is None."""
        return {
            **attrs.asdict(self, value_serializer=_json),
            "why": self.headline,
            "alpha": ALPHA,
            "close_up_to": CLOSE_UP_TO,
        }

    def to_text(self) -> str:
        """A line for a terminal, and one for each of the worst findings."""
        findings = [f"  {finding.level}: {finding.text}" for finding in self.findings[:SHOWN]]
        if len(self.findings) > SHOWN:
            findings.append(
                f"  and {len(self.findings) - SHOWN} more, in the JSON and in the report"
            )
        return "\n".join([f"verdict: {self.level}. {self.headline}", *findings])


def judge(comparison: "Comparison") -> Verdict:
    """The verdict on a comparison."""
    blocks = build_blocks(comparison)
    if not blocks:
        notes = dict.fromkeys(note for a in comparison.metrics.values() for note in a.notes)
        return Verdict(UNKNOWN, f"No verdict: {'; '.join(notes)}.", ())
    phrases = {name: agreement.phrase for name, agreement in comparison.metrics.items()}
    phrases[CLASSIFIER] = "the distance that a classifier sees"
    null = calibrate(blocks, comparison.fractions.sizes["sample"], ALPHA)
    ranked = sorted(
        _list_findings(blocks, null, comparison.phases, phrases),
        key=lambda finding: finding.value / finding.limit,
        reverse=True,
    )
    worst, unjudged = ranked[0], _list_unjudged(comparison)
    failing = [finding for finding in ranked if finding.level != INDISTINGUISHABLE]
    weak = _list_weaknesses(comparison)
    level = NO_DIFFERENCE if worst.level == INDISTINGUISHABLE and weak else worst.level
    remarks = (*_note_occurrences(comparison), *_note_scatter(comparison, blocks))
    return Verdict(
        level,
        _write_headline(worst, failing, unjudged, len(ranked), phrases, weak),
        (*failing, *unjudged, *remarks),
        worst.value,
        worst.limit,
        null.chance,
        _list_limits(blocks, null),
    )


def _list_limits(blocks: Sequence[Block], null: Null) -> dict[str, dict[str, float]]:
    limits: dict[str, dict[str, float]] = {}
    for block, values in zip(blocks, null.limits, strict=True):
        for cell, limit in zip(block.cells, values.tolist(), strict=True):
            limits.setdefault(cell.statistic, {})[cell.where] = limit
    return limits


def _choose_level(value: float, limit: float) -> str:
    if value <= limit:
        return INDISTINGUISHABLE
    return CLOSE if value <= CLOSE_UP_TO * limit else NOT_EQUIVALENT


def _list_findings(
    blocks: Sequence[Block], null: Null, phases: tuple[str, ...], phrases: Mapping[str, str]
) -> list[Finding]:
    """One for every cell, whether it fails or not."""
    findings = []
    for block, limits in zip(blocks, null.limits, strict=True):
        for cell, value, limit in zip(
            block.cells, block.ratios.tolist(), limits.tolist(), strict=True
        ):
            phase = phases[cell.phase] if cell.phase is not None and cell.phase >= 0 else None
            phrase = phrases.get(cell.statistic, cell.statistic)
            most = f", most on {cell.most}" if cell.most else ""
            text = f"{phrase}{_at(cell.over, cell.where)}{most}: {_times(value)}"
            text += f" the mean error of real subvolumes (limit {limit:.2g})"
            if cell.values is not None:
                own, real = (f"{value:.3g}" for value in cell.values)
                unit = f" {cell.unit}" if cell.unit else ""
                text += f"; {cell.shown}{own} where real subvolumes have {real}{unit}"
            if phase is not None and len(phases) > 1:
                text += f"; most in phase {phase}" if cell.values is None else f" in phase {phase}"
            where = None if cell.where == "all" else cell.where
            level = _choose_level(value, limit)
            findings.append(Finding(cell.statistic, where, phase, value, limit, level, text))
    return findings


def _at(over: str, where: str) -> str:
    if where == "all":
        return ""
    if where == EVERY:
        return " on all planes together"
    return {"plane": f" on plane {where}", "direction": f" along {where}"}.get(over, f" ({where})")


def _times(value: float) -> str:
    if not np.isfinite(value):
        return "infinitely many times"
    return f"{value:.0f} times" if value >= 10 else f"{value:.2g} times"


def _write_headline(
    worst: Finding,
    failing: Sequence[Finding],
    unjudged: Sequence[Finding],
    count: int,
    phrases: Mapping[str, str],
    weak: Sequence[str],
) -> str:
    if not failing and weak:
        headline = (
            f"None of {count} errors is larger than those of real subvolumes, but the test is "
            f"weak: {'; '.join(weak)}. Nearest to its limit comes {worst.text}."
        )
    elif not failing:
        headline = (
            f"None of {count} errors distinguishes the volume from a real subvolume of its size "
            f"(a real subvolume would differ significantly in {100 * ALPHA:.0f} % of cases or "
            f"fewer). Nearest to its limit comes {worst.text}."
        )
    else:
        headline = f"{worst.text[0].upper()}{worst.text[1:]}."
    if len(failing) > 1:
        names = dict.fromkeys(phrases.get(f.statistic, f.statistic) for f in failing)
        others = [name for name in names if name != phrases.get(worst.statistic, worst.statistic)]
        headline += f" Of {count} errors {len(failing)} fail"
        headline += f": also {_enumerate(others)}." if others else "."
    if unjudged:
        where = dict.fromkeys(f.where or phrases[f.statistic] for f in unjudged)
        headline += f" Not judged, for want of a sampling error: {_enumerate(list(where))}."
    return headline


def _enumerate(names: list[str]) -> str:
    shown = names[:3] + ([f"{len(names) - 3} more"] if len(names) > 3 else [])
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _list_weaknesses(comparison: "Comparison") -> list[str]:
    """Why no difference says little: planes on which known faults, or nothing, would be found."""
    if not comparison.power:
        return ["what it would notice is not known without the classifier"]
    reasons = []
    noticed = count_noticed(comparison.power)
    for plane, (number, of) in noticed.items():
        if plane != EVERY and is_weak(number, of):
            made = [note for note in comparison.notes if note.startswith(f"{plane}: ")]
            held = f" ({made[0].partition(': ')[2]})" if made else ""
            reasons.append(f"on plane {plane} it notices {number} of {of} known faults{held}")
    if missing := [plane for plane in comparison.planes if plane not in noticed]:
        reasons.append(f"plane {', '.join(missing)} cannot be judged")
    return reasons


def _list_unjudged(comparison: "Comparison") -> list[Finding]:
    """Planes and statistics that have no sampling error."""
    nan = float("nan")
    findings = []
    for name, agreement in comparison.metrics.items():
        if not agreement.compared.judged:
            continue
        sampling = agreement.table["floor"].mean("phase")
        for where in sampling[agreement.over].values[~np.isfinite(sampling.values)]:
            text = f"{agreement.phrase}{_at(agreement.over, str(where))} could not be judged: "
            text += "no sampling error"
            findings.append(Finding(name, str(where), None, nan, nan, UNKNOWN, text))
    return findings


def _note_occurrences(comparison: "Comparison") -> list[Finding]:
    """What all samples do and no real subvolume, or the other way round: a phase percolates."""
    return [
        note
        for agreement in comparison.metrics.values()
        if agreement.compared.occurrence and agreement.sampling_error is not None
        for phase in agreement.curves["phase"].values
        for where in agreement.curves[agreement.over].values
        for note in _note_occurrence(agreement, int(phase), where, comparison.phases)
    ]


def _note_occurrence(
    agreement: Agreement, phase: int, where: Any, phases: tuple[str, ...]
) -> list[Finding]:
    """One note, or none where samples and real subvolumes do alike."""
    assert agreement.sampling_error is not None
    at = {"phase": phase, agreement.over: where}
    own = agreement.curves.sel(at).values > 0
    real = agreement.sampling_error.curves.sel(at).values > 0
    if own.any() == real.any() or own.all() == real.all():
        return []
    name = name_phase(phase, phases)
    text = (
        f"{name} {agreement.compared.occurrence}{_at(agreement.over, str(where))} in "
        f"{'all' if own.all() else 'none'} of {len(own)} samples and in "
        f"{'all' if real.all() else 'none'} of {len(real)} real subvolumes"
    )
    shares = float(own.mean()), float(real.mean())
    return [Finding(agreement.name, str(where), name, *shares, NOTE, text)]


def _note_scatter(comparison: "Comparison", blocks: Sequence[Block]) -> list[Finding]:
    """Several samples that are more alike, or less, than real subvolumes are."""
    spreads = [agreement.headline["spread"] for agreement in comparison.metrics.values()]
    known: NDArray[np.float64] = np.array([s for s in spreads if np.isfinite(s) and s > 0])
    samples = comparison.fractions.sizes["sample"]
    if samples < 2 or not len(known):
        return []
    low, high = bound_spread(samples, min(block.worth for block in blocks))
    spread = float(np.exp(np.log(known).mean()))
    if low <= spread <= high:
        return []
    how = "less" if spread < low else "more"
    text = (
        f"the {samples} samples scatter {how} than real subvolumes do: {spread:.2g} of their "
        f"deviation ({low:.2g} to {high:.2g} is what chance gives); each by itself is judged above"
    )
    return [Finding("spread", None, None, spread, high if how == "more" else low, NOTE, text)]


def _json(owner: Any, field: Any, value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value
