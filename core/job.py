"""A recipe resolved, once, into everything that a reconstruction depends on."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import attrs

from recon.core import weights
from recon.core.anchor_images import read_anchors
from recon.core.bundled import find_weights
from recon.core.catalog import catalog
from recon.core.data.anchor import Anchor, make_anchor_absolute
from recon.core.data.encoding import count_channels
from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import PLANES
from recon.core.errors import ReconError
from recon.core.kinds import Denoiser, Harmonizer, Metric, Property, Refiner, Schedule
from recon.core.kinds.plugin import Plugin
from recon.core.options import values
from recon.core.recipe import LISTS, PATHS, Choice, Recipe
from recon.core.sampling.anchors import EncodedAnchor, encode_anchors
from recon.core.sampling.device import resolve_device


@attrs.frozen(eq=False)
class Job:
    """What a recipe names, built and read: later changes of files change nothing.

    recipe          with every option written out and paths that hold from anywhere
    device          that torch computes on
    denoiser        fitted;  weights_sha256  of the file that it was read from, None without one
    anchors         measured slices that the volume is to contain, as labels
    encoded_anchors the same, as the sampler sees them, on the device
    """

    recipe: Recipe
    device: str
    denoiser: Denoiser
    weights_sha256: str | None
    schedule: Schedule
    harmonizer: Harmonizer
    refiners: tuple[Refiner, ...] = ()
    metrics: tuple[Metric, ...] = ()
    properties: tuple[Property, ...] = ()
    anchors: tuple[Anchor, ...] = ()
    encoded_anchors: tuple[EncodedAnchor, ...] = ()

    @property
    def field_shape(self) -> tuple[int, int, int, int]:
        """(C, Z, Y, X) of the field that the denoiser works on."""
        return (count_channels(count_phases(self.denoiser)), *self.recipe.shape)


def resolve(
    recipe: Recipe,
    denoiser: Denoiser | None = None,
    *,
    weights_sha256: str | None = None,
    anchors: Sequence[Anchor] | None = None,
) -> Job:
    """Build every plugin of a recipe, read its files and take their hashes.

    denoiser  fitted, in place of the recipe's; weights_sha256 is then that of its file
    anchors   in place of those that the recipe names

    Without them the weights are read, or fitted where the recipe has micrographs and no weights.
    """
    device = resolve_device(recipe.device)
    plugins = build_plugins(recipe)
    if denoiser is None:
        denoiser, weights_sha256 = obtain_denoiser(recipe, device)
    phases = count_phases(denoiser)
    plugins["harmonizer"].check(phases)
    if denoiser.material is not None:
        for plugin in (plugins["harmonizer"], *plugins["refiners"]):
            denoiser.material.check_measured(plugin)
    if anchors is None:
        anchors = read_anchors(recipe.anchors, recipe.shape, phases)
    return Job(
        complete_recipe(recipe, {**plugins, "denoiser": denoiser}),
        device,
        denoiser,
        weights_sha256,
        **plugins,
        anchors=tuple(anchors),
        encoded_anchors=encode_anchors(anchors, phases, device),
    )


def build_plugins(recipe: Recipe) -> dict[str, Any]:
    """The plugins of a recipe but for its denoiser, by the names that they have in a Job."""
    built: dict[str, Any] = {
        kind: build(kind, getattr(recipe, kind)) for kind in ("schedule", "harmonizer")
    }
    for kind, member in LISTS.items():
        built[member] = tuple(build(kind, choice) for choice in recipe.choices(kind))
    return built


def build(kind: str, choice: Choice) -> Any:
    """The plugin chosen; ReconError for a name or option that there is not."""
    return catalog().build(kind, choice.name, **choice.options)


def obtain_denoiser(recipe: Recipe, device: str) -> tuple[Denoiser, str | None]:
    """The fitted denoiser of a recipe and the SHA-256 of its weights, None when it has none.

    Read from its weights; fitted to its micrographs when only these are given.
    """
    denoiser: Denoiser = build("denoiser", recipe.denoiser)
    if recipe.weights is None and recipe.micrographs is not None:
        denoiser.fit(Micrographs.open(recipe.micrographs), seed=recipe.seed, device=device)
        return denoiser, None
    if recipe.weights is None and not denoiser.needs_weights:
        return denoiser, None
    file = weights.read(find_weights(recipe.denoiser.name, recipe.weights))
    check_planes("weights know", file.header["planes"])
    choice = recipe.denoiser
    return weights.load(file, choice.name, choice.options, device), file.sha256


def check_planes(what: str, known: Iterable[str]) -> None:
    """ReconError for weights or micrographs that lack a plane."""
    if set(known) < set(PLANES):
        raise ReconError(
            f"the {what} {', '.join(known)} only and a volume needs xy, xz and yz; import "
            "the missing planes too, with isotropic=True or transverse= where they look the same"
        )


def count_phases(denoiser: Denoiser) -> int:
    """Phases of a denoiser's material; two when it knows none."""
    return 2 if denoiser.material is None else len(denoiser.material.phases)


def complete_recipe(recipe: Recipe, plugins: dict[str, Any]) -> Recipe:
    """The recipe with every option of its plugins, by name, and with absolute paths."""
    path = recipe.weights and Path(recipe.weights)
    chosen: dict[str, Any] = {
        name: tuple(map(_complete, built)) if isinstance(built, tuple) else _complete(built)
        for name, built in plugins.items()
    }
    return attrs.evolve(
        recipe,
        weights=str(path.absolute()) if path and path.is_file() else recipe.weights,
        micrographs=recipe.micrographs and str(Path(recipe.micrographs).absolute()),
        anchors=tuple(make_anchor_absolute(anchor) for anchor in recipe.anchors),
        **chosen,
    )


def _complete(plugin: Plugin) -> Choice:
    options = values(plugin)
    for key in PATHS & options.keys():
        if Path(str(options[key])).is_file():
            options[key] = str(Path(options[key]).absolute())
    return Choice(plugin.name, options)
