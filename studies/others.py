"""Other methods' volumes of the separator, made by the scripts in peers/, scored as ours are."""

import json
from pathlib import Path
from typing import Any

import click
import numpy as np
from reconstructions import judged
from sampling import Made
from study import Study

from recon.core import Volume


def others(study: Study) -> None:
    """Volumes that the scripts have left in --out, as peers/NAME/SEED.npy with SEED.json."""
    every, told = {}, []
    for name in study.table["peers"]:
        folder = study.out / "peers" / name
        files = sorted(path for path in folder.glob("*.npy") if path.stem.isdigit())
        if not files:
            raise click.ClickException(f"{folder} holds no 0.npy; see studies/peers")
        notes = [json.loads(path.with_suffix(".json").read_text()) for path in files]
        every[name] = _made(files, study.material.test)
        told.append(f"{name} {_seconds(notes)}")
    head = "Seconds of one core: " + "; ".join(told) + "."
    judged(study, head, study.samplers(study.network().path) | every)


def _seconds(notes: list[dict[str, Any]]) -> str:
    each = f"{np.median([note['cpu_seconds'] for note in notes]):.1f} a volume"
    training = notes[0].get("training")
    return each + (f" after {training['cpu_seconds']:.0f} of training" if training else "")


def _made(files: list[Path], like: Volume) -> Made:
    volumes = [Volume(np.load(path), like.voxel_size, like.phases) for path in files]
    unknown = [float("nan")] * len(files)
    return Made(volumes, unknown, unknown)
