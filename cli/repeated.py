"""Flags that take every word up to the next flag: --xy a.png b.png."""

import re

import click

from recon.core.errors import ReconError


class SeveralFiles(click.Command):
    """A command whose --xy, --xz and --yz take every word up to the next option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, repeat_flags(args))


def repeat_flags(args: list[str]) -> list[str]:
    """`--xy a b` as `--xy=a --xy=b`, which click understands."""
    repeated: list[str] = []
    flag = None
    for word, after in zip(args, [*args[1:], "-"], strict=True):
        if match := re.fullmatch(r"(--(?:xy|xz|yz))(=.*)?", word, re.DOTALL):
            flag = match[1]
            if match[2] is not None:
                repeated.append(word)
            elif after.startswith("-"):
                raise ReconError(f"{flag} needs one or more image files")
        elif flag is not None and not word.startswith("-"):
            repeated.append(f"{flag}={word}")
        else:
            flag = None
            repeated.append(word)
    return repeated
