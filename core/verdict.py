"""verdict(): a plain word on a comparison, and what fails on which plane."""

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from recon.core.equivalence import Comparison

INDISTINGUISHABLE, CLOSE, NOT, UNKNOWN = LEVELS = (
    "indistinguishable",
    "close",
    "not equivalent",
    "unknown",
)


@attrs.frozen
class Finding:
    """What fails, or is to be known.

    where  plane or direction, None for all of them;  phase  name, None for their mean
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
    """One of LEVELS, a sentence for the top of a page, and what fails, worst first."""

    level: str
    headline: str
    findings: tuple[Finding, ...]

    def to_table(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return attrs.asdict(self)


def verdict(comparison: "Comparison") -> Verdict:
    """The verdict on a comparison."""
    return Verdict(UNKNOWN, "no floor to judge by", ())
