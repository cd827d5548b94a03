"""A study: a recipe file, the material that it names, networks and volumes kept in a folder."""

import hashlib
import json
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
import click
from materials import Material, material, stacks
from sampling import Made, sampled

from recon.core import Micrographs, Recipe, catalog, weights
from recon.core.data.planes import PLANES
from recon.core.recipe import Choice
from recon.workflow.train import train

RECIPES = Path(__file__).parent / "recipes"
METRICS = ("two-point", "lineal-path")
"""What the tables and figures of errors show."""
SPECTRAL = {
    "start_noise": 60.0,
    "rounds": 5,
    "renoise_range": [0.15, 4.0],
    "filter_above": 0.0,
    "anneal_below": 0.0,
    "temperature": 0.8,
    "interface_gain": 2.0,
}
"""Options of the harmonizer of which the results are; its defaults have changed since."""
REFINERS = ["islands"]


@attrs.frozen
class Network:
    """Weights of a training, and what it says of itself: seconds, parameters, losses."""

    path: Path
    facts: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> "Network":
        """Of a file."""
        return cls(path, weights.read(path).header["provenance"])


@attrs.frozen
class Study:
    """One recipe of `studies/recipes`.

    table  its content;  data  folder of the tomograms;  out  folder of networks and volumes
    """

    name: str
    table: dict[str, Any]
    data: Path | None
    out: Path

    @classmethod
    def of(cls, name: str, data: Path | None, out: Path) -> "Study":
        """Read the recipe of a figure, laid over the one that it names as `like`."""
        table = _read(name)
        if "like" in table:
            table = _read(table["like"]) | table
        return cls(name, table, data, out)

    @cached_property
    def material(self) -> Material:
        """The material that the recipe names; with `single`, one xy slice stands for all planes."""
        what = self.of_material(self.table["material"])
        if not self.table.get("single"):
            return what
        slices = what.train.planes["xy"]
        planes = {plane: [slices[len(slices) // 2]] for plane in PLANES}
        return attrs.evolve(what, train=Micrographs(planes, phases=what.train.phases))

    def of_material(self, name: str) -> Material:
        """Training micrographs and the volume that is scored."""
        return material(name, self.data)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels of the volumes."""
        z, y, x = self.table.get("shape", (64, 64, 64))
        return z, y, x

    def network(
        self,
        what: Material | None = None,
        *,
        micrographs: Micrographs | None = None,
        init: Path | None = None,
        seed: int = 0,
        **options: Any,
    ) -> Network:
        """Train with the recipe's options and these, unless that has been done.

        micrographs  others than the material's training ones;  init  weights to start from
        """
        what = what or self.material
        chosen = {"preset": "tiny", "crop": what.crop, **self.table.get("training", {})}
        if chosen["crop"] == 64:
            chosen.setdefault("batch", 8)
        plain = catalog().build("denoiser", "unet-ddpm", **chosen)
        chosen |= {key: value for key, value in options.items() if getattr(plain, key) != value}
        images = micrographs or what.train
        told = [chosen, seed, _count(images), init.stem if init else ""]
        path = self.out / "networks" / f"{what.name}-{digest(told)}.safetensors"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            click.echo(f"training {path.stem}: {json.dumps(told)}", err=True)
            recipe = Recipe(denoiser=Choice("unet-ddpm", chosen), seed=seed)
            state = path.with_suffix(".training")
            train(recipe, images, path, checkpoint=state, init=init, progress=_quiet)
            state.unlink(missing_ok=True)
        return Network.read(path)

    def made(
        self,
        network: Path,
        sampler: dict[str, Any],
        seeds: int,
        shape: tuple[int, int, int] | None = None,
    ) -> Made:
        """Volumes of a sampler, a table of recipe settings; those that are there are kept."""
        shape = shape or self.shape
        size = "x".join(map(str, shape))
        folder = self.out / "volumes" / network.stem / f"{size}-{digest(sampler)}"
        table = with_options(sampler) | {"weights": str(network), "shape": list(shape)}
        return sampled(Recipe.from_table(table), seeds, folder)

    def samplers(self, network: Path) -> dict[str, Made]:
        """The volumes of every sampler of the recipe, by its name."""
        results = {}
        for name, given in self.table["sampler"].items():
            settings = {key: value for key, value in given.items() if key != "seeds"}
            results[name] = self.made(network, settings, given.get("seeds", self.table["seeds"]))
        return results


def with_options(sampler: dict[str, Any]) -> dict[str, Any]:
    """The settings of a sampler with the options of SPECTRAL, where they are not given."""
    chosen = sampler.get("harmonizer", {"name": "spectral"})
    if chosen["name"] != "spectral":
        return {**sampler, "harmonizer": chosen}
    return {"refiner": REFINERS, **sampler, "harmonizer": SPECTRAL | chosen}


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((RECIPES / f"{name}.toml").read_text(encoding="utf-8"))


def digest(value: Any) -> str:
    """A short name of plain data."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:8]


def _count(images: Micrographs) -> dict[str, int]:
    return {plane: len(stack) for plane, stack in images.planes.items()}


def _quiet(what: str, done: int, total: int, note: str) -> None:
    if done % 500 == 0:
        click.echo(f"  {what}: {done}/{total} {note}", err=True)


def held_out(what: Material) -> Micrographs:
    """Slices that were not trained on: of the other half, or between those that were."""
    labels = what.test.labels
    first, step = (1, 2) if what.overlapping else (0, 4)
    every = stacks(labels, 1)
    return Micrographs(
        {plane: stack[first::step] for plane, stack in every.items()}, phases=what.test.phases
    )
