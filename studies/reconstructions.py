"""Figures 5, 8 and 11: volumes, slices and curves of a material, sampler beside sampler."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from curves import draw, errors
from matplotlib.figure import Figure
from printed import leave, pm, table
from sampling import Made
from score import of_micrographs, real_crops, scalars, second_order
from solids import cube, cut, image
from study import METRICS, Study, held_out

from recon.core import Micrographs, Volume
from recon.core.data.planes import PLANES

SCALARS = 16
"""Volumes of a sampler that components and interface are counted in at most."""


def reconstructions(study: Study) -> None:
    """Make what is missing, print the tables, draw the figure."""
    network = study.network()
    slices = ", ".join(f"{count} {plane}" for plane, count in network.facts["slices"].items())
    head = (
        f"{study.table['material']}: {network.facts['parameters'] / 1e6:.2f} M parameters, "
        f"{network.facts['steps']} steps in {network.facts['seconds'] / 60:.0f} minutes on "
        f"{slices} slices."
    )
    judged(study, head, study.samplers(network.path))


def judged(study: Study, head: str, every: dict[str, Made]) -> None:
    """Score volumes by the name of what made them, print the tables, draw the figure."""
    what = study.material
    pieces = real_crops(what.test, study.shape)
    images = {"training": what.train, "held out": held_out(what)}
    made = {name: one.volumes for name, one in every.items()}
    scores = {name: score(one, pieces, what.train, what.test) for name, one in every.items()}
    planes = {
        name: {kind: errors(volumes, against) for kind, against in images.items()}
        for name, volumes in made.items()
    }
    text = "\n\n".join([head, scores_table(scores), _planes_table(planes)])
    figure = _figure(study, made, pieces, images)
    leave(study.name, study.out, text, {"scores": scores, "planes": planes}, figure)


def score(
    made: Made, pieces: Sequence[Volume], micrographs: Micrographs, test: Volume
) -> dict[str, Any]:
    """Numbers of the volumes of one sampler."""
    rows = [scalars(volume, {}) for volume in made.volumes[:SCALARS]]
    real = [scalars(piece, {}) for piece in pieces]
    seen = of_micrographs(micrographs)
    phases = range(len(test.phases))
    return {
        "seeds": len(made.volumes),
        "passes": float(np.median(made.passes)),
        **second_order(made.volumes, test),
        "fractions": [
            float(np.mean([(v.labels == k).mean() for v in made.volumes])) for k in phases
        ],
        "fractions of micrographs": [seen[f"fraction {k}"] for k in phases],
        "interface": _mean(rows, "interface") / seen["interface"] - 1,
        "components": [_mean(rows, f"components {k}") for k in phases],
        "components of real pieces": [_mean(real, f"components {k}") for k in phases],
    }


def _mean(results: Sequence[dict[str, float]], key: str) -> float:
    return float(np.mean([one[key] for one in results]))


def scores_table(scores: dict[str, dict[str, Any]]) -> str:
    """A row a sampler."""
    head = ["", "seeds", "passes"]
    head += [
        "two-point: error (sampling error)",
        "ratio, spread",
        "lineal path: error (sampling error)",
    ]
    head += ["ratio, spread", "fractions (micrographs)", "interface", "components (real)"]
    rows = []
    for name, entry in scores.items():
        row = [name, f"{entry['seeds']}", f"{entry['passes']:.0f}".replace("nan", "-")]
        for metric in METRICS:
            one = entry[metric]
            row += [f"{pm(one['error'], one['half'])} ({one['floor']:.3f})"]
            row += [f"{one['ratio']:.2f}, {one['spread']:.2f}".replace("nan", "-")]
        row += [
            f"{_list(entry['fractions'], 3)} ({_list(entry['fractions of micrographs'], 3)})",
            f"{100 * entry['interface']:+.0f} %",
            f"{_list(entry['components'], 0)} ({_list(entry['components of real pieces'], 0)})",
        ]
        rows.append(row)
    return table(head, rows)


def _list(values: Sequence[float], digits: int) -> str:
    return " ".join(f"{value:.{digits}f}" for value in values)


def _planes_table(planes: dict[str, Any]) -> str:
    head = [
        "error of slices (sampling error)",
        *(f"{m}, {plane}" for m in METRICS for plane in PLANES),
    ]
    rows = [
        [
            f"{name}, {kind}",
            *(
                f"{entry[m][p][0]:.3f} ({entry[m][p][2]:.3f})".replace("(nan)", "(-)")
                for m in METRICS
                for p in PLANES
            ),
        ]
        for name, kinds in planes.items()
        for kind, entry in kinds.items()
    ]
    return table(head, rows)


def _figure(
    study: Study,
    made: dict[str, list[Volume]],
    pieces: Sequence[Volume],
    images: dict[str, Micrographs],
) -> Figure:
    phases = range(1 if len(pieces[0].phases) == 2 else 0, len(pieces[0].phases))
    first = {name: volumes[0] for name, volumes in made.items()}
    cubes = {"real": pieces[len(pieces) // 2], **first}
    rows = 2 * len(phases)
    figure = Figure(figsize=(9, 4.6 + 1.55 * rows), layout="constrained")
    top, middle, bottom = figure.subfigures(3, 1, height_ratios=(1.7, 2.9, 1.55 * rows))
    for axes, (name, volume) in zip(top.subplots(1, len(cubes)), cubes.items(), strict=True):
        cube(axes, volume, name)
    columns = {"training": None, **cubes}
    for line, plane in zip(middle.subplots(3, len(columns)), PLANES, strict=True):
        for axes, (name, volume) in zip(line, columns.items(), strict=True):
            title = f"{name}, {plane}"
            if volume is None:
                slices = images["training"].planes[plane]
                side = min(64, *slices[0].shape)
                image(axes, slices[len(slices) // 2][:side, :side], pieces[0], title)
            else:
                cut(axes, volume, plane, title)
    panels = bottom.subplots(rows, 3, squeeze=False, sharex=True)
    draw(panels, made, pieces, images, list(phases), min(study.shape) // 2)
    return figure
