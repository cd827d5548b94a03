"""Options of Python in a message, as the flags of the command that was called.

Below cli, messages name options as Python has them: `voxel_size=`, `samples=4`, `resume=True`,
`shape=(64, 64, 64)`, `crop={"xy": "0,64,0,0"}`, `harmonizer.rounds=2`.
"""

import ast
import re
from typing import Any

import click

LITERAL = r"""\{[^{}]*\}|\([^()]*\)|\[[^\[\]]*\]|"[^"]*"|'[^']*'"""
VALUE = rf"(?P<value>{LITERAL}|\S*?(?=[.,;:)]*(?:\s|$)))"
OPTION = re.compile(rf"(?<![\w.:=/'\"-])(?P<table>[a-z][\w-]*\.)?(?P<name>[a-z]\w*)={VALUE}")
"""An option; not within a quoted value, a path or another option."""


def name_flags(text: str, command: click.Command) -> str:
    """The text with options that the command has as flags; all else stays as it is.

    `harmonizer.rounds=2` becomes `--set harmonizer.rounds=2` where there is --set.
    """
    flags = [param for param in command.params if isinstance(param, click.Option)]
    known = {_python_name(flag.opts[-1]): flag for flag in flags}

    def replace(match: re.Match[str]) -> str:
        if match["table"]:
            already = text[: match.start()].endswith("--set ")
            return f"--set {match[0]}" if "set" in known and not already else match[0]
        if match["name"] not in known:
            return match[0]
        return _written(known[match["name"]], match["value"])

    return OPTION.sub(replace, text)


def name_flags_here(text: str) -> str:
    """The text for the command that is running."""
    context = click.get_current_context(silent=True)
    return text if context is None else name_flags(text, context.command)


def _python_name(flag: str) -> str:
    return flag.lstrip("-").replace("-", "_")


def _written(flag: click.Option, text: str) -> str:
    """The flag with a value as one types it; once for each key of a mapping or item of a list."""
    name = flag.opts[-1]
    value = _evaluated(text) if text else None
    if flag.is_flag or value in (None, {}):
        return name
    if isinstance(value, dict):
        return " ".join(f"{name} {key}={_joined(item, ',')}" for key, item in value.items())
    if flag.multiple and isinstance(value, list):
        return " ".join(f"{name} {_joined(item, ',')}" for item in value)
    return f"{name} {_joined(value, ' ' if flag.nargs != 1 else ',')}"


def _evaluated(text: str) -> Any:
    """A Python literal, or the text itself where it is none: 0.4um, K, (A, B)."""
    if text[0] not in "{([\"'":
        return text
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return tuple(part.strip() for part in text[1:-1].split(",")) if text[0] == "(" else text


def _joined(value: Any, separator: str) -> str:
    if isinstance(value, list | tuple):
        return separator.join(map(str, value))
    return f'"{value}"' if " " in str(value) else str(value)
