"""Flags and `--set` over a recipe file, and the varied values of a sweep over both."""

import copy
from collections.abc import Mapping
from typing import Any

from recon.core.errors import ReconError, shown, unknown
from recon.core.recipe import PLAIN, TABLES, Choice, Recipe

NO_REFINERS = "none"
FAST = {"steps": 20, "harmonizer.rounds": 2}
"""A fifth of the network passes; what is given beside it wins."""
FASTEST = {
    "steps": 5,
    "harmonizer.rounds": 0,
    "harmonizer.start_noise": 64.0,
    "refiner.patterns.tries": 40,
}
"""Of the 3D network three estimates, of the slices two."""
FOR = "spectral"
"""The harmonizer that has these options."""


CHOSEN = (*TABLES, "refiner")
"""Kinds of plugins that are chosen by name here, with options of their own."""


def speed_up(
    table: Mapping[str, Any], values: Mapping[str, Any], most: bool = False
) -> dict[str, Any]:
    """The values over those of a fast run of a recipe's table, or the fastest.

    Options of plugins that the recipe and the values do not choose are left out.
    """
    plugins = {key: values[key] for key in ("harmonizer", "refiner") if key in values}
    chosen = lay_over(table, plugins)
    result = {}
    for key, value in (FASTEST if most else FAST).items():
        kind, _, option = key.partition(".")
        refiner = option.partition(".")[0]
        if kind == "harmonizer" and _find_name(chosen, kind) != FOR:
            continue
        if kind == "refiner" and refiner not in _find_refiners(chosen):
            continue
        result[key] = value
    return result | dict(values)


def check_key(key: str, flag: str) -> None:
    """Refuse what is neither a key of the recipe nor an option of one of its plugins.

    key   such as "steps", "harmonizer" (its name), "harmonizer.gamma", "refiner" (names) or
          "refiner.patterns.tries"
    flag  where it was given

    Whether the plugin has such an option is known only with the plugin (see run.check_recipe).
    """
    table, dot, _ = key.partition(".")
    if dot and table not in CHOSEN:
        raise unknown(f"table in {flag}", table, CHOSEN)
    if not dot and key not in (*PLAIN, *CHOSEN):
        raise unknown(f"key of the recipe in {flag}", key, (*PLAIN, *CHOSEN))


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
        if "." not in key:
            _set_key(result, key, value)
    for key, value in values.items():
        name, dot, option = key.partition(".")
        if dot and name == "refiner":
            _set_refiner(result, option, value)
        elif dot and isinstance(result.get(name, {}), Mapping):
            result[name] = {**result.get(name, {}), option: value}
    return result


def _set_key(table: dict[str, Any], key: str, value: Any) -> None:
    """Set a key of the recipe: plain data, or the name of a plugin."""
    if key in TABLES:
        if _find_name(table, key) != value:
            table[key] = {"name": value}
    elif key == "refiner":
        table[key] = _choose_refiners(value, table.get(key))
    elif key == "periodic" and isinstance(value, str):
        table[key] = [axis for axis in value.split(",") if axis]
    else:
        table[key] = list(value) if isinstance(value, tuple) else value


def _find_name(table: Mapping[str, Any], key: str) -> Any:
    """The plugin that a recipe's table names or leaves to the default."""
    chosen = table.get(key, {})
    default = getattr(Recipe(), key).name
    return chosen.get("name", default) if isinstance(chosen, Mapping) else None


def _find_refiners(table: Mapping[str, Any]) -> list[Any]:
    """Names of the refiners of a recipe's table; by default the harmonizer's."""
    harmonizer = _find_name(table, "harmonizer")
    if "refiner" not in table and isinstance(harmonizer, str):
        recipe = Recipe(harmonizer=Choice(harmonizer))
        return [one.name for one in recipe.choices("refiner")]
    given = table.get("refiner")
    tables = given if isinstance(given, list) else []
    return [one.get("name") if isinstance(one, Mapping) else one for one in tables]


def _choose_refiners(chosen: Any, given: Any) -> Any:
    """The refiners named, with the options that the table gives to them; "none" for no refiner."""
    if not isinstance(chosen, str | list | tuple):
        return chosen  # the recipe refuses it
    names = [chosen] if isinstance(chosen, str) else list(chosen)
    if names == [NO_REFINERS]:
        return []
    tables = given if isinstance(given, list) else []
    known = {one.get("name"): one for one in tables if isinstance(one, Mapping)}
    return [known.get(one, one) if isinstance(one, str) else one for one in names]


def _set_refiner(table: dict[str, Any], key: str, value: Any) -> None:
    """Set an option of a refiner, NAME.OPTION, which must be among those of the recipe."""
    name, dot, option = key.partition(".")
    if not (name and dot and option):
        raise ReconError(f"options of refiners are refiner.NAME.OPTION, got refiner.{key}")
    if not isinstance(table.get("refiner", []), list):
        return  # the recipe refuses it
    names = _find_refiners(table)
    tables = [{"name": one} if isinstance(one, str) else one for one in table.get("refiner", names)]
    if name not in names:
        raise ReconError(
            f"refiner.{key} is given but the recipe has no refiner {shown(name)}; choose it with "
            f"refiner={[*names, name]}"
        )
    table["refiner"] = [
        {**one, option: value} if isinstance(one, Mapping) and one.get("name") == name else one
        for one in tables
    ]
