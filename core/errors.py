"""The one error for what a user can mend."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
LONGEST = 2000
"""Characters of a message: what a hostile file holds must not flood the terminal."""


class ReconError(ValueError):
    """What is wrong, the rule, what was received and the remedy, in one line.

    Commands turn it into exit code 2. Any other exception is a bug and keeps its traceback.
    Control characters, which names in a file may hold, become spaces.
    """

    def __init__(self, message: object) -> None:
        line = CONTROL.sub(" ", str(message))
        if len(line) > LONGEST:
            line = f"{line[: LONGEST // 2]} ... {line[-LONGEST // 2 :]}"
        super().__init__(line)


def unknown(what: str, name: str, known: Iterable[str]) -> ReconError:
    """Error for a name that is not among the known ones, with a suggestion when one is near."""
    names = sorted(known)
    near = get_close_matches(name[:100], names, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names) or 'none'}"
    return ReconError(f"unknown {what} {shown(name)}; {remedy}")


def shown(value: Any, longest: int = 100) -> str:
    """repr() of what was received, cut to what can be read."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, deep nesting
        text = f"a {type(value).__name__} too long to show"
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
