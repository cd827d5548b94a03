"""Fewer passes of the 3D network than a schedule has steps.

Each pass is a new draw, and in training a volume goes through about seven of them on average
before it is begun anew: more are outside of what the network was trained on.
"""

from collections.abc import Sequence

import attrs
import numpy as np

from recon.core.sampling.step import Step


def thin(steps: list[Step], seen: list[int], most: int) -> list[Step]:
    """The steps, with at most so many of those whose indices are given, evenly chosen."""
    if len(seen) <= most:
        return steps
    places = np.linspace(0, len(seen), most, endpoint=False).round().astype(int)
    dropped = set(seen) - {seen[place] for place in places}
    return keep_steps(steps, [index for index in range(len(steps)) if index not in dropped])


def keep_steps(steps: list[Step], kept: Sequence[int]) -> list[Step]:
    """Some of the steps, by rising index; each ends where the next one that is kept begins."""
    chosen = [steps[index] for index in kept]
    levels = [step.ab_t for step in chosen] + [steps[-1].ab_s]
    return [
        attrs.evolve(step, number=number, steps=len(chosen), ab_s=levels[number + 1])
        for number, step in enumerate(chosen)
    ]
