"""The one error for what a user can mend."""

from collections.abc import Iterable
from difflib import get_close_matches


class ReconError(ValueError):
    """What is wrong, the rule, what was received and the remedy, in one line.

    Commands turn it into exit code 2. Any other exception is a bug and keeps its traceback.
    """


def unknown(what: str, name: str, known: Iterable[str]) -> ReconError:
    """Error for a name that is not among the known ones, with a suggestion when one is near."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names) or 'none'}"
    return ReconError(f"unknown {what} {name!r}; {remedy}")
