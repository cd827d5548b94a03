"""--quiet: nothing is written beside the results but errors."""

import contextlib
import os

import click


def make_quiet_flag() -> click.Option:
    """The flag that `recon` and each of its commands have.

    Results go to stdout and all else to stderr, so that closing stderr until the command has
    ended does it for every command alike; errors are shown after that.
    """
    return click.Option(
        ["-q", "--quiet"],
        is_flag=True,
        expose_value=False,
        callback=_silence,
        envvar="RECON_QUIET",
        show_envvar=True,
        help="Write results and errors only: no progress, notices or warnings.",
    )


def _silence(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    root = ctx.find_root()
    if not value or ctx.resilient_parsing or root.meta.get(__name__):
        return
    root.meta[__name__] = True
    # Held by the root: a subcommand that refuses its arguments does not close its own context.
    nowhere = root.with_resource(open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    root.with_resource(contextlib.redirect_stderr(nowhere))
