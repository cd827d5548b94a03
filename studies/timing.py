"""Seconds of the samplers, beside the paper's minutes; run it on an otherwise idle machine."""

import platform
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from printed import leave, table
from sampling import sampled
from study import Study, with_options

from recon.core import Recipe

PAPER = "Lee & Yun 2023, on a GPU (RTX A6000): 7 minutes for 64^3, 16 minutes for 96^3."


def timing(study: Study) -> None:
    """Make each volume anew and keep none."""
    network = study.network().path
    rows: list[dict[str, Any]] = []
    for name, given in study.table["volumes"].items():
        settings = {key: value for key, value in given.items() if key != "repeat"}
        given_all = with_options(settings) | {"weights": str(network)}
        with TemporaryDirectory() as folder:
            made = sampled(Recipe.from_table(given_all), given["repeat"], Path(folder))
        rows.append({"name": name, "passes": made.passes[0], "seconds": made.seconds})
    head = ["", "passes", "seconds (median)", "seconds a pass"]
    lines = []
    for row in rows:
        median = float(np.median(row["seconds"]))
        each = f"{median / row['passes']:.3f}"
        lines.append([row["name"], f"{row['passes']:.0f}", f"{median:.1f}", each])
    machine = f"{torch.get_num_threads()} threads, {platform.machine()}, torch {torch.__version__}."
    leave(study.name, study.out, f"{machine}\n\n{table(head, lines)}\n\n{PAPER}", rows)
