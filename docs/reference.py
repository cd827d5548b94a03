"""Writes the pages that are made from the program itself: commands.md and plugins.md.

python docs/reference.py

A test fails while a page differs from what this makes.
"""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click

from recon.cli import COMMANDS, main
from recon.core.catalog import Entry, catalog
from recon.core.options import format_value, options, rule, type_name

HERE = Path(__file__).parent
MADE = "<!-- made by docs/reference.py: do not edit -->"
PACKAGE = "microrecon"
HEADINGS = {
    "denoiser": "Denoisers",
    "schedule": "Schedules",
    "harmonizer": "Harmonizers",
    "refiner": "Refiners",
    "metric": "Metrics",
    "property": "Properties",
    "exporter": "Exporters",
    "reader": "Readers",
}
SPECIAL = str.maketrans({"*": r"\*", "_": r"\_", "<": "&lt;"})


def commands() -> str:
    """Every command with its flags, as --help shows them."""
    lines = [
        MADE,
        "# Commands",
        "This page has the output of `recon COMMAND --help`. Every command also has the flags "
        "`-h`, `--help` and `-q`, `--quiet`. With `--quiet`, or with the environment variable "
        "`RECON_QUIET=1`, recon prints results and errors only: no progress, notices or warnings.",
        "Exit codes: 0 for success; 2, with one line, for an error that you can correct; 130 after "
        "an interruption; 1 as described for single commands below. A traceback is a defect of "
        "recon: please report it.",
    ]
    root = main.make_context("recon", ["plugins"])
    for name in COMMANDS:
        command = main.get_command(root, name)
        assert command is not None
        context = click.Context(command, parent=root, info_name=name)
        usage = " ".join(["recon", name, *command.collect_usage_pieces(context)])
        lines += [f"## recon {name}", f"```text\n{usage}\n```", _prose(command.help or "")]
        lines.append("\n".join(_flags(command, context)))
        below = click.HelpFormatter(width=100)
        command.format_epilog(context, below)
        if below.getvalue():
            lines.append(f"```text\n{below.getvalue().strip()}\n```")
    return "\n\n".join(lines) + "\n"


def _prose(help: str) -> str:
    """Text as markdown: what stands in columns, or click is to keep as it is (\\b), as a block."""
    parts = inspect.cleandoc(help).split("\n\n")
    return "\n\n".join(
        "```text\n" + part.removeprefix("\b\n") + "\n```"
        if re.search(r"^\x08|^ |\S {2}", part, re.MULTILINE)
        else _plain(part)
        for part in parts
    )


def _flags(command: click.Command, context: click.Context) -> Iterator[str]:
    for param in command.params:
        record = param.get_help_record(context)
        if isinstance(param, click.Option) and param.name != "quiet" and record is not None:
            names, help = record
            yield f"- `{names}`: {_plain(help)}"


def plugins() -> str:
    """Every bundled plugin with its options, as `recon plugins NAME` shows them."""
    lines = [
        MADE,
        "# Plugins",
        "This page has the output of `recon plugins NAME` for every bundled plugin. On the command "
        "line, set an option by `--set KIND.OPTION=VALUE`. In `recon measure` and `recon export`, "
        "options of metrics, properties and exporters are `--set NAME.OPTION=VALUE`. In a recipe, "
        "an option is a key of the plugin's table.",
    ]
    for kind, heading in HEADINGS.items():
        lines.append(f"## {heading}")
        for entry in catalog():
            if entry.cls.kind == kind and entry.package == PACKAGE:
                lines += _plugin(entry)
    return "\n\n".join(lines) + "\n"


def _plugin(entry: Entry) -> list[str]:
    lines = [f"### {entry.cls.name}", _prose(inspect.getdoc(entry.cls) or "")]
    entries = []
    for key, field in options(entry.cls).items():
        known = rule(field)
        facts = [type_name(field), str(known), "fixed by training" if known.trained else ""]
        facts = ", ".join(fact for fact in facts if fact)
        entries.append(f"- `{key} = {format_value(field.default)}` ({facts}): {_plain(known.help)}")
    return [*lines, "\n".join(entries)] if entries else lines


def _plain(text: str) -> str:
    """Text that markdown leaves as it is, outside of code."""
    parts = text.split("`")
    parts[::2] = [part.translate(SPECIAL) for part in parts[::2]]
    return "`".join(parts)


PAGES = {"commands.md": commands, "plugins.md": plugins}

if __name__ == "__main__":
    for page, make in PAGES.items():
        (HERE / page).write_text(make(), encoding="utf-8")
