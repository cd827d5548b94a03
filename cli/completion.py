"""`recon completion`: completion in the shell, and what completes the values of flags."""

import contextlib
import warnings
from collections.abc import Callable, Iterable
from importlib import resources

import click
from click.shell_completion import CompletionItem, get_completion_class

from recon.cli.snapshot import VARIABLE

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the script for shell completion.

    It completes commands, flags, and names of plugins, bundled weights and examples. Once:

    \b
    bash: recon completion bash >> ~/.bashrc
    zsh:  recon completion zsh >> ~/.zshrc     (below compinit)
    fish: recon completion fish > ~/.config/fish/completions/recon.fish
    """
    script = get_completion_class(shell)
    assert script is not None  # the choices above are those of click
    root = click.get_current_context().find_root().command
    click.echo(script(root, {}, "recon", VARIABLE).source())


def plugin_names(kind: str) -> Complete:
    """Names of the installed plugins of a kind."""

    def complete(ctx: click.Context, param: click.Parameter, start: str) -> list[CompletionItem]:
        from recon.core.catalog import catalog

        with warnings.catch_warnings(action="ignore"):  # of a broken plugin, into the prompt
            return _matching(catalog().names(kind), start)

    return complete


def weights_names(ctx: click.Context, param: click.Parameter, start: str) -> list[CompletionItem]:
    """Names of the bundled weights; files when none matches."""
    from recon.core.bundled import list_bundled
    from recon.core.errors import ReconError

    with warnings.catch_warnings(action="ignore"), contextlib.suppress(ReconError):
        if names := _matching(list_bundled("unet-ddpm"), start):
            return names
    return [CompletionItem(start, type="file")]  # also when that denoiser is left out


def materials_names(ctx: click.Context, param: click.Parameter, start: str) -> list[CompletionItem]:
    """Names of the bundled materials; files when none matches."""
    files = resources.files("recon.plugins.materials").joinpath("bundled").iterdir()
    names = [file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml")]
    return _matching(sorted(names), start) or [CompletionItem(start, type="file")]


def example_names(ctx: click.Context, param: click.Parameter, start: str) -> list[CompletionItem]:
    """Names of the embedded examples."""
    from recon.workflow.examples import EXAMPLES

    return [
        CompletionItem(name, help=example.description)
        for name, example in EXAMPLES.items()
        if name.startswith(start)
    ]


def all_plugin_names(
    ctx: click.Context, param: click.Parameter, start: str
) -> list[CompletionItem]:
    """Names of the installed plugins of all kinds."""
    from recon.core.catalog import catalog

    with warnings.catch_warnings(action="ignore"):
        return _matching(sorted({entry.name for entry in catalog()}), start)


def _matching(names: Iterable[str], start: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(start)]
