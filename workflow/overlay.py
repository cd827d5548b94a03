"""Flags and `--set` over a recipe file, and the varied values of a sweep over both."""

import copy
from collections.abc import Mapping
from typing import Any

from recon.core.errors import unknown
from recon.core.recipe import PLAIN, TABLES, Recipe

FAST = {"steps": 20, "harmonizer.rounds": 2}
"""32 to 38 network passes instead of about 160; what is given beside it wins."""


def speed_up(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values over those of a fast run; without the rounds of another harmonizer."""
    own = values.get("harmonizer", "spectral") == "spectral"
    return {key: value for key, value in FAST.items() if own or "." not in key} | dict(values)


def check_key(key: str, flag: str) -> None:
    """Refuse what is neither a key of the recipe nor an option of one of its plugins.

    key  such as "steps", "harmonizer" (its name) or "harmonizer.gamma"; flag  where it was given

    Whether the plugin has such an option is known only with the plugin (see run.check_recipe).
    """
    table, dot, _ = key.partition(".")
    if dot and table not in TABLES:
        raise unknown(f"table in {flag}", table, TABLES)
    if not dot and key not in (*PLAIN, *TABLES):
        raise unknown(f"key of the recipe in {flag}", key, (*PLAIN, *TABLES))


def lay_over(table: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's table with values laid over it, by keys as in `check_key`.

    Another plugin than the table's drops the options that the table gives to its own; options
    among the values are for whatever plugin is chosen in the end.
    """
    result = copy.deepcopy(dict(table))
    for key in TABLES:
        if isinstance(result.get(key), str):
            result[key] = {"name": result[key]}
    for key, value in values.items():
        if key in TABLES:
            if _find_name(result, key) != value:
                result[key] = {"name": value}
        elif "." not in key:
            if key == "periodic" and isinstance(value, str):
                value = [axis for axis in value.split(",") if axis]
            result[key] = list(value) if isinstance(value, tuple) else value
    for key, value in values.items():
        name, dot, option = key.partition(".")
        if dot and isinstance(result.get(name, {}), Mapping):
            result[name] = {**result.get(name, {}), option: value}
    return result


def _find_name(table: Mapping[str, Any], key: str) -> Any:
    """The plugin that a recipe's table names or leaves to the default."""
    chosen = table.get(key)
    default = getattr(Recipe(), key).name
    return chosen.get("name", default) if isinstance(chosen, Mapping) else None
