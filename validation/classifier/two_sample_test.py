"""The test: areas under the ROC curve of volumes against their material, beside real ones'.

Lopez-Paz & Oquab, ICLR 2017; with a linear discriminant of patterns, which is made in
milliseconds, so that runs of windows of the material, each worth one volume, pass the same test.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import NORMAL, PLANES
from recon.core.data.volume import Volume
from recon.validation.classifier.blocks import choose_cut
from recon.validation.classifier.discriminant import Values
from recon.validation.classifier.discriminator import Discriminator
from recon.validation.window_runs import arrange_micrographs, arrange_volume

Image = NDArray[np.uint8]
CLASSIFIER = "classifier"
"""Its name in JSON, among findings and in --fail-on."""
RESOLVED = 0.1
"""Distance below which sampling errors do not differ: an area of 0.53."""
SLICES = 32
"""Slices of a volume along one axis that are looked at, about; they resemble each other."""
NO_ROOM = "no classifier test: the reference is not larger than the sample"
SHOWN = 3
"""Windows of each side that it is surest of."""


@attrs.frozen(eq=False)
class Separation:
    """How well the slices of one plane are distinguished.

    areas        (sample,) under the ROC curve: 0.5 where nothing distinguishes them
    real_areas   (run,) of parts of the material that are worth one volume, against the rest of it
    distances, real_distances   the same as d' (see discriminant.compute_distance); what is
                 negative counts as 0 in errors
    worth        independent volumes that the runs are worth
    surest       slices of the first volume, and windows of the material, that each are taken for
                 what they are with most certainty, of different places
    """

    areas: Values
    real_areas: Values
    distances: Values
    real_distances: Values
    worth: float
    surest: tuple[tuple[Image, ...], tuple[Image, ...]]

    @property
    def floor(self) -> float:
        """Mean distance of real subvolumes: the sampling error."""
        return max(float(np.maximum(self.real_distances, 0).mean()), RESOLVED)

    @property
    def ratio(self) -> float:
        """Mean distance of the samples over that of real subvolumes."""
        return float(np.maximum(self.distances, 0).mean()) / self.floor

    @property
    def real_ratios(self) -> Values:
        """The same (run,) of real subvolumes."""
        ratios: Values = np.maximum(self.real_distances, 0) / self.floor
        return ratios

    def to_table(self) -> dict[str, float | int]:
        """As plain data."""
        return {
            "auc": float(self.areas.mean()),
            "real_auc": float(self.real_areas.mean()),
            "real_auc_deviation": float(self.real_areas.std(ddof=1)),
            "real_subvolumes": len(self.real_areas),
            "error": self.ratio * self.floor,
            "floor": self.floor,
            "ratio": self.ratio,
        }


@attrs.frozen(eq=False)
class ClassifierTest:
    """The planes that could be tested, and why others could not.

    materials  what samples were compared with, by plane
    """

    planes: Mapping[str, Separation]
    notes: tuple[str, ...] = ()
    materials: Mapping[str, Discriminator] = attrs.field(factory=dict, repr=False)

    def select(self, samples: list[int]) -> "ClassifierTest":
        """The test of some of the samples; the slices shown stay those of the first."""
        planes = {
            plane: attrs.evolve(
                separation,
                areas=separation.areas[samples],
                distances=separation.distances[samples],
            )
            for plane, separation in self.planes.items()
        }
        return attrs.evolve(self, planes=planes)

    def to_table(self) -> dict[str, Any]:
        """As plain data: distances as errors, those of real subvolumes as sampling errors."""
        each = [
            {"plane": plane, **separation.to_table()} for plane, separation in self.planes.items()
        ]
        keys = ("error", "floor", "ratio")
        means = {key: float(np.mean([one[key] for one in each])) if each else None for key in keys}
        return {**means, "each": each, "notes": list(self.notes)}

    def to_text(self) -> str:
        """A line for a terminal."""
        said = [
            f"{plane} {separation.areas.mean():.2f} "
            f"(real subvolumes {separation.real_areas.mean():.2f} "
            f"+- {separation.real_areas.std(ddof=1):.2f})"
            for plane, separation in self.planes.items()
        ]
        return f"classifier, area under the ROC curve: {', '.join(said) or '; '.join(self.notes)}"


def separate(samples: Sequence[Volume], reference: Volume | Micrographs) -> ClassifierTest:
    """The test of volumes of one shape, each by itself, against their material.

    cost  about a second a plane for 400 windows of 64 x 64 of two phases, 0.1 s for each volume
    """
    shape, phases = samples[0].shape, len(reference.phases)
    if isinstance(reference, Volume):
        if all(a <= b for a, b in zip(reference.shape, shape, strict=True)):
            return ClassifierTest({}, (NO_ROOM,))
        stacks = {plane: list(np.moveaxis(reference.labels, NORMAL[plane], 0)) for plane in PLANES}
    else:
        stacks = {p: list(stack) for p, stack in reference.planes.items()}
    cut = choose_cut(stacks, phases, shape)
    if isinstance(cut, str):
        return ClassifierTest({}, (cut,))
    separations, materials, notes = {}, {}, []
    for plane in stacks:
        every = _find_step(shape[NORMAL[plane]])
        if isinstance(reference, Volume):
            runs = arrange_volume(reference.labels, plane, shape, every)
        else:
            runs = arrange_micrographs(reference, plane, shape)
        material = Discriminator.of(runs, plane, cut, phases)
        if not runs.firsts or not all(material.can_compare(*parts) for parts in runs.list_parts()):
            count = len(runs.windows)
            notes.append(f"{plane}: no classifier test, {count} windows are too few")
            continue
        materials[plane] = material
        separations[plane] = _separate_plane(samples, material, every)
    return ClassifierTest(separations, tuple(notes), materials)


def _find_step(side: int) -> int:
    return max(1, side // SLICES)


def _separate_plane(samples: Sequence[Volume], material: Discriminator, every: int) -> Separation:
    stacks = [np.moveaxis(sample.labels, NORMAL[material.plane], 0) for sample in samples]
    own = [material.compare_slices(stack, every) for stack in stacks]
    real = [material.compare_run(*parts) for parts in material.runs.list_parts()]
    return Separation(
        np.array([one.area for one in own]),
        np.array([one.area for one in real]),
        np.array([one.distance for one in own]),
        np.array([one.distance for one in real]),
        material.runs.worth,
        (
            tuple(stacks[0][own[0].numbers[i]] for i in choose_surest(own[0].own)),
            tuple(material.runs.windows[i] for i in choose_surest(-own[0].real)),
        ),
    )


def choose_surest(scores: Values) -> list[int]:
    """Numbers of the highest score in each of a few equal parts."""
    parts = np.array_split(np.arange(len(scores)), min(SHOWN, len(scores)))
    return [int(part[np.argmax(scores[part])]) for part in parts]
