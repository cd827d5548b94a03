"""train() and Model: a fitted denoiser with its material, as notebooks hold it."""

import hashlib
import html
from pathlib import Path
from typing import Any

import attrs

from recon.core import weights
from recon.core.bundled import find_weights
from recon.core.data.material import Material
from recon.core.data.micrographs import Micrographs
from recon.core.data.units import format_voxel_size
from recon.core.errors import ReconError
from recon.core.job import build, check_planes
from recon.core.kinds import Denoiser
from recon.core.recipe import Choice, Recipe
from recon.core.sampling.device import resolve_device
from recon.core.sampling.threads import keep_threads
from recon.core.storage.atomic import atomic_output
from recon.imaging.plane_check.plane_check import warn_of_planes
from recon.workflow.executors.process_group import join_processes
from recon.workflow.pack_weights import pack_weights
from recon.workflow.planning.training import fit_into, parse_duration
from recon.workflow.progress import ProgressDisplay


@attrs.define(eq=False, repr=False)
class Model:
    """A trained denoiser with the statistics of its material.

    facts   record of the training
    source  name or path of its weights; None before they are saved
    sha256  SHA-256 of the weights file
    """

    denoiser: Denoiser
    facts: dict[str, Any]
    source: str | None = None
    sha256: str | None = None

    @classmethod
    def open(cls, source: str | Path, device: str = "auto") -> "Model":
        """Open bundled weights by name, or a file that `save` or `recon train` wrote."""
        path = find_weights("unet-ddpm", str(source))
        stored = weights.read(path)
        denoiser = weights.load(stored, None, {}, resolve_device(device))
        place = str(path.absolute()) if Path(source) == path else str(source)
        return cls(denoiser, stored.header["provenance"], place, stored.sha256)

    @property
    def material(self) -> Material:
        """Names of the phases, voxel size and statistics of the micrographs."""
        if self.denoiser.material is None:
            raise ReconError(f"denoiser {self.denoiser.name} has learnt nothing yet; train it")
        return self.denoiser.material

    def save(self, path: str | Path) -> None:
        """Write a safetensors file, completely or not at all."""
        content = pack_weights(self.denoiser, self.facts)
        with atomic_output(Path(path), replace=True) as partial:
            partial.write_bytes(content)
        self.source = str(Path(path).absolute())
        self.sha256 = hashlib.sha256(content).hexdigest()

    def _repr_html_(self) -> str:
        material = self.material
        rows = {
            "denoiser": self.denoiser.name,
            "phases": ", ".join(
                f"{name} {share:.3f}"
                for name, share in zip(
                    material.phases, material.statistics.fractions.tolist(), strict=True
                )
            ),
            "voxel size": format_voxel_size(material.voxel_size),
            "source": self.source or "in memory; model.save(path) keeps it",
        }
        lines = "".join(
            f"<tr><th style='text-align:left'>{key}</th><td>{html.escape(value)}</td></tr>"
            for key, value in rows.items()
        )
        return f"<table>{lines}</table>"

    def __repr__(self) -> str:
        phases = ", ".join(self.material.phases)
        return f"Model({self.denoiser.name}, {phases}, source={self.source!r})"


def train(
    micrographs: Micrographs | str | Path,
    preset: str | None = None,
    steps: int | None = None,
    time: str | float | None = None,
    init: Model | str | Path | None = None,
    seed: int = 0,
    device: str = "auto",
    denoiser: str = "unet-ddpm",
    **options: Any,
) -> Model:
    """Train a denoiser on micrographs.

    preset   size of the network: "tiny" (the default), "small" or "paper"
    steps    training steps; default: those of the preset
    time     training time, such as "15m" or a number of seconds; chooses preset and steps
    init     weights to start the training from: a Model, a name or a path
    options  further options of the denoiser (`recon plugins unet-ddpm` lists them)

    Shows its progress. The same seed, machine and number of threads give the same weights.
    """
    if not isinstance(micrographs, Micrographs):
        micrographs = Micrographs.open(micrographs)
    check_planes("micrographs show", micrographs.planes)
    chosen = {"preset": preset, "steps": steps, **options}
    choice = Choice(denoiser, {key: v for key, v in chosen.items() if v is not None})
    if time is not None:
        recipe = Recipe(denoiser=choice, seed=seed, device=device)
        choice = fit_into(recipe, micrographs, parse_duration(time))[0].denoiser
    plugin: Denoiser = build("denoiser", choice)
    if init is not None and not isinstance(init, Model):
        init = Model.open(init, "cpu")
    with join_processes(), keep_threads(), ProgressDisplay() as progress:
        warn_of_planes(micrographs)
        facts = plugin.fit(
            micrographs,
            seed=seed,
            device=resolve_device(device),
            init=init.denoiser.tensors() if init is not None else None,
            report=lambda record: progress(
                f"train {record.get('part', denoiser)}", record["step"], record["steps"]
            ),
        )
    return Model(plugin, {"seed": seed, **facts})
