"""Finds installed plugins and builds one from a table of options."""

import functools
import importlib
import inspect
import json
import os
import re
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import attrs
import pluggy

from recon.core import hooks
from recon.core.errors import ReconError, shown, unknown
from recon.core.options import OptionInfo, check_names, describe_options

GROUP = "recon"
OWN = "microrecon"
"""The distribution of the bundled plugins, which stand before those of others."""
HERE = "this process"
"""Package of classes that the running process registers."""
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
HOOKS = {
    "denoiser": "recon_denoisers",
    "schedule": "recon_schedules",
    "harmonizer": "recon_harmonizers",
    "refiner": "recon_refiners",
    "metric": "recon_metrics",
    "property": "recon_properties",
    "exporter": "recon_exporters",
    "reader": "recon_readers",
}
"""Kind of plugin -> the hook that returns its classes."""
COMMANDS = "recon_commands"


@attrs.frozen
class Summary:
    """What is known of a plugin class without importing it.

    suffixes         of an exporter or reader
    signatures       first bytes that a reader knows, in hexadecimal
    members          files that make a folder one for a reader
    compared         of a metric: "volumes" and "micrographs" as far as it joins the comparison
                     with them by itself
    refiners         that follow a harmonizer where a recipe names none
    weights_package  import package of the weights that are shipped with a denoiser
    """

    kind: str
    name: str
    target: str
    doc: str
    options: tuple[OptionInfo, ...] = ()
    suffixes: tuple[str, ...] = ()
    signatures: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    compared: tuple[str, ...] = ()
    refiners: tuple[str, ...] = ()
    weights_package: str | None = None

    @classmethod
    def of(cls, plugin: type[Any]) -> "Summary":
        """Read it off the class."""
        lists = {
            key: tuple(getattr(plugin, key, ())) for key in ("suffixes", "members", "refiners")
        }
        return cls(
            plugin.kind,
            plugin.name,
            f"{plugin.__module__}:{plugin.__qualname__}",
            inspect.getdoc(plugin) or "",
            describe_options(plugin),
            signatures=tuple(first.hex() for first in getattr(plugin, "signatures", ())),
            compared=_compared(plugin),
            weights_package=getattr(plugin, "weights_package", None),
            **lists,
        )

    @classmethod
    def from_table(cls, table: dict[str, Any]) -> "Summary":
        """From plain data, as `attrs.asdict` gives."""
        options = tuple(OptionInfo(**one) for one in table["options"])
        lists = {key: tuple(value) for key, value in table.items() if isinstance(value, list)}
        return cls(**{**table, **lists, "options": options})


def _compared(plugin: type[Any]) -> tuple[str, ...]:
    items = getattr(plugin, "compared", ())
    return tuple(to for to in ("volumes", "micrographs") if any(getattr(one, to) for one in items))


@attrs.frozen
class Entry:
    """A plugin and the installed package that brought it."""

    summary: Summary
    package: str
    version: str
    load: Callable[[], type[Any]] = attrs.field(repr=False, eq=False)

    @property
    def kind(self) -> str:
        """Kind of the plugin."""
        return self.summary.kind

    @property
    def name(self) -> str:
        """Name on the command line."""
        return self.summary.name

    @property
    def cls(self) -> type[Any]:
        """The class, imported when first asked for."""
        return self.load()


