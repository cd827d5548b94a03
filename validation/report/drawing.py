"""Figures as SVG inside the page, in the page's colours: light, dark and printed alike."""

import io
import re
from contextlib import AbstractContextManager
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

# Stand-ins for variables of page.css, which takes their place in the SVG.
INK, FAINT, VOLUME, REAL = "#010203", "#010204", "#010205", "#010206"
SERIES = ("#010207", "#010208", "#010209", "#01020a", "#01020b", "#01020c")
"""Colours of several runs in one figure."""
TICKS = 4
"""Intervals of an axis at most."""
VARIABLES = {INK: "--ink", FAINT: "--faint", VOLUME: "--accent", REAL: "--real"}
VARIABLES |= {colour: f"--series-{number}" for number, colour in enumerate(SERIES)}

# The reader's fonts; a fixed salt (and no date): the same numbers give the same page. Names are
# no formulas.
SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.sans-serif": ["DejaVu Sans"],
    "svg.hashsalt": "recon",
    "text.parse_math": False,
}


def use_settings() -> AbstractContextManager[None]:
    """Where figures are made and written."""
    return mpl.rc_context(SETTINGS)


def make_figure(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of one panel with fixed margins, in inches: neighbours line up."""
    figure = Figure(figsize=(width, height))
    figure.subplots_adjust(
        left=0.68 / width, right=1 - 0.1 / width, bottom=0.45 / height, top=1 - 0.27 / height
    )
    return figure, figure.subplots()


def strip_axes(axes: Axes) -> None:
    """Thin axes that step back behind what they measure.

    Few ticks: they take much of the time of a page of 70 panels.
    """
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(TICKS, steps=[1, 2, 2.5, 5, 10]))
    axes.tick_params(labelsize=8, colors=INK, color=FAINT)
    axes.grid(color=FAINT, lw=0.4, alpha=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)


def set_title(axes: Axes, text: str, x: float = 0) -> None:
    """A title above the left end; with a given height matplotlib need not measure all labels."""
    axes.set_title(text, loc="left", fontsize=9.5, color=INK, x=x, y=1.0)


def add_legend(axes: Axes, **where: Any) -> None:
    """A legend without a box."""
    axes.legend(fontsize=8, frameon=False, labelcolor=INK, handlelength=1.6, **where)


def render_svg(figure: Figure, alt: str) -> str:
    """An svg element with a text for those who do not see it."""
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    drawing = buffer.getvalue()
    drawing = drawing[drawing.index("<svg") :]
    drawing = re.sub(r"<style.*?</style>", "", drawing, flags=re.S)  # would hold for the page
    drawing = re.sub(r' (xmlns(:xlink)?|width|height|version)="[^"]*"', "", drawing, count=5)
    drawing = _shorten(drawing)
    for stand_in, variable in VARIABLES.items():
        drawing = drawing.replace(stand_in, f"var({variable})")
    return drawing.replace("<svg", f'<svg role="img" aria-label="{escape(alt)}"', 1)


def _shorten(drawing: str) -> str:
    """Without names that would repeat on the page, empty room and more than two decimals."""
    drawing = re.sub(r'<g id="[^"]*"', "<g", drawing)
    drawing = re.sub(r' transform="rotate\(-0 [^)]*\)"', "", drawing)
    drawing = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\.\d\d)\d+", r"\1", tag[0]), drawing)
    return re.sub(r"\s*\n\s*", "\n", drawing)
