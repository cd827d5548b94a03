"""Training from another material's weights against training from scratch, by number of slices."""

from pathlib import Path
from typing import Any

import numpy as np
from curves import errors
from denoising import denoising_error
from matplotlib.figure import Figure
from numpy.typing import NDArray
from printed import leave, pm, table
from score import second_order
from study import METRICS, Study, held_out

from recon.core import Micrographs

Row = dict[str, Any]
COLOURS = ("#1c2330", "#1769d2", "#b8860b", "#2e8b57")


def transfer(study: Study) -> None:
    """Train every network, score its estimates of held-out slices and volumes made with it."""
    rows = []
    for source in study.table["from"]:
        init = study.network(study.of_material(source)).path if source else None
        for count in study.table["slices"]:
            for steps in study.table["steps"]:
                rows.append(_row(study, source, init, count, steps))
    full = study.network()
    reference = denoising_error(full.path, held_out(study.material))
    head = ["slices a plane", "from", "steps", "training / s", "denoising error, held out"]
    head += [f"{metric}: error" for metric in METRICS]
    lines = [
        [
            str(row["slices"]),
            row["from"] or "scratch",
            str(row["steps"]),
            f"{row['seconds']:.0f}",
            f"{row['denoising']:.4f}",
            *(pm(row[metric]["error"], row[metric]["half"]) for metric in METRICS),
        ]
        for row in sorted(rows, key=lambda row: (-row["slices"], row["steps"], row["from"]))
    ]
    floors = ", ".join(f"{metric} {rows[0][metric]['floor']:.3f}" for metric in METRICS)
    text = (
        f"Denoising error of the network of figure 8 (all slices, {full.facts['steps']} steps): "
        f"{reference:.4f}. Sampling error of volumes: {floors}; {study.table['seeds']} seeds.\n\n"
        f"{table(head, lines)}"
    )
    numbers = {"all slices": reference, "rows": rows}
    leave(study.name, study.out, text, numbers, _figure(study, rows, reference))


def few(micrographs: Micrographs, count: int) -> Micrographs:
    """So many slices of each plane, evenly spread; all where there are fewer."""
    planes = {
        plane: [
            stack[i] for i in np.unique(np.linspace(0, len(stack) - 1, count).round().astype(int))
        ]
        for plane, stack in micrographs.planes.items()
    }
    return Micrographs(planes, micrographs.voxel_size, micrographs.phases)


def _row(study: Study, source: str, init: Path | None, count: int, steps: int) -> Row:
    images = few(study.material.train, count)
    network = study.network(micrographs=images, init=init, steps=steps)
    (made,) = study.samplers(network.path).values()
    return {
        "from": source,
        "slices": count,
        "steps": steps,
        "seconds": network.facts["seconds"],
        "denoising": denoising_error(network.path, held_out(study.material)),
        "planes": errors(made.volumes, study.material.train),
        **second_order(made.volumes, study.material.test),
    }


def _figure(study: Study, rows: list[Row], reference: float) -> Figure:
    figure = Figure(figsize=(9, 3), layout="constrained")
    panels: NDArray[Any] = figure.subplots(1, 3)
    values = {
        "denoising error": lambda row: row["denoising"],
        "two-point error": lambda row: row["two-point"]["error"],
        "lineal-path error": lambda row: row["lineal-path"]["error"],
    }
    for axes, (title, value) in zip(panels, values.items(), strict=True):
        for colour, source in zip(COLOURS, study.table["from"], strict=False):
            for style, steps in zip((":", "-", "--"), study.table["steps"], strict=False):
                chosen = [r for r in rows if (r["from"], r["steps"]) == (source, steps)]
                axes.plot(
                    [row["slices"] for row in chosen],
                    [value(row) for row in chosen],
                    f"o{style}",
                    color=colour,
                    ms=3,
                    label=f"{source or 'scratch'}, {steps} steps",
                )
        axes.set_xscale("log")
        axes.set_xticks(study.table["slices"], [str(n) for n in study.table["slices"]])
        axes.set_xlabel("slices a plane")
        axes.set_title(title, fontsize=9)
    panels[0].axhline(reference, color="#9aa4b2", lw=1, label="all slices, figure 8")
    for axes, metric in zip(panels[1:], METRICS, strict=True):
        axes.axhline(rows[0][metric]["floor"], color="#9aa4b2", lw=1, label="sampling error")
        axes.set_ylim(bottom=0)
    panels[0].legend(fontsize=6, frameon=False)
    return figure
