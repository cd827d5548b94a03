"""Advice: what to try when a verdict is poor, from which statistics fail."""

from recon.validation.comparison.verdict import (
    CLOSE,
    NO_DIFFERENCE,
    NOT_EQUIVALENT,
    UNKNOWN,
    Verdict,
)

FAILING = (CLOSE, NOT_EQUIVALENT)
AMOUNT = (
    "The amount of a phase is off: compare how the images of each plane were segmented, then aim "
    "at a fraction (--fraction), or give images of more places."
)
SHAPE = (
    "Shapes are off: train longer (--train-steps), with a larger network (--preset small), or on "
    "larger crops (--set denoiser.crop=64) where features are longer than 32 pixels."
)
PARTS = (
    "Small parts are too many or too few: look for specks in the micrographs (recon import "
    "--denoise median), and keep the refiners (islands, patterns)."
)
ORDER = (
    "Distances are off: give the sampler more steps (--steps 120, without --fast), and see whether "
    "the planes show the same material (recon import checks this)."
)
TOUCH = (
    "The wrong phases touch: look for rims that segmentation left between two phases "
    "(recon import --segment edges)."
)
MORE = "The test is weak: give more or larger micrographs, a larger volume, or several samples."
NOTHING = "Nothing could be judged: give more or larger micrographs, or a smaller volume."
REMEDIES = {
    "volume-fraction": AMOUNT,
    "contact": TOUCH,
    "components": PARTS,
    "minkowski": PARTS,
    "two-point": ORDER,
    "lineal-path": ORDER,
    "two-point-cluster": ORDER,
}
"""By metric; of any other SHAPE."""
MOST = 3


def give_advice(verdict: Verdict) -> list[str]:
    """Sentences, the remedy of what fails most first; none where nothing is to be done."""
    if verdict.level == NO_DIFFERENCE:
        return [MORE]
    if verdict.level == UNKNOWN:
        return [NOTHING]
    failing = [one.statistic.partition(".")[0] for one in verdict.findings if one.level in FAILING]
    return list(dict.fromkeys(REMEDIES.get(metric, SHAPE) for metric in failing))[:MOST]
