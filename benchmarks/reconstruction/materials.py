"""The materials of the benchmark: micrographs to train on, and a volume to score against."""

from collections.abc import Callable
from pathlib import Path

import attrs
import click
import numpy as np
import tifffile
from numpy.typing import NDArray

from recon.core import Micrographs, Volume
from recon.workflow.examples import EXAMPLES, example


@attrs.frozen
class Material:
    """A material of the benchmark.

    train      micrographs that the network and the sampler's statistics know
    test       real volume to score against; weights  name of bundled ones, or of a file
    crop       side of the training crops;  overlapping  the test volume holds the training slices
    """

    name: str
    train: Micrographs
    test: Volume
    weights: str
    crop: int = 64
    overlapping: bool = False


REAL = {
    "separator": ("separator_lr.tif", None, ("pore", "polymer"), 32),
    "fibre-composite": ("glassfibre_frt_A.tif", 128, ("polymer", "glass"), 64),
    "nmc": ("nmc_3phase_matbox.tif", 125, ("pore", "NMC", "binder"), 64),
    "berea": ("berea.tif", 128, ("pore", "grain"), 64),
}
"""File, first slice of the half that is scored (None: too small to be split), phases, crop."""
NAMES = (*EXAMPLES, *REAL)


def material(name: str, data: Path | None) -> Material:
    """An embedded family, or a real material from the folder of tomograms."""
    if name in EXAMPLES:
        micrographs, whole = example(name)
        half = whole.labels[whole.shape[0] // 2 :]
        return Material(name, micrographs, Volume(half, whole.voxel_size, whole.phases), name)
    if data is None:
        raise click.UsageError(f"material {name} needs --data, the folder with {REAL[name][0]}")
    file, split, phases, crop = REAL[name]
    if not (data / file).exists():
        raise click.UsageError(
            f"material {name} needs {data / file}, which does not exist; see --data"
        )
    labels = tifffile.imread(data / file).astype(np.uint8)
    seen, step = (labels, 2) if split is None else (labels[:split], 4)
    train = Micrographs(stacks(seen, step), phases=phases)
    test = Volume(labels[split:], phases=phases)
    return Material(name, train, test, f"{name}.safetensors", crop, split is None)


def stacks(labels: NDArray[np.uint8], step: int) -> dict[str, list[NDArray[np.uint8]]]:
    """Every step-th slice of each plane."""
    turned: dict[str, Callable[[], NDArray[np.uint8]]] = {
        "xy": lambda: labels,
        "xz": lambda: labels.transpose(1, 0, 2),
        "yz": lambda: labels.transpose(2, 0, 1),
    }
    return {plane: list(np.ascontiguousarray(turn()[::step])) for plane, turn in turned.items()}
