"""verdict(): a plain word on a comparison, and what fails on which plane.

One test for everything that is compared. The error of a statistic on a plane (the mean over
phases) is divided by the mean error of real pieces. Every ratio has a limit, such that a real
piece exceeds any of them with chance ALPHA (see null.py), however many statistics, planes and
phases there are. docs/verdict.md tells what this does in practice.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.validation.comparison.cells import NOT_JUDGED, Block, blocks
from recon.validation.comparison.null import Null, null, spread_range

if TYPE_CHECKING:
    from recon.validation.comparison.equivalence import Comparison

INDISTINGUISHABLE, CLOSE, NOT_EQUIVALENT, UNKNOWN = LEVELS = (
    "indistinguishable",
    "close",
    "not equivalent",
    "unknown",
)
NOTE = "note"
ALPHA = 0.05
"""Chance that a real piece is not called indistinguishable."""
CLOSE_UP_TO = 2.0
"""Limits within which a volume is close: as near to the material as a real piece of a quarter of
its size, because errors of pieces go with the root of their volume."""
SHOWN = 6
"""Findings on a terminal."""
SPOKEN = {
    "two-point": "the two-point function",
    "lineal-path": "the lineal path",
    "chord-length.density": "the distribution of chord lengths",
    "chord-length.mean": "the mean chord length",
    "surface-density.faces": "the surface density",
    "volume-fraction": "the volume fraction",
    "two-point-cluster": "the two-point cluster function",
    "percolation.spanning_share": "the share of a phase that percolates",
    "percolation.largest_share": "the share of a phase in its largest cluster",
    "local-thickness.mean": "the mean local thickness",
}


@attrs.frozen
class Finding:
    """What fails, or is to be known.

    where  plane, direction or constant of a property; None when it is all of them
    phase  the one that fails most; None when there is one or none
    value  mean error over the mean error of real pieces;  limit  what it may reach
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
    p_value  chance that a real piece goes as far
    """

    level: str
    headline: str
    findings: tuple[Finding, ...]
    value: float = float("nan")
    limit: float = float("nan")
    p_value: float = float("nan")

    def to_table(self) -> dict[str, Any]:
        """As plain data for JSON; what is not a finite number is None."""
        return {
            **attrs.asdict(self, value_serializer=_json),
            "alpha": ALPHA,
            "close_up_to": CLOSE_UP_TO,
        }

    def to_text(self) -> str:
        """A line for a terminal, and one for each of the worst findings."""
        findings = [f"  {finding.level}: {finding.text}" for finding in self.findings[:SHOWN]]
        if len(self.findings) > SHOWN:
            findings.append(f"  and {len(self.findings) - SHOWN} more (--json tells all)")
        return "\n".join([f"verdict: {self.level}. {self.headline}", *findings])


def verdict(comparison: "Comparison") -> Verdict:
    """The verdict on a comparison."""
    found = blocks(comparison)
    if not found:
        notes = dict.fromkeys(note for a in comparison.metrics.values() for note in a.notes)
        return Verdict(UNKNOWN, f"No verdict: {'; '.join(notes)}.", ())
    samples = comparison.fractions.sizes["sample"]
    real = null(found, samples, ALPHA)
    ranked = sorted(
        _findings(found, real, comparison.phases), key=lambda f: f.value / f.limit, reverse=True
    )
    worst, unjudged = ranked[0], _unjudged(comparison)
    failing = [finding for finding in ranked if finding.level != INDISTINGUISHABLE]
    return Verdict(
        worst.level,
        _headline(worst, failing, unjudged, len(ranked)),
        (*failing, *unjudged, *_spanning(comparison), *_scatter(comparison, found)),
        worst.value,
        worst.limit,
        real.chance,
    )


def _level(value: float, limit: float) -> str:
    if value <= limit:
        return INDISTINGUISHABLE
    return CLOSE if value <= CLOSE_UP_TO * limit else NOT_EQUIVALENT


def _findings(found: Sequence[Block], real: Null, phases: tuple[str, ...]) -> list[Finding]:
    """One for every cell, whether it fails or not."""
    made = []
    for block, limits in zip(found, real.limits, strict=True):
        for cell, value, limit in zip(
            block.cells, block.ratios.tolist(), limits.tolist(), strict=True
        ):
            phase = phases[cell.phase] if cell.phase is not None and cell.phase >= 0 else None
            text = f"{spoken(cell.statistic)}{_at(cell.over, cell.where)}: {_times(value)}"
            text += f" the mean error of real pieces (limit {limit:.2g})"
            if cell.values is not None:
                text += "; {:.3g} where real pieces have {:.3g}".format(*cell.values)
            if phase is not None and len(phases) > 1:
                text += f"; most in phase {phase}" if cell.values is None else f" in phase {phase}"
            where = None if cell.where == "all" else cell.where
            level = _level(value, limit)
            made.append(Finding(cell.statistic, where, phase, value, limit, level, text))
    return made


def spoken(statistic: str) -> str:
    """A statistic in words."""
    return SPOKEN.get(statistic, statistic.replace(".", " "))


def _at(over: str, where: str) -> str:
    if where == "all":
        return ""
    return {"plane": f" on plane {where}", "direction": f" along {where}"}.get(over, f" ({where})")


def _times(value: float) -> str:
    if not np.isfinite(value):
        return "infinitely many times"
    return f"{value:.0f} times" if value >= 10 else f"{value:.2g} times"


def _headline(
    worst: Finding, failing: Sequence[Finding], unjudged: Sequence[Finding], count: int
) -> str:
    if not failing:
        headline = (
            f"None of {count} errors tells the volume from a real piece of its size (a real piece "
            f"would be told in {100 * ALPHA:.0f} % of cases or fewer). Nearest to it comes "
            f"{worst.text}."
        )
    else:
        headline = f"{worst.text[0].upper()}{worst.text[1:]}."
    if len(failing) > 1:
        names = dict.fromkeys(spoken(f.statistic) for f in failing[1:])
        headline += f" Of {count} errors {len(failing)} fail: also {_listed(list(names))}."
    if unjudged:
        where = dict.fromkeys(f.where or spoken(f.statistic) for f in unjudged)
        headline += f" Not judged, for want of a floor: {_listed(list(where))}."
    return headline


def _listed(names: list[str]) -> str:
    shown = names[:3] + ([f"{len(names) - 3} more"] if len(names) > 3 else [])
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _unjudged(comparison: "Comparison") -> list[Finding]:
    """Planes and statistics that have no floor."""
    nan = float("nan")
    made = []
    for name, agreement in comparison.metrics.items():
        if agreement.name in NOT_JUDGED:
            continue
        floor = agreement.table["floor"].mean("phase")
        for where in floor[agreement.over].values[~np.isfinite(floor.values)]:
            text = f"{spoken(name)}{_at(agreement.over, str(where))} could not be judged: no floor"
            made.append(Finding(name, str(where), None, nan, nan, UNKNOWN, text))
    return made


def _spanning(comparison: "Comparison") -> list[Finding]:
    """Phases that span in all samples and in no real piece, or the other way round."""
    agreement = comparison.metrics.get("percolation.spanning_share")
    if agreement is None or agreement.floor is None:
        return []
    made = []
    for k, phase in enumerate(comparison.phases):
        for where in agreement.curves["direction"].values:
            at = {"phase": k, "direction": where}
            ours = agreement.curves.sel(at).values > 0
            real = agreement.floor.curves.sel(at).values > 0
            if ours.any() == real.any() or ours.all() == real.all():
                continue
            text = (
                f"{phase} percolates along {where} in {'all' if ours.all() else 'none'} of "
                f"{len(ours)} samples and in {'all' if real.all() else 'none'} of {len(real)} "
                "real pieces"
            )
            shares = float(ours.mean()), float(real.mean())
            made.append(Finding(agreement.name, str(where), phase, *shares, NOTE, text))
    return made


def _scatter(comparison: "Comparison", found: Sequence[Block]) -> list[Finding]:
    """Several samples that are more alike, or less, than real pieces are."""
    spreads = [agreement.headline["spread"] for agreement in comparison.metrics.values()]
    known: NDArray[np.float64] = np.array([s for s in spreads if np.isfinite(s) and s > 0])
    samples = comparison.fractions.sizes["sample"]
    if samples < 2 or not len(known):
        return []
    low, high = spread_range(samples, min(block.worth for block in found))
    spread = float(np.exp(np.log(known).mean()))
    if low <= spread <= high:
        return []
    how = "less" if spread < low else "more"
    text = (
        f"the {samples} samples scatter {how} than real pieces do: {spread:.2g} of their deviation "
        f"({low:.2g} to {high:.2g} is what chance gives); each by itself is judged above"
    )
    return [Finding("spread", None, None, spread, high if how == "more" else low, NOTE, text)]


def _json(owner: Any, field: Any, value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value
