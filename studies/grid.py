"""Figures 6 and 7: gamma by rounds of the paper's sampler, with `recon sweep` as a user has it."""

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

from printed import leave, table
from study import METRICS, Study

from recon.core.data.planes import PLANES


def grid(study: Study) -> None:
    """Sweep, or go on with the sweep; its table and its own figure."""
    micrographs = study.out / f"{study.table['material']}.zarr"
    if not micrographs.exists():
        study.material.train.save(micrographs)
    sweep = study.out / study.name
    words = [sys.executable, "-m", "recon.cli", "sweep", "--quiet", "--out", str(sweep)]
    words += ["--micrographs", str(micrographs), "--weights", str(study.network().path)]
    words += ["--shape", *map(str, study.shape), "--samples", str(study.table["seeds"])]
    words += [word for pair in study.table["settings"].items() for word in _flags(*pair)]
    for key, values in study.table["vary"].items():
        words += ["--vary", f"{key}={','.join(map(str, values))}"]
    subprocess.run([*words, "--resume"], check=True, stdout=subprocess.DEVNULL)
    with (sweep / "table.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    keys = list(study.table["vary"])
    head = [*(key.rpartition(".")[2] for key in keys), "fractions"]
    head += [f"{metric}, {plane}" for metric in METRICS for plane in ("mean", *PLANES)]
    lines = [[row[key] for key in keys] + [_fractions(row), *_errors(row)] for row in rows]
    floors = ", ".join(f"{m} {float(rows[0][f'{m}.floor']):.3f}" for m in METRICS)
    text = f"{study.table['seeds']} seeds each; mean error of slices against the training images, "
    text += f"sampling error {floors}.\n\n{table(head, lines)}"
    leave(study.name, study.out, text, rows)
    _copy(sweep / "sweep.png", study.out / "figures" / f"{study.name}.png")


def _flags(key: str, value: Any) -> list[str]:
    return [f"--{key}", str(value)]


def _errors(row: dict[str, str]) -> list[str]:
    return [
        f"{float(row[key]):.3f}"
        for metric in METRICS
        for key in (f"{metric}.error", *(f"{metric}.error.{plane}" for plane in PLANES))
    ]


def _fractions(row: dict[str, str]) -> str:
    rows = [k for k in row if k.startswith("volume-fraction.") and not k.endswith(".difference")]
    return " ".join(f"{float(row[key]):.3f}" for key in rows)


def _copy(source: Path, target: Path) -> None:
    from PIL import Image

    Image.open(source).convert("RGB").quantize(256).save(target, format="png", optimize=True)
