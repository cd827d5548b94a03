"""What the shell completes, kept in a file: a key press cannot wait until PyTorch is imported."""

import contextlib
import hashlib
import importlib.util
import json
import os
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

VARIABLE = "_RECON_COMPLETE"
NOTHING = "\0"  # what no name begins with


def is_completing(ctx: click.Context) -> bool:
    """Whether the shell asks, and not somebody who runs a command."""
    return ctx.resilient_parsing and VARIABLE in os.environ


def command(name: str, main: click.Group) -> click.Command | None:
    """A command that has the flags of another of `main` and completes them; it does nothing."""
    facts = _read_tree(main).get(name)
    if facts is None:
        return None
    return click.Command(name, params=[_make_param(one) for one in facts["params"]])


def read_helps(main: click.Group) -> dict[str, str]:
    """Every command with its help line."""
    return {name: facts["help"] for name, facts in _read_tree(main).items()}


def _read_tree(main: click.Group) -> dict[str, dict[str, Any]]:
    """Command -> its parameters, from the file; made anew when what is installed has changed."""
    file = _find_folder() / f"completion-{_compute_key()}.json"
    with contextlib.suppress(OSError, ValueError):
        tree: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
        return tree
    tree = describe_commands(main)
    with contextlib.suppress(OSError):  # then the next one waits, too
        file.parent.mkdir(parents=True, exist_ok=True)
        for old in file.parent.glob("completion-*.json"):
            old.unlink()
        partial = file.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(tree), encoding="utf-8")
        partial.replace(file)
    return tree


def describe_commands(main: click.Group) -> dict[str, dict[str, Any]]:
    """The help line and the parameters of every command, as plain data."""
    root = click.Context(main, info_name="recon")
    tree = {}
    for name in main.list_commands(root):
        real = main.get_command(root, name)
        assert real is not None  # it is in the table
        context = click.Context(real, parent=root, info_name=name)
        params = [_describe_param(param, context) for param in real.params]
        tree[name] = {"help": real.get_short_help_str(80), "params": params}
    return tree


def _describe_param(param: click.Parameter, context: click.Context) -> dict[str, Any]:
    """A parameter with what completes its value: names, and what else (files) when none fits."""
    names = [item for item in param.shell_complete(context, "") if item.type == "plain"]
    others = [item.type for item in param.shell_complete(context, NOTHING)]
    return {
        "option": isinstance(param, click.Option),
        "words": [*param.opts, *param.secondary_opts, str(param.name)],
        "nargs": param.nargs,
        "flag": getattr(param, "is_flag", False),
        "multiple": getattr(param, "multiple", False),
        "help": getattr(param, "help", None),
        "names": [[item.value, item.help] for item in names],
        "others": others,
    }


def _make_param(facts: dict[str, Any]) -> click.Parameter:
    def complete(ctx: click.Context, param: click.Parameter, start: str) -> list[CompletionItem]:
        fit = [CompletionItem(v, help=h) for v, h in facts["names"] if v.startswith(start)]
        return fit or [CompletionItem(start, type=other) for other in facts["others"]]

    words, nargs = facts["words"], facts["nargs"]
    if not facts["option"]:
        return click.Argument(words[-1:], nargs=nargs, required=False, shell_complete=complete)
    if facts["flag"]:
        return click.Option(words, is_flag=True, help=facts["help"])
    return click.Option(
        words,
        nargs=nargs,
        multiple=facts["multiple"],
        help=facts["help"],
        shell_complete=complete,
    )


def _compute_key() -> str:
    """Changes with the packages that bring plugins, and with the code of the commands."""
    packages = [
        (point.dist.name, point.dist.version, point.value)
        for point in entry_points(group="recon")
        if point.dist is not None
    ]
    plugins = importlib.util.find_spec("recon.plugins")
    code = [*Path(__file__).parent.glob("*.py"), Path((plugins and plugins.origin) or "")]
    times = sorted((file.name, file.stat().st_mtime_ns) for file in code if file.is_file())
    disabled = os.environ.get("RECON_DISABLED_PLUGINS", "")
    parts = repr((sys.prefix, sorted(packages), times, disabled))
    return hashlib.sha256(parts.encode()).hexdigest()[:16]


def _find_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "recon"
