"""Messages name options as Python writes them; a command tells them as its flags."""

import re

import click

OPTION = re.compile(r"(?<![\w.\-/])([a-z]\w*)=(\w\S*)?")


def name_flags(message: str, command: click.Command) -> str:
    """The message with `voxel_size=` as --voxel-size and `memory=8GB` as --memory 8GB.

    Only what the command has as a flag is turned.
    """
    flags = {
        flag.lstrip("-").replace("-", "_"): (flag, getattr(param, "is_flag", False))
        for param in command.params
        for flag in param.opts
        if flag.startswith("--")
    }

    def turn(match: re.Match[str]) -> str:
        if match[1] not in flags:
            return match[0]
        flag, bare = flags[match[1]]
        value = (match[2] or "").removeprefix("True") if bare else match[2]
        return f"{flag} {value}" if value else flag

    return OPTION.sub(turn, message)
