"""The verdict as the page says it: in words, with a sign, and where to look."""

import attrs

from recon.validation.classifier.two_sample_test import CLASSIFIER
from recon.validation.comparison.comparison import Comparison
from recon.validation.comparison.notebook import SIGNS

NOTE = "–"  # before what does not lower the verdict
TITLES = {
    "indistinguishable": "Statistically indistinguishable",
    "no difference found": "No difference found, by a weak test",
    "close": "Close",
    "not equivalent": "Not equivalent",
    "unknown": "No verdict",
}
NOTHING = (
    "There is nothing to compare the volume with. Give micrographs or a real volume of the "
    "material: recon.report(path, volumes, reference), or recon measure VOLUME --against REFERENCE."
)


@attrs.frozen
class ShownFinding:
    """One finding: its sentence, and the id of the section that shows it with the title there."""

    level: str
    sign: str
    text: str
    to: str | None
    title: str


@attrs.frozen
class Judgement:
    """What stands on top of the page."""

    level: str
    sign: str
    title: str
    headline: str
    findings: list[ShownFinding]


def phrase_verdict(comparison: Comparison | None, sections: dict[str, str]) -> Judgement:
    """The comparison's verdict, its findings linked to sections (name of a statistic -> id)."""
    if comparison is None:
        return Judgement("unknown", SIGNS["unknown"], TITLES["unknown"], NOTHING, [])
    verdict = comparison.verdict
    titles = {name: agreement.title for name, agreement in comparison.metrics.items()}
    titles[CLASSIFIER] = "Classifier"
    findings = [
        ShownFinding(
            finding.level,
            SIGNS.get(finding.level, NOTE),
            finding.text,
            sections.get(finding.statistic),
            titles.get(finding.statistic, finding.statistic),
        )
        for finding in verdict.findings
    ]
    level = verdict.level
    said = verdict.headline.removeprefix(f"{TITLES[level]}: ")  # which the title says
    headline = said[:1].upper() + said[1:]
    return Judgement(level, SIGNS[level], TITLES[level], headline, findings)