@attrs.frozen
class Catalog:
    """Installed plugins by kind and name.

    entries   (kind, name) -> the packages that offer it; more than one is a clash
    broken    package -> why its plugins could not be loaded
    commands  click commands of packages, each with the package's name
    """

    entries: dict[tuple[str, str], list[Entry]]
    broken: dict[str, str]
    commands: tuple[tuple[str, Any], ...] = ()

    @property
    def not_loaded(self) -> str:
        """What a message says of broken packages: one of them may have what was asked for."""
        failed = "; ".join(f"plugin {package}: {why}" for package, why in self.broken.items())
        return f"; not loaded: {failed}" if failed else ""

    def names(self, kind: str) -> list[str]:
        """Names of the plugins of a kind, sorted."""
        if kind not in HOOKS:
            raise unknown("kind of plugin", kind, HOOKS)
        return sorted(name for known, name in self.entries if known == kind)

    def entry(self, kind: str, name: str) -> Entry:
        """The one plugin of a kind and name; ReconError for none or several."""
        if name not in self.names(kind):
            raise ReconError(f"{unknown(kind, name, self.names(kind))}{self.not_loaded}")
        return choose_one(self.entries[kind, name], repr(name))

    def by_suffix(self, kind: str, path: Path) -> list[Entry]:
        """Plugins of a kind that have the suffix of a file; the longest that fits counts."""
        name = path.name.lower()[1:]
        fitting = [
            (len(suffix), entry)
            for entry in self
            if entry.kind == kind
            for suffix in entry.summary.suffixes
            if name.endswith(suffix)
        ]
        longest = max((length for length, _ in fitting), default=0)
        return [entry for length, entry in fitting if length == longest]

    def build(self, kind: str, name: str, /, **options: Any) -> Any:
        """A plugin with the given options; ReconError for what it does not admit."""
        cls = self.entry(kind, name).cls
        check_names(cls, options)
        return cls(**options)

    def __iter__(self) -> Iterator[Entry]:
        return iter(entry for key in sorted(self.entries) for entry in self.entries[key])


@functools.cache
def catalog() -> Catalog:
    """The plugins of all installed packages with an entry point in the group `recon`.

    A package that fails to load is noted in `broken` and warned of; the others keep working.
    RECON_DISABLED_PLUGINS names packages to leave out, separated by commas.
    """
    disabled = {name.strip() for name in os.environ.get("RECON_DISABLED_PLUGINS", "").split(",")}
    entries: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    broken: dict[str, str] = {}
    commands: list[tuple[str, Any]] = []
    for package, version, point in _entry_points():
        if package in disabled:
            continue
        try:
            module = point.load()
            hooks.check_api(module)
            for summary, load in _offers(module):
                entries[summary.kind, summary.name].append(Entry(summary, package, version, load))
            commands += [(package, command) for command in _commands(module)]
        except MemoryError:  # no fault of the plugin
            raise
        except (Exception, SystemExit) as error:  # whatever a foreign module does at import
            broken[package] = _describe_failure(error)
            warnings.warn(f"plugin {package} is left out: {broken[package]}", stacklevel=2)
    return Catalog(dict(entries), broken, tuple(commands))


def _describe_failure(error: BaseException) -> str:
    line = " ".join(f"{type(error).__name__}: {error}".split())
    if isinstance(error, ImportError) and str(error.name).partition(".")[0] == GROUP:
        return f"{line}; it was made for another version of recon, install versions that match"
    return line


