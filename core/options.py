"""option(): default, help and range of a plugin's setting, declared once.

The declaration feeds the validator, the TOML table, `--set` and the provenance.
"""

import sys
import types
import typing
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import attrs

from recon.core.errors import ReconError, shown, unknown


@attrs.frozen
class Rule:
    """What a value of an option must satisfy."""

    help: str
    min: float | None = None
    max: float | None = None
    choices: tuple[Any, ...] | None = None
    trained: bool = False

    def __str__(self) -> str:
        if self.choices is not None:
            return f"one of {', '.join(map(str, self.choices))}"
        if self.min is not None and self.max is not None:
            return f"in [{self.min:g}, {self.max:g}]"
        if self.min is not None:
            return f">= {self.min:g}"
        return f"<= {self.max:g}" if self.max is not None else ""

    def admits(self, value: Any) -> bool:
        """Whether a value of the right type lies in the range; of a tuple, every item."""
        if value is None:
            return True
        if isinstance(value, tuple):
            return all(self.admits(item) for item in value)
        if self.choices is not None:
            return value in self.choices
        if isinstance(value, str):  # the range is that of numbers, beside which text is admitted
            return True
        low = self.min is None or value >= self.min
        return bool(low and (self.max is None or value <= self.max))


def option(
    default: Any,
    help: str,
    *,
    min: float | None = None,
    max: float | None = None,
    choices: tuple[Any, ...] | None = None,
    trained: bool = False,
) -> Any:
    """A setting of a plugin: an attrs field with its help text and range.

    The annotation of the attribute gives its type: bool, int, float, str, a tuple of these
    (`tuple[int, ...]`, `tuple[float, float, float]`), or one of these `| None`.
    `trained` marks a setting that is part of trained weights and cannot be changed after.
    """
    rule = Rule(help, min, max, choices, trained)
    convert = attrs.Converter(_checked, takes_self=True, takes_field=True)
    return attrs.field(default=default, converter=convert, metadata={"recon": rule})


def options(cls: type) -> "dict[str, attrs.Attribute[Any]]":
    """The declared options of a plugin class by name, in order of declaration."""
    return {field.name: field for field in attrs.fields(cls) if "recon" in field.metadata}


def rule(field: "attrs.Attribute[Any]") -> Rule:
    """The rule declared with an option."""
    return typing.cast(Rule, field.metadata["recon"])


def values(plugin: Any) -> dict[str, Any]:
    """The options of a plugin instance as plain data; options that are None are left out."""
    named = {name: getattr(plugin, name) for name in options(type(plugin))}
    return {name: value for name, value in named.items() if value is not None}


def check_names(cls: Any, given: Mapping[str, Any]) -> None:
    """Refuse a name that the plugin class does not declare."""
    for name in given:
        if name not in options(cls):
            raise unknown(f"option of {cls.kind} {cls.name}", name, options(cls))


@attrs.frozen
class OptionInfo:
    """An option as a reader would write it: its type, default and rule in words."""

    name: str
    type: str
    default: str
    rule: str
    help: str
    trained: bool = False


def describe_options(cls: type) -> tuple[OptionInfo, ...]:
    """The options of a plugin class, in order of declaration."""
    return tuple(
        OptionInfo(
            name,
            type_name(resolve_type(field, cls)),
            format_value(field.default),
            str(rule(field)),
            rule(field).help,
            rule(field).trained,
        )
        for name, field in options(cls).items()
    )


def format_value(value: Any) -> str:
    """A value as one would write it after `--set`."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ",".join(format_value(item) for item in value) + "]"
    return "none" if value is None else str(value)


def resolve_type(field: "attrs.Attribute[Any]", cls: type) -> "attrs.Attribute[Any]":
    """The field with its type, where the author's module postpones annotations."""
    if not isinstance(field.type, str):
        return field
    owner = next(c for c in cls.__mro__ if field.name in vars(c).get("__annotations__", {}))
    annotated = types.SimpleNamespace(__annotations__={field.name: field.type})
    known = typing.get_type_hints(annotated, vars(sys.modules[owner.__module__]))
    return field.evolve(type=known[field.name])


def type_name(field: "attrs.Attribute[Any]") -> str:
    """The type of an option as a reader would write it."""
    annotation = field.type
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _checked(value: Any, plugin: Any, field: "attrs.Attribute[Any]") -> Any:
    where = f"{plugin.kind} {plugin.name}: {field.name}"
    field = resolve_type(field, type(plugin))
    try:
        value = coerce(value, field.type)
    except TypeError:
        hint = f"; give a list, [...]: {rule(field).help}" if "tuple" in type_name(field) else ""
        raise ReconError(f"{where} must be {type_name(field)}, got {shown(value)}{hint}") from None
    if not rule(field).admits(value):
        raise ReconError(f"{where} must be {rule(field)}, got {shown(value)}")
    return value


def coerce(value: Any, annotation: Any) -> Any:
    """A TOML or Python value as the annotated type; TypeError when it is another one."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return _coerce_union(value, typing.get_args(annotation))
    if typing.get_origin(annotation) is tuple:
        return _coerce_tuple(value, typing.get_args(annotation))
    if annotation is float and isinstance(value, Real) and not isinstance(value, bool):
        if value != value:
            raise TypeError
        try:
            return float(value)
        except OverflowError:  # an integer of hundreds of digits
            raise TypeError from None
    if annotation is int and isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    if annotation is int:
        raise TypeError
    if annotation is Any or (isinstance(annotation, type) and isinstance(value, annotation)):
        return value
    raise TypeError


def _coerce_union(value: Any, members: tuple[Any, ...]) -> Any:
    for member in members:
        try:
            return coerce(value, member)
        except TypeError:
            continue
    raise TypeError


def _coerce_tuple(value: Any, items: tuple[Any, ...]) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError
    if len(items) == 2 and items[1] is Ellipsis:
        items = (items[0],) * len(value)
    if len(items) != len(value):
        raise TypeError
    return tuple(coerce(item, kind) for item, kind in zip(value, items, strict=True))
