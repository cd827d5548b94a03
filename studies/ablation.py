"""Figure B1 and the growth of quality with training: one option of the network at a time."""

from typing import Any

import numpy as np
from curves import COLOURS, errors
from denoising import denoising_error
from matplotlib.figure import Figure
from printed import leave, pm, table
from study import METRICS, Network, Study, held_out

Row = dict[str, Any]


def ablation(study: Study) -> None:
    """Train each network, sample, and score slices against the training images."""
    rows: list[Row] = []
    for option, values in study.table["vary"].items():
        for value in values:
            network = study.network(**{option: value})
            rows.append({"option": option, "value": value, **_row(study, network)})
    head = ["", "parameters / M", "training / min", "denoising error, held out"]
    head += [f"{sampler}: {metric}" for sampler in study.table["sampler"] for metric in METRICS]
    lines = [
        [
            f"{row['option']} {row['value']}",
            f"{row['parameters'] / 1e6:.2f}",
            f"{row['seconds'] / 60:.1f}",
            f"{row['denoising']:.4f}",
            *(pm(*row["errors"][s][m]) for s in study.table["sampler"] for m in METRICS),
        ]
        for row in rows
    ]
    text = f"{study.table['seeds']} seeds each, error of slices against the training images "
    text += f"(mean over planes ± deviation over seeds).\n\n{table(head, lines)}"
    leave(study.name, study.out, text, rows, _figure(rows))


def _row(study: Study, network: Network) -> Row:
    results: dict[str, Any] = {}
    for name, made in study.samplers(network.path).items():
        each = [errors([volume], study.material.train) for volume in made.volumes]
        results[name] = {}
        for metric in METRICS:
            values = [np.mean([plane[0] for plane in one[metric].values()]) for one in each]
            results[name][metric] = (float(np.mean(values)), float(np.std(values, ddof=1)))
    return {
        "parameters": network.facts["parameters"],
        "seconds": network.facts["seconds"],
        "denoising": denoising_error(network.path, held_out(study.material)),
        "errors": results,
    }


def _figure(rows: list[Row]) -> Figure:
    options = list(dict.fromkeys(row["option"] for row in rows))
    figure = Figure(figsize=(3 * len(options), 6), layout="constrained")
    panels = figure.subplots(1 + len(METRICS), len(options), squeeze=False, sharey="row")
    for column, option in zip(panels.T, options, strict=True):
        chosen = [row for row in rows if row["option"] == option]
        ticks = [f"{row['value']}" for row in chosen]
        for axes, metric in zip(column, METRICS, strict=False):
            for sampler in chosen[0]["errors"]:
                mean, deviation = zip(*(r["errors"][sampler][metric] for r in chosen), strict=True)
                axes.errorbar(
                    ticks, mean, deviation, fmt="o-", color=COLOURS[sampler], label=sampler
                )
            axes.set_title(f"{metric}, by {option}", fontsize=9)
        column[-1].plot(ticks, [row["denoising"] for row in chosen], "s-", color="#1c2330")
        column[-1].set_title(f"denoising error, by {option}", fontsize=9)
        column[-1].set_xlabel(option)
    for axes in panels[: len(METRICS), 0]:  # not before all are drawn: a limit set ends autoscaling
        axes.set_ylim(bottom=0)
    panels[0][0].legend(fontsize=7, frameon=False)
    return figure