def _entry_points() -> list[tuple[str, str, EntryPoint]]:
    """Package, version and entry point, the bundled ones first.

    The same one may be found twice on the path.
    """
    points: dict[tuple[str, str], tuple[str, str, EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        if point.dist is not None:
            package = point.dist.metadata["Name"]
            points.setdefault((package, point.value), (package, point.dist.version, point))
    return [points[key] for key in sorted(points, key=lambda key: (key[0] != OWN, key))]


def _offers(module: ModuleType) -> list[tuple[Summary, Callable[[], type[Any]]]]:
    """What a module brings: read off its INDEX if it has one, else by calling its hooks.

    INDEX is the path of a JSON list of summaries, for a package whose classes are slow to import.
    """
    index = getattr(module, "INDEX", None)
    if index is None:
        return [
            (Summary.of(cls), functools.partial(lambda cls: cls, cls)) for cls in classes_of(module)
        ]
    tables = json.loads(Path(index).read_text(encoding="utf-8"))
    summaries = [Summary.from_table(table) for table in tables]
    return [(summary, functools.partial(_imported, summary.target)) for summary in summaries]


def _imported(target: str) -> type[Any]:
    module, _, name = target.partition(":")
    return cast("type[Any]", getattr(importlib.import_module(module), name))


def classes_of(module: ModuleType) -> list[type[Any]]:
    """The plugin classes that the hooks of one module return; TypeError for anything else."""
    manager = _manager(module)
    classes: list[type[Any]] = []
    for kind, hook in HOOKS.items():
        for answer in _answers(manager, hook):
            classes += [check_class(cls, kind, hook) for cls in answer]
    return classes


def _manager(module: ModuleType) -> pluggy.PluginManager:
    """A manager of its own keeps a bad module from the rest."""
    manager = pluggy.PluginManager("recon")
    manager.add_hookspecs(hooks)
    manager.register(module)
    manager.check_pending()
    return manager


def _answers(manager: pluggy.PluginManager, hook: str) -> list[Any]:
    caller = getattr(manager.hook, hook)
    rule = f"{hook} must return a list of {'commands' if hook == COMMANDS else 'classes'}"
    answers = caller()
    if len(answers) < len(caller.get_hookimpls()):  # pluggy leaves None out
        raise TypeError(f"{rule}, got None")
    for answer in answers:
        if not isinstance(answer, list | tuple):
            raise TypeError(f"{rule}, got {shown(answer)}")
    return list(answers)


def _commands(module: ModuleType) -> list[Any]:
    """The click commands of one module."""
    if not hasattr(module, COMMANDS):
        return []
    import click

    commands = [c for answer in _answers(_manager(module), COMMANDS) for c in answer]
    for command in commands:
        if not isinstance(command, click.Command) or not command.name:
            raise TypeError(f"recon_commands must return click commands, got {shown(command)}")
    return commands


def check_class(cls: Any, kind: str, hook: str) -> Any:
    """The class; TypeError names the hook unless it keeps the contract of its kind."""
    abstract = getattr(importlib.import_module("recon.core.kinds"), kind.title())
    if abstract not in getattr(cls, "__mro__", ()):
        raise TypeError(f"{hook} must return classes of {abstract.__name__}, got {shown(cls)}")
    if cls.kind != kind:
        raise TypeError(f"{cls.__name__} must be of kind {kind}, got {shown(cls.kind)}")
    if not isinstance(getattr(cls, "name", None), str) or "__attrs_attrs__" not in vars(cls):
        raise TypeError(f"{cls.__name__} must have a name and be decorated with @attrs.frozen")
    if getattr(cls, "__abstractmethods__", None):
        missing = ", ".join(sorted(cls.__abstractmethods__))
        raise TypeError(f"{cls.__name__} must implement {missing}")
    if not NAME.fullmatch(cls.name):
        raise TypeError(f"{cls.__name__} must have a name of a-z, 0-9 and -, got {shown(cls.name)}")
    _check_attributes(cls)
    return cls


def _check_attributes(cls: Any) -> None:
    for field in attrs.fields(cast(Any, cls)):
        if field.init and field.default is attrs.NOTHING:
            raise TypeError(f"{cls.__name__} must have a default for {field.name}")
        if "recon" in field.metadata and field.type is None:
            raise TypeError(f"{cls.__name__} must annotate option {field.name} with its type")
    for name in ("suffixes", "signatures", "members", "compared", "refiners"):
        if not isinstance(getattr(cls, name, ()), tuple):
            raise TypeError(f"{cls.__name__} must have a tuple as {name}")


def choose_one(offers: list[Entry], what: str) -> Entry:
    """The one plugin of a name, or for a file; ReconError names both where there are two."""
    if len(offers) > 1:
        both = " and ".join(f"{entry.name} of {entry.package}" for entry in offers)
        raise ReconError(
            f"two plugins of kind {offers[0].kind} for {what}: {both}; uninstall one or set "
            "RECON_DISABLED_PLUGINS"
        )
    return offers[0]
