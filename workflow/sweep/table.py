"""The table of a sweep: a row a combination, in a file and on a terminal."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from recon.core.data.volume import Volume
from recon.core.storage.atomic import atomic_output
from recon.validation.comparison.agreement import Agreement
from recon.validation.comparison.comparison import FRACTIONS, Comparison
from recon.workflow.sweep.combinations import Sweep, format_part


def judge_row(result: Comparison | Sequence[Volume]) -> dict[str, Any]:
    """The columns that say how good volumes are; without a reference only their fractions.

    STATISTIC.error, .floor, .ratio, .spread  means over phases and planes (see agreement); the
                                              floor is the sampling error
    STATISTIC.deviation                       standard deviation of the samples' own errors
    STATISTIC.error.PLANE, .floor.PLANE       means over phases
    volume-fraction.PHASE                     mean over samples;  .difference  from the reference's
    """
    if not isinstance(result, Comparison):
        return _average_fractions(result)
    table = result.to_table()
    row: dict[str, Any] = {}
    for name, agreement in result.metrics.items():
        if name == FRACTIONS:
            continue
        headline = {key: table[name][key] for key in ("error", "floor", "ratio", "spread")}
        row |= {f"{name}.{key}": value for key, value in headline.items()}
        row[f"{name}.deviation"] = _compute_deviation(agreement)
        for where, values in agreement.table.mean("phase").groupby(agreement.over):
            for key in ("error", "floor"):
                row[f"{name}.{key}.{where}"] = _replace_infinite(values[key].item())
    for phase, share in table[FRACTIONS].items():
        row[f"{FRACTIONS}.{phase}"] = share["sample"]
        row[f"{FRACTIONS}.{phase}.difference"] = share["difference"]
    return row


def write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Rows as CSV; a column that a row lacks is empty there."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with atomic_output(path, replace=True) as partial, partial.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        for row in rows:
            writer.writerow({key: _format_cell(value) for key, value in row.items()})


def to_text(sweep: Sweep, rows: Sequence[dict[str, Any]]) -> str:
    """Varied values, errors over sampling errors, the worst fraction and the seconds."""
    columns = [
        (sweep.short[key], "", [sweep.format_value(key, row[key]) for row in rows])
        for key in sweep.vary
    ]
    notes = []
    shown = list_statistics(sweep, rows[0])
    for metric in shown:
        for key in ("error", "floor", "ratio", "spread"):
            values = [row[f"{metric}.{key}"] for row in rows]
            head = "sampling error" if key == "floor" else key
            if key == "floor" and len(set(values)) == 1 and values[0] is not None:
                notes.append(f"{metric} {values[0]:.3f}")
            elif any(value is not None for value in values):
                columns.append((metric, head, [_format_number(value, ".3f") for value in values]))
    columns.append(_find_worst_fraction(rows))
    columns.append(("seconds", "", [_format_number(row["seconds"], ".1f") for row in rows]))
    lines = _align(columns)
    if notes:
        lines.append(f"sampling error (estimated from 2D): {', '.join(notes)}")
    if not shown:
        lines.append("no errors: there are no micrographs to compare with")
    return "\n".join(lines)


def list_statistics(sweep: Sweep, columns: Iterable[str]) -> list[str]:
    """The compared statistics of the recipe's metrics, or all where it has none of them."""
    statistics = [key.removesuffix(".error") for key in columns if key.endswith(".error")]
    metrics = [choice.name for choice in sweep.combine()[0].recipe.metrics]
    return [s for metric in metrics for s in statistics if s.partition(".")[0] == metric] or (
        statistics
    )


def _find_worst_fraction(rows: Sequence[dict[str, Any]]) -> tuple[str, str, list[str]]:
    """The largest difference of a phase fraction; without a reference the last phase's own."""
    ends = ".difference"
    off = [
        [value for key, value in row.items() if key.startswith(FRACTIONS) and key.endswith(ends)]
        for row in rows
    ]
    if all(off):
        return "fraction", "off by", [_format_number(max(one, key=abs), "+.4f") for one in off]
    last = [[value for key, value in row.items() if key.startswith(FRACTIONS)][-1] for row in rows]
    return "fraction", "last phase", [_format_number(value, ".4f") for value in last]


def _align(columns: Sequence[tuple[str, str, list[str]]]) -> list[str]:
    """Lines of columns (group, heading, cells); a group is named above its first column."""
    tops, belows, widths = [], [], []
    for place, (top, below, cells) in enumerate(columns):
        again = place > 0 and below and columns[place - 1][0] == top
        # What has a single heading has it beside the cells.
        tops.append("" if again or not below else top)
        belows.append(below or top)
        widths.append(max(map(len, (tops[-1], belows[-1], *cells))))
    body = zip(*(cells for _, _, cells in columns), strict=True)
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in (tops, belows, *body)
    ]
    return lines if any(tops) else lines[1:]


def _average_fractions(volumes: Sequence[Volume]) -> dict[str, Any]:
    mean = np.mean([volume.fractions() for volume in volumes], axis=0)
    return {
        f"{FRACTIONS}.{name}": float(value)
        for name, value in zip(volumes[0].phases, mean.tolist(), strict=True)
    }


def _compute_deviation(agreement: Agreement) -> float | None:
    errors = agreement.errors
    if errors.sizes["sample"] < 2:
        return None
    return _replace_infinite(
        errors.mean([d for d in errors.dims if d != "sample"]).std(ddof=1).item()
    )


def _replace_infinite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _format_number(value: float | None, form: str) -> str:
    return "none" if value is None else format(value, form)


def _format_cell(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.6g}"
    return format_part(value) if isinstance(value, bool | list | tuple) else value
