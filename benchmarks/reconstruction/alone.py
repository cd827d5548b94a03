"""Is the network at fault, or the composition? Slices of the network alone, beside the volumes'.

The schedule goes through one plane only, so that every slice of the volume is an independent 2D
sample of the network; slices of the reconstructed volumes and of the real one stand beside it.
"""

from collections.abc import Sequence
from pathlib import Path

import attrs
import numpy as np
from classifier import areas, real_sides
from numpy.typing import NDArray
from sampling import sampled
from scipy import ndimage

from recon.core import Recipe, Volume
from recon.core.data.planes import NORMAL, PLANES
from recon.core.recipe import Choice

STEPS = 90


def table(
    recipe: Recipe, volumes: Sequence[Volume], subvolumes: Sequence[Volume], test: Volume, out: Path
) -> dict[str, dict[str, dict[str, float]]]:
    """plane -> "network alone", "volumes" or "real" -> mean number of a slice, and the area."""
    results: dict[str, dict[str, dict[str, float]]] = {}
    phases = len(test.phases)
    for plane in PLANES:
        one = attrs.evolve(
            recipe,
            steps=STEPS,
            schedule=Choice("cyclic", {"only": [plane]}),
            harmonizer=Choice("none"),
        )
        alone = sampled(one, 2, out / f"alone-{plane}").volumes
        sets = {"network alone": alone, "volumes": volumes, "real": subvolumes}
        results[plane] = {name: numbers(some, plane, phases) for name, some in sets.items()}
        for name, some in list(sets.items())[:2]:
            half = len(some) // 2
            fake = [volume.labels for volume in some]
            area = areas((fake[:half], fake[half:]), real_sides(test), phases, planes=(plane,))
            results[plane][name]["area under the curve"] = area[plane]
    return results


def numbers(volumes: Sequence[Volume], plane: str, phases: int) -> dict[str, float]:
    """Interface along both axes and components of each phase, mean over slices."""
    slices = [s for v in volumes for s in np.moveaxis(v.labels, NORMAL[plane], 0)[::4]]
    results = {
        f"interface along {'rows' if axis == 0 else 'columns'}": float(
            np.mean([(np.diff(s, axis=axis) != 0).mean() for s in slices])
        )
        for axis in (0, 1)
    }
    for k in range(phases):
        results[f"components {k}"] = float(np.mean([_components(s == k) for s in slices]))
    return results


def _components(mask: NDArray[np.bool_]) -> int:
    return int(ndimage.label(mask)[1])
