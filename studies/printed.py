"""What a command leaves: a picture, the Markdown that it prints, and the numbers as JSON."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from matplotlib.figure import Figure
from PIL import Image

from recon.core.storage.atomic import atomic_output


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def leave(name: str, out: Path, text: str, numbers: Any, figure: Figure | None = None) -> None:
    """Print, and write NAME.md, NAME.json and NAME.png to a folder."""
    click.echo(text)
    (out / "figures").mkdir(parents=True, exist_ok=True)
    target = out / "figures" / name
    with atomic_output(target.with_suffix(".md"), replace=True) as partial:
        partial.write_text(text + "\n", encoding="utf-8")
    with atomic_output(target.with_suffix(".json"), replace=True) as partial:
        partial.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    if figure is not None:
        _save(figure, target.with_suffix(".png"))


def _save(figure: Figure, path: Path) -> None:
    """A PNG of 256 colours: a third of the bytes."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=110)
    with atomic_output(path, replace=True) as partial:
        Image.open(drawn).convert("RGB").quantize(256).save(partial, format="png", optimize=True)


def pm(value: float, deviation: float, digits: int = 3) -> str:
    """Mean and deviation over seeds; the latter is left out of a single seed."""
    text = f"{value:.{digits}f}"
    return text if deviation != deviation else f"{text} ± {deviation:.{digits}f}"
