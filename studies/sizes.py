"""Volumes larger than the training crops, and periodic ones, beside their sampling error."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from printed import leave, table
from reconstructions import score, scores_table
from score import real_crops
from solids import cube
from study import Study

from recon.core import Volume


def sizes(study: Study) -> None:
    """Make the volumes of each row, score them, draw one of each."""
    what, network = study.material, study.network()
    scores, made = {}, {}
    for name, given in study.table["volumes"].items():
        settings = {k: v for k, v in given.items() if k not in ("shape", "seeds")}
        shape = tuple(given["shape"])
        result = study.made(network.path, settings, given.get("seeds", study.table["seeds"]), shape)
        scores[name] = score(result, real_crops(what.test, shape), what.train, what.test)
        made[name] = result.volumes
    seams = {
        name: seam(volumes)
        for name, volumes in made.items()
        if "periodic" in study.table["volumes"][name]
    }
    head = ["interface across the border (inside)", *"zyx"]
    rows = [
        [name, *(f"{border:.3f} ({inside:.3f})" for border, inside in result)]
        for name, result in seams.items()
    ]
    text = f"{scores_table(scores)}\n\n{table(head, rows)}"
    figure = Figure(figsize=(2.2 * len(made), 2.6), layout="constrained")
    for axes, (name, volumes) in zip(figure.subplots(1, len(made)), made.items(), strict=True):
        cube(axes, volumes[0], name)
    leave(study.name, study.out, text, {"scores": scores, "seams": seams}, figure)


def seam(volumes: Sequence[Volume]) -> list[tuple[float, float]]:
    """Along z, y, x: share of voxel pairs that differ across the border, and inside."""
    rows: list[tuple[float, float]] = []
    for axis in range(3):
        border: list[Any] = []
        inside: list[Any] = []
        for volume in volumes:
            first, last = (volume.labels.take(place, axis) for place in (0, -1))
            border.append((first != last).mean())
            inside.append((np.diff(volume.labels.astype(int), axis=axis) != 0).mean())
        rows.append((float(np.mean(border)), float(np.mean(inside))))
    return rows
