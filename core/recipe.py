"""TOML <-> frozen Recipe <-> attributes of the written volume."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import tomli_w

from recon.core.data.anchor import parse_anchor
from recon.core.errors import ReconError, shown, unknown
from recon.core.options import coerce
from recon.core.sampling.noise import T
from recon.core.storage.limits import VOLUME
from recon.core.storage.toml_file import read_toml

MAX_SAMPLES = 1_000_000
"""More than this is taken for a slip of the keyboard."""


@attrs.frozen
class Choice:
    """A plugin chosen by name and the options given to it."""

    name: str
    options: dict[str, Any] = attrs.field(factory=dict)

    def table(self) -> dict[str, Any]:
        """As a TOML table."""
        return {"name": self.name, **self.options}


METRICS = (Choice("volume-fraction"), Choice("two-point"), Choice("lineal-path"))


@attrs.frozen
class Recipe:
    """All that a reconstruction depends on; the device changes roundings only.

    seed         of sample 0; sample i uses seed + i
    steps        respaced reverse steps of the T = 1000
    shape        voxels along (z, y, x);  periodic  subset of z, y, x
    micrographs  path to train on and to compare with;  weights  name or path
    anchors      measured slices that the volume is to contain, PLANE:PLACE=PATH of a label image
    """

    seed: int = 0
    steps: int = 60
    shape: tuple[int, int, int] = (64, 64, 64)
    samples: int = 1
    device: str = "cpu"
    micrographs: str | None = None
    weights: str | None = None
    periodic: tuple[str, ...] = ()
    anchors: tuple[str, ...] = ()
    denoiser: Choice = Choice("unet-ddpm")
    schedule: Choice = Choice("cyclic")
    harmonizer: Choice = Choice("spectral")
    metrics: tuple[Choice, ...] = METRICS
    properties: tuple[Choice, ...] = ()

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

    def to_table(self) -> dict[str, Any]:
        """As plain data for TOML and JSON; what is None is left out."""
        table = {name: getattr(self, name) for name in PLAIN}
        table = {name: value for name, value in table.items() if value is not None}
        for name in ("shape", "periodic", "anchors"):
            table[name] = list(table[name])
        for name in TABLES:
            table[name] = getattr(self, name).table()
        for name, member in LISTS.items():
            table[name] = [choice.table() for choice in getattr(self, member)]
        plain: dict[str, Any] = _plain(table)
        return plain

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> "Recipe":
        """From plain data; ReconError for an unknown key or a value of another type."""
        arguments: dict[str, Any] = {}
        for key, value in table.items():
            if key in PLAIN:
                arguments[key] = _typed(key, value)
            elif key in TABLES:
                arguments[key] = _choice(key, value, getattr(cls(), key).name)
            elif key in LISTS:
                if not isinstance(value, list | tuple):
                    raise ReconError(f"recipe: {key} must be tables [[{key}]], got {shown(value)}")
                arguments[LISTS[key]] = tuple(_choice(key, item, None) for item in value)
            else:
                raise unknown("key of the recipe", key, [*PLAIN, *TABLES, *LISTS])
        return cls(**arguments)

    def save(self, path: Path) -> None:
        """Write TOML."""
        path.write_text(tomli_w.dumps(self.to_table()), encoding="utf-8")


DEVICES = ("auto", "cpu", "cuda", "mps")
PLAIN = (
    "seed",
    "steps",
    "shape",
    "samples",
    "device",
    "micrographs",
    "weights",
    "periodic",
    "anchors",
)
TABLES = ("denoiser", "schedule", "harmonizer")
LISTS = {"metric": "metrics", "property": "properties"}
PATHS = frozenset({"materials"})
"""Options of plugins that may be a path; in a recipe file it is relative to the file's folder."""


def read_table(path: Path) -> dict[str, Any]:
    """The TOML table of a recipe file."""
    return read_toml(path, "recipe")


def _check(holds: bool, key: str, rule: str, value: Any) -> None:
    if not holds:
        raise ReconError(f"recipe: {key} must {rule}, got {shown(value)}")


def _typed(key: str, value: Any) -> Any:
    annotation = getattr(attrs.fields(Recipe), key).type
    try:
        return coerce(value, annotation)
    except TypeError:
        kind = annotation.__name__ if isinstance(annotation, type) else annotation
        raise ReconError(f"recipe: {key} must be {kind}, got {shown(value)}") from None


def _choice(key: str, value: Any, default: str | None) -> Choice:
    if not isinstance(value, Mapping):
        raise ReconError(f"recipe: {key} must be a table, got {shown(value)}")
    options = dict(value)
    name = options.pop("name", default)
    if not isinstance(name, str):
        raise ReconError(f"recipe: {key} must have a name, got {shown(name)}")
    return Choice(name, options)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
