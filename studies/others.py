"""Other methods' volumes of the separator, made by the scripts in peers/, scored as ours are."""

import json
from pathlib import Path

import click
import numpy as np
from reconstructions import judged
from sampling import Made
from study import Study

from recon.core import Volume


def others(study: Study) -> None:
    """Volumes that the scripts have left in --out, as peers/NAME/SEED.npy with SEED.json."""
    every = {}
    for name in study.table["peers"]:
        folder = study.out / "peers" / name
        if not (found := _volumes(folder, study.material.test)).volumes:
            raise click.ClickException(
                f"{folder} holds no volumes; studies/peers says how to make them"
            )
        every[name] = found
    seconds = "; ".join(f"{name} {np.median(one.seconds):.0f} s" for name, one in every.items())
    head = f"separator, the same training slices for all. A volume took, on one thread: {seconds}."
    judged(study, head, study.samplers(study.network().path) | every)


def _volumes(folder: Path, like: Volume) -> Made:
    files = sorted(path for path in folder.glob("*.npy") if path.stem.isdigit())
    volumes = [Volume(np.load(path), like.voxel_size, like.phases) for path in files]
    notes = [json.loads(path.with_suffix(".json").read_text()) for path in files]
    return Made(volumes, [float("nan")] * len(files), [note["seconds"] for note in notes])
