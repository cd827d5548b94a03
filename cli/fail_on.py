"""--fail-on: exit code 1 for pipelines when a comparison is not good enough."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import click

from recon.core.errors import unknown

LEVELS = ("no-difference-found", "close", "not-equivalent")
"""Levels of the verdict at which, and below which, a command fails."""


@attrs.frozen
class Condition:
    """A level of the verdict, or a statistic with the largest ratio of error to sampling error."""

    text: str
    statistic: str | None = None
    most: float = 0.0

    def failure(self, table: Mapping[str, Any] | None) -> str | None:
        """What fails, in words; None when nothing does.

        table  Comparison.to_table(), None when there was nothing to compare with
        """
        if table is None:
            return "there is no reference to compare with"
        if self.statistic is None:
            verdict = table["verdict"]
            if verdict["level"] in list_passing(self.text):
                return None
            level = "no verdict" if verdict["level"] == "unknown" else verdict["level"]
            return f"{level}: {verdict['headline']}"
        each = {name: value for name, value in table.items() if _has_ratio(value)}
        if self.statistic not in each:
            raise unknown("statistic in --fail-on", self.statistic, each)
        ratio = each[self.statistic]["ratio"]
        if ratio is None:
            return f"{self.statistic} has no sampling error"
        if ratio > self.most:
            return f"the error of {self.statistic} is {ratio:.3g} times its sampling error"
        return None


def list_passing(level: str) -> tuple[str, ...]:
    """Levels that --fail-on LEVEL lets pass; what could not be judged is none of them."""
    from recon.validation.comparison.verdict import LEVELS as ORDER

    return ORDER[: ORDER.index(level.replace("-", " "))]


class ConditionType(click.ParamType):  # type: ignore[type-arg]  # not generic in click 8.1
    """One of LEVELS, or `STATISTIC>RATIO`."""

    name = "LEVEL|STATISTIC>RATIO"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Condition:
        if isinstance(value, Condition) or value in LEVELS:
            return value if isinstance(value, Condition) else Condition(value)
        limit = re.fullmatch(r"\s*([\w.-]+)\s*>\s*([0-9.]+)\s*", str(value))
        if limit is None or limit[2].count(".") > 1 or limit[2] == ".":
            self.fail(f"must be {', '.join(LEVELS)} or STATISTIC>RATIO, got {value!r}")
        return Condition(str(value), limit[1], float(limit[2]))


def fail_on_flag(command: Callable[..., Any]) -> Callable[..., Any]:
    """The flag --fail-on."""
    return click.option(
        "--fail-on",
        multiple=True,
        type=ConditionType(),
        help="Write all results, then exit with code 1 if the verdict is not good enough. "
        "not-equivalent: the verdict is 'not equivalent'; close: it is 'close' or worse; "
        "no-difference-found: it is not 'indistinguishable'; 'two-point>1.5': the error of a "
        "statistic exceeds this multiple of its sampling error. A volume without a verdict fails. "
        "May be given many times.",
    )(command)


def classifier_flag(command: Callable[..., Any]) -> Callable[..., Any]:
    """The flag --no-classifier."""
    return click.option(
        "--no-classifier",
        "classifier",
        flag_value=False,
        type=bool,
        default=True,
        help="Compare without the classifier two-sample test.",
    )(command)


class Failed(click.ClickException):
    """The line that names the condition that fails; --quiet does not hold it back."""

    exit_code = 1

    def show(self, file: Any = None) -> None:
        click.echo(self.message, err=True)


def judge(conditions: Sequence[Condition], table: Mapping[str, Any] | None) -> None:
    """Leave with exit code 1 and a line for the first condition that fails."""
    for condition in conditions:
        failure = condition.failure(table)
        if failure is not None:
            raise Failed(f"Failed --fail-on {condition.text}: {failure}")


def _has_ratio(value: Any) -> bool:
    return isinstance(value, Mapping) and "ratio" in value and "each" in value
