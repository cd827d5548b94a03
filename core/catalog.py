"""Finds installed plugins and builds one from a table of options."""

import functools
import os
import re
import warnings
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import Any, cast

import attrs
import pluggy

from recon.core import hooks
from recon.core.errors import ReconError, shown, unknown
from recon.core.kinds import KINDS, Plugin
from recon.core.options import checked_names

GROUP = "recon"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
PLURAL = {kind: f"recon_{kind}s" for kind in KINDS} | {"property": "recon_properties"}


@attrs.frozen
class Entry:
    """A plugin class and the installed package that brought it."""

    cls: type[Any]
    package: str
    version: str


@attrs.frozen
class Catalog:
    """Installed plugins by kind and name.

    entries  (kind, name) -> the packages that offer it; more than one is a clash
    broken   package -> why its plugins could not be loaded
    """

    entries: dict[tuple[str, str], list[Entry]]
    broken: dict[str, str]

    def names(self, kind: str) -> list[str]:
        """Names of the plugins of a kind, sorted."""
        if kind not in KINDS:
            raise unknown("kind of plugin", kind, KINDS)
        return sorted(name for known, name in self.entries if known == kind)

    def entry(self, kind: str, name: str) -> Entry:
        """The one plugin of a kind and name; ReconError for none or several."""
        if name not in self.names(kind):
            error = unknown(kind, name, self.names(kind))
            failed = "; ".join(f"plugin {package}: {why}" for package, why in self.broken.items())
            raise ReconError(f"{error}{'; not loaded: ' + failed if failed else ''}")
        found = self.entries[kind, name]
        if len(found) > 1:
            packages = " and ".join(entry.package for entry in found)
            raise ReconError(
                f"two plugins are named {name!r}: {packages}; uninstall one or set "
                "RECON_DISABLED_PLUGINS"
            )
        return found[0]

    def build(self, kind: str, name: str, /, **options: Any) -> Any:
        """A plugin with the given options; ReconError for what it does not admit."""
        cls = self.entry(kind, name).cls
        checked_names(cls, options)
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
    for distribution, point in _entry_points():
        package = distribution.metadata["Name"]
        if package in disabled:
            continue
        try:
            for cls in _classes(point):
                entry = Entry(cls, package, distribution.version)
                entries[cls.kind, cls.name].append(entry)
        except MemoryError:  # no fault of the plugin
            raise
        except (Exception, SystemExit) as error:  # whatever a foreign module does at import
            broken[package] = " ".join(f"{type(error).__name__}: {error}".split())
            warnings.warn(f"plugin {package} is left out: {broken[package]}", stacklevel=2)
    return Catalog(dict(entries), broken)


def _entry_points() -> list[tuple[Distribution, EntryPoint]]:
    found = {
        (distribution.metadata["Name"], point.value): (distribution, point)
        for distribution in distributions()
        for point in distribution.entry_points
        if point.group == GROUP
    }
    return [found[key] for key in sorted(found)]


def _classes(point: EntryPoint) -> list[type[Any]]:
    """The plugin classes of one module; a manager of its own keeps a bad one from the rest."""
    manager = pluggy.PluginManager("recon")
    manager.add_hookspecs(hooks)
    manager.register(point.load())
    manager.check_pending()
    classes: list[type[Any]] = []
    for kind, hook in PLURAL.items():
        caller = getattr(manager.hook, hook)
        answers = caller()
        if len(answers) < len(caller.get_hookimpls()):  # pluggy leaves None out
            raise TypeError(f"{hook} must return a list of classes, got None")
        for answer in answers:
            if not isinstance(answer, list | tuple):
                raise TypeError(f"{hook} must return a list of classes, got {shown(answer)}")
            classes += [_checked(cls, kind, hook) for cls in answer]
    return classes


def _checked(cls: Any, kind: str, hook: str) -> type[Any]:
    if not (isinstance(cls, type) and issubclass(cls, KINDS[kind])):
        raise TypeError(f"{hook} must return classes of {KINDS[kind].__name__}, got {shown(cls)}")
    if cls.kind != kind:
        raise TypeError(f"{cls.__name__} must be of kind {kind}, got {shown(cls.kind)}")
    if not isinstance(getattr(cls, "name", None), str) or "__attrs_attrs__" not in vars(cls):
        raise TypeError(f"{cls.__name__} must have a name and be decorated with @attrs.frozen")
    if getattr(cls, "__abstractmethods__", None):
        missing = ", ".join(sorted(cls.__abstractmethods__))
        raise TypeError(f"{cls.__name__} must implement {missing}")
    if not NAME.fullmatch(cls.name):
        raise TypeError(f"{cls.__name__} must have a name of a-z, 0-9 and -, got {shown(cls.name)}")
    for field in attrs.fields(cast(Any, cls)):
        if field.init and field.default is attrs.NOTHING:
            raise TypeError(f"{cls.__name__} must have a default for {field.name}")
    return cls


def plugin_version(plugin: Plugin) -> dict[str, str]:
    """Package and version that a plugin instance came from."""
    entry = catalog().entry(plugin.kind, plugin.name)
    return {"package": entry.package, "version": entry.version}
