"""What a sweep asks for: a recipe, and every combination of the values that are varied."""

import itertools
import re
from collections.abc import Mapping
from typing import Any

import attrs

from recon.core.errors import ReconError
from recon.core.recipe import Recipe
from recon.workflow.overlay import check_key, lay_over

LONGEST = 40
"""Characters of a value in the name of a folder."""


@attrs.frozen
class Combination:
    """One value of everything varied, by key; `name` is that of its folder."""

    name: str
    values: dict[str, Any]
    recipe: Recipe


def _plain(value: Any) -> Any:
    """Without tuples, so that it equals what was written and read again."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _table(value: Mapping[str, Any]) -> dict[str, Any]:
    table: dict[str, Any] = _plain(value)
    return table


@attrs.frozen
class Sweep:
    """Keys are those of a recipe ("steps", "harmonizer", "harmonizer.gamma").

    vary    key -> its values, the first one varying slowest
    fixed   key -> value that holds for all
    recipe  the table of a recipe file that both are laid over
    """

    vary: dict[str, list[Any]] = attrs.field(converter=_table)
    fixed: dict[str, Any] = attrs.field(factory=dict, converter=_table)
    recipe: dict[str, Any] = attrs.field(factory=dict, converter=_table)

    def __attrs_post_init__(self) -> None:
        if not self.vary:
            raise ReconError("a sweep needs something to vary, such as harmonizer.gamma=0.15,0.5,1")
        for key, values in self.vary.items():
            check_key(key, "vary=")
            if key in self.fixed:
                raise ReconError(f"{key} is varied and fixed as well; leave one of the two out")
            if not values:
                raise ReconError(f"vary={key} must have at least one value, got none")
            for place, value in enumerate(values):
                if value in values[:place]:
                    raise ReconError(f"vary={key} gives {value!r} twice; leave one of them out")

    @property
    def short(self) -> dict[str, str]:
        """Key -> its last part, or all of it where two would look the same."""
        last = {key: key.rpartition(".")[2] for key in self.vary}
        parts = list(last.values())
        return {key: part if parts.count(part) == 1 else key for key, part in last.items()}

    def format_value(self, key: str, value: Any) -> str:
        """A varied value as names and legends have it, different from the other values."""
        values = self.vary[key]
        return _distinguish([format_part(v) for v in values])[values.index(value)]

    def combine(self) -> list[Combination]:
        """All of them; ReconError for a value that a recipe refuses."""
        combinations = []
        for chosen in itertools.product(*self.vary.values()):
            values = dict(zip(self.vary, chosen, strict=True))
            recipe = Recipe.from_table(lay_over(self.recipe, self.fixed | values))
            combinations.append(Combination(self.name_folder(values), values, recipe))
        return combinations

    def name_folder(self, values: Mapping[str, Any]) -> str:
        """`gamma=0.5,rounds=4`."""
        each = (
            f"{self.short[key]}={self.format_value(key, value)}" for key, value in values.items()
        )
        return ",".join(each)

    def to_table(self) -> dict[str, Any]:
        """As plain data for TOML."""
        return {"vary": self.vary, "set": self.fixed, "recipe": self.recipe}

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> "Sweep":
        """From plain data."""
        return cls(table["vary"], table.get("set", {}), table.get("recipe", {}))


def format_part(value: Any) -> str:
    """A value as part of a file's name: of a path its last part, lists as 64x64x64."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "x".join(map(format_part, value)) or "none"
    last = re.split(r"[\\/]", str(value).rstrip("\\/"))[-1]
    return re.sub(r"[^\w.+-]+", "-", last)[:LONGEST].strip(".") or "none"


def _distinguish(texts: list[str]) -> list[str]:
    """With a number where two are the same, also to a file system that ignores case."""
    seen: set[str] = set()
    result = []
    for wanted in texts:
        one, number = wanted, 1
        while one.casefold() in seen:
            number += 1
            one = f"{wanted}-{number}"
        seen.add(one.casefold())
        result.append(one)
    return result
