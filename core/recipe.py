"""TOML <-> frozen Recipe <-> attributes of the written volume."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import tomli_w

from recon.core.catalog import catalog
from recon.core.data.anchor import parse_anchor
from recon.core.errors import ReconError, shown, unknown
from recon.core.kinds.plugin import Plugin
from recon.core.options import coerce, values
from recon.core.sampling.step import T
from recon.core.storage.limits import VOLUME

MAX_SAMPLES = 1_000_000
"""More than this is taken for a slip of the keyboard."""


@attrs.frozen
class Choice:
    """A plugin chosen by name and the options given to it."""

    name: str
    options: dict[str, Any] = attrs.field(factory=dict)

    @classmethod
    def of(cls, kind: str, value: Any, default: str | None = None) -> "Choice":
        """A plugin of a kind from its name, its table, another Choice, or itself.

        default  name for a table without one
        """
        if isinstance(value, Choice):
            return value
        if isinstance(value, str):
            return cls(value)
        if isinstance(value, Mapping):
            options = dict(value)
            name = options.pop("name", default)
            if not isinstance(name, str):
                raise ReconError(f"recipe: {kind} must have a name, got {shown(name)}")
            return cls(name, options)
        if isinstance(value, Plugin) and value.kind == kind:
            if getattr(value, "material", None) is not None:
                raise ReconError(
                    f"recipe: {kind} must not be fitted, for its weights are no part of a recipe; "
                    "give it beside the recipe as denoiser=, or name its file in weights="
                )
            return cls(value.name, values(value))
        raise ReconError(
            f"recipe: {kind} must be a name, a table with a name or a plugin of that kind, got "
            f"{shown(value)}"
        )

    def table(self) -> dict[str, Any]:
        """As a TOML table."""
        return {"name": self.name, **self.options}


def _plain_field(default: Any) -> Any:
    """A field of plain data; a value of another type is refused."""
    return attrs.field(default=default, converter=attrs.Converter(_typed, takes_field=True))


def _choice_field(kind: str, default: str) -> Any:
    """A field for a plugin of a kind, however it is given."""
    return attrs.field(default=default, converter=lambda value: Choice.of(kind, value, default))


def _choices_field(kind: str, default: tuple[Choice, ...] | None) -> Any:
    """A field for any number of plugins of a kind; None only where that is the default."""

    def convert(value: Any) -> tuple[Choice, ...] | None:
        if value is None and default is None:
            return None
        if not isinstance(value, list | tuple):
            raise ReconError(
                f"recipe: {kind} must be a list of names, tables [[{kind}]] or plugins, got "
                f"{shown(value)}"
            )
        return tuple(Choice.of(kind, item) for item in value)

    return attrs.field(default=default, converter=convert)


def _typed(value: Any, field: "attrs.Attribute[Any]") -> Any:
    if isinstance(value, Path):
        value = str(value)
    try:
        return coerce(value, field.type)
    except TypeError:
        kind = field.type.__name__ if isinstance(field.type, type) else field.type
        raise ReconError(f"recipe: {field.name} must be {kind}, got {shown(value)}") from None


METRICS = (Choice("volume-fraction"), Choice("two-point"), Choice("lineal-path"))


@attrs.frozen
class Recipe:
    """All settings of a reconstruction; on another device some voxels differ, by rounding.

    seed         of sample 0; sample i uses seed + i
    steps        respaced reverse steps of the T = 1000
    shape        voxels along (z, y, x);  periodic  subset of z, y, x
    micrographs  path to train on and to compare with;  weights  name or path
    anchors      measured slices that the volume will contain, PLANE:PLACE=PATH of a label image
    refiners     corrections of the finished field; None: the refiners of the harmonizer
    denoiser, schedule, harmonizer, each of refiners, metrics and properties: a name, a table with
                 the name and options, a Choice, or a plugin object
    """

    seed: int = _plain_field(0)
    steps: int = _plain_field(60)
    shape: tuple[int, int, int] = _plain_field((64, 64, 64))
    samples: int = _plain_field(1)
    device: str = _plain_field("cpu")
    micrographs: str | None = _plain_field(None)
    weights: str | None = _plain_field(None)
    periodic: tuple[str, ...] = _plain_field(())
    anchors: tuple[str, ...] = _plain_field(())
    denoiser: Choice = _choice_field("denoiser", "unet-ddpm")
    schedule: Choice = _choice_field("schedule", "cyclic")
    harmonizer: Choice = _choice_field("harmonizer", "spectral")
    refiners: tuple[Choice, ...] | None = _choices_field("refiner", None)
    metrics: tuple[Choice, ...] = _choices_field("metric", METRICS)
    properties: tuple[Choice, ...] = _choices_field("property", ())

    def __attrs_post_init__(self) -> None:
        _check(self.seed >= 0, "seed", "be >= 0", self.seed)
        _check(self.seed + self.samples < 2**63, "seed", "be below 2^63", self.seed)
        _check(1 <= self.steps <= T, "steps", f"be in [1, {T}]", self.steps)
        within = 1 <= self.samples <= MAX_SAMPLES
        _check(within, "samples", f"be in [1, {MAX_SAMPLES}]", self.samples)
        sides = min(self.shape) >= 1 and max(self.shape) < 2**16
        _check(sides, "shape", "have three sides in [1, 65535]", self.shape)
        VOLUME.check(math.prod(self.shape), f"recipe: shape {self.shape}", "take a smaller one")
        _check(self.device in DEVICES, "device", f"be one of {', '.join(DEVICES)}", self.device)
        axes = all(axis in "zyx" and len(axis) == 1 for axis in self.periodic)
        _check(axes, "periodic", "name axes of z, y, x", self.periodic)
        for anchor in self.anchors:
            parse_anchor(anchor)

    def choices(self, kind: str) -> tuple[Choice, ...]:
        """Those of a kind of which there may be many; refiners by default the harmonizer's."""
        chosen: tuple[Choice, ...] | None = getattr(self, LISTS[kind])
        if chosen is None:
            harmonizer = catalog().entry("harmonizer", self.harmonizer.name)
            chosen = tuple(Choice(name) for name in harmonizer.summary.refiners)
        return chosen

    def to_table(self) -> dict[str, Any]:
        """As plain data for TOML and JSON; what is None is left out."""
        table = {name: getattr(self, name) for name in PLAIN}
        table = {name: value for name, value in table.items() if value is not None}
        for name in ("shape", "periodic", "anchors"):
            table[name] = list(table[name])
        for name in TABLES:
            table[name] = getattr(self, name).table()
        for name, member in LISTS.items():
            choices = getattr(self, member)
            if choices is not None:
                table[name] = [choice.table() for choice in choices]
        return dict(_plain(table))

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> "Recipe":
        """From plain data; ReconError for an unknown key or a value of another type."""
        arguments: dict[str, Any] = {}
        for key, value in table.items():
            if key not in (*PLAIN, *TABLES, *LISTS):
                raise unknown("key of the recipe", key, [*PLAIN, *TABLES, *LISTS])
            arguments[LISTS.get(key, key)] = value
        return cls(**arguments)

    def plugins(self) -> Iterator[tuple[str, Choice]]:
        """Kind and choice of every plugin."""
        for kind in TABLES:
            yield kind, getattr(self, kind)
        for kind in LISTS:
            for choice in self.choices(kind):
                yield kind, choice

    def save(self, path: Path) -> None:
        """Write TOML."""
        path.write_text(tomli_w.dumps(self.to_table()), encoding="utf-8")


DEVICES = ("auto", "cpu", "cuda", "mps")
TABLES = ("denoiser", "schedule", "harmonizer")
LISTS = {"refiner": "refiners", "metric": "metrics", "property": "properties"}
PLAIN = tuple(
    field.name for field in attrs.fields(Recipe) if field.name not in (*TABLES, *LISTS.values())
)
PATHS = frozenset({"materials", "blend"})
"""Options of plugins that may be a path; in a recipe file it is relative to the file's folder."""


def _check(holds: bool, key: str, rule: str, value: Any) -> None:
    if not holds:
        raise ReconError(f"recipe: {key} must {rule}, got {shown(value)}")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
