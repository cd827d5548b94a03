"""Volumes that benchmarks/verdict.py judges: of real materials, spoilt, and reconstructed."""

from collections.abc import Iterator
from pathlib import Path

import attrs
import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy import ndimage

from recon.core import Micrographs, Recipe, Volume, sample_steps
from recon.validation.comparison.boxes import count_disjoint, count_independent, place_boxes
from recon.workflow.examples import EXAMPLES, VOXEL_SIZE, cut, example
from recon.workflow.model import train
from recon.workflow.reconstruct import reconstruct

SHAPE = (64, 64, 64)
DATA = {
    "composite": ("glassfibre_frt_A.tif", ("polymer", "glass"), 1.0),
    "cathode": ("nmc_3phase_matbox.tif", ("pore", "nmc", "binder"), 398e-9),
    "sandstone": ("berea.tif", ("pore", "grain"), 1.0),
    "separator": ("separator_lr.tif", ("pore", "polymer"), 1.0),
}
STEP = 4
"""Voxels from one slice of a tomogram to the next that the micrographs hold."""
SPLIT = tuple(name for name in DATA if name != "separator")
"""Those of which half stays unseen; the separator is too small, every second slice is seen."""
SMOOTH = 8.0
"""Voxels over which a bend changes."""

Labels = NDArray[np.uint8]
Fault = tuple[str, str]
"""Name and amount, as power gives them of windows."""


@attrs.frozen
class Case:
    """A material: its micrographs, and volumes that they do not show."""

    micrographs: Micrographs
    unseen: list[Labels]

    @property
    def phases(self) -> int:
        return len(self.micrographs.phases)

    def build(self, labels: Labels) -> Volume:
        """A volume of this material."""
        return Volume(
            np.asarray(labels, np.uint8), self.micrographs.voxel_size, self.micrographs.phases
        )


def open_case(name: str, data: Path | None) -> Case:
    """An embedded example, one of another seed ("porous:7"), or a tomogram of the folder `data`."""
    kind, _, seed = name.partition(":")
    if kind in EXAMPLES:
        micrographs, truth = open_example(kind, int(seed)) if seed else example(kind)
        other = EXAMPLES[kind].generate(seed=1000 + int(seed or 0))
        return Case(micrographs, [truth.labels[len(truth.labels) // 2 :], other])
    assert data is not None, f"{name} needs --data"
    file, phases, edge = DATA[name]
    labels = tifffile.imread(data / file)
    half = len(labels) // 2 if name in SPLIT else len(labels)
    step = STEP if name in SPLIT else 2
    stacks = {
        plane: list(np.moveaxis(labels[:half], axis, 0)[::step])
        for axis, plane in enumerate(("xy", "xz", "yz"))
    }
    return Case(Micrographs(stacks, (edge,) * 3, phases), [labels[half:]] if name in SPLIT else [])


def open_example(name: str, seed: int) -> tuple[Micrographs, Volume]:
    """As `example` gives it, of another seed."""
    chosen = EXAMPLES[name]
    volume = Volume(chosen.generate(seed=seed), VOXEL_SIZE, chosen.phases)
    return cut(volume), volume


def list_real(case: Case, least: int) -> tuple[list[Labels], float]:
    """Subvolumes of what is not shown, and how many independent ones they are worth."""
    subvolumes, worth = [], 0.0
    for labels in case.unseen:
        enough = max(count_disjoint(labels.shape, SHAPE), least // len(case.unseen))
        boxes = place_boxes(labels.shape, SHAPE, enough)  # type: ignore[arg-type]
        subvolumes += [labels[box] for box in boxes]
        worth += count_independent(boxes)
    return subvolumes, worth


def list_spoilt(labels: Labels, phases: int, seed: int) -> Iterator[tuple[Fault, Labels]]:
    """A volume with the faults that the power of the test is given for, done in 3D."""
    rng = np.random.default_rng(seed)
    inside = labels == phases - 1
    kept = ndimage.binary_erosion(inside, np.ones((2, 2, 2), bool), border_value=1)
    yield ("eroded", "0.5 pixels"), np.where(inside & ~kept, 0, labels)
    centre = (np.array(labels.shape) - 1)[:, None, None, None] / 2
    for times in (1.1, 1.3):
        places = (np.indices(labels.shape) - centre) / times + centre
        yield ("magnified", f"{times:g} times"), _resample(labels, phases, places)
    for voxels in (1.0, 2.0):
        moves = [ndimage.gaussian_filter(rng.normal(size=labels.shape), SMOOTH) for _ in range(3)]
        places = np.indices(labels.shape) + [voxels * move / move.std() for move in moves]
        amount = f"{voxels:g} pixel{'s' * (voxels > 1)}"
        yield ("warped", amount), _resample(labels, phases, places)
    shares = [ndimage.uniform_filter((labels == k).astype(float), 3) for k in range(phases)]
    yield ("smoothed", "3 x 3 pixels"), np.argmax(shares, axis=0)
    hit = rng.random(labels.shape) < 0.01
    yield ("specks", "1 % of the pixels"), np.where(hit, (labels + 1) % phases, labels)
    if phases > 2:
        yield ("rim", "1 pixel"), _add_rim(labels, phases)


def _resample(labels: Labels, phases: int, places: NDArray[np.float64]) -> Labels:
    shares = [
        ndimage.map_coordinates((labels == k).astype(float), places, order=1, mode="mirror")
        for k in range(phases)
    ]
    most: Labels = np.argmax(shares, axis=0).astype(np.uint8)
    return most


def _add_rim(labels: Labels, phases: int) -> Labels:
    """The two phases that touch most are kept apart by the third."""
    contacts = {
        (i, j): ndimage.binary_dilation(labels == i) & (labels == j)
        for i in range(phases)
        for j in range(i + 1, phases)
    }
    pair = max(contacts, key=lambda each: contacts[each].sum())
    third = next(k for k in range(phases) if k not in pair)
    return np.where(contacts[pair], third, labels).astype(np.uint8)


def make_volume(weights: str, seed: int, slices: bool) -> Labels:
    """What `recon run --weights` makes; by slices alone where asked to."""
    table = {"weights": weights, "shape": list(SHAPE), "seed": seed}
    if slices:
        table["denoiser"] = {"name": "unet-ddpm", "volume": False}
    for step in sample_steps(Recipe.from_table(table)):
        state = step
    labels: Labels = state.volume.labels
    return labels


def make_untrained(micrographs: Micrographs) -> Labels:
    """A volume of a network that was hardly trained."""
    model = train(micrographs, steps=20, volume_steps=0, device="cpu")
    labels: Labels = reconstruct(model, shape=SHAPE)[0].labels
    return labels
