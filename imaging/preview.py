"""A picture of what an import decided: grey values, histogram with thresholds, phases, a detail."""

import textwrap
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import median_filter

from recon.core.data.colours import pick_colours
from recon.core.data.planes import in_plane
from recon.core.data.units import format_length, round_length
from recon.imaging.common_size import UNKNOWN
from recon.imaging.otsu import count_values
from recon.imaging.picture import Picture
from recon.imaging.preparation import PreparedImages
from recon.imaging.segmentation import Thresholds

INK, FAINT, OUTLINE = "#1c2330", "#c9d0da", "#ff2d6f"
PANEL = 3.3  # inches
DETAIL = 96  # pixels along the side of the detail
LETTERS = 190  # in a line beneath
SOFTWARE = "recon import"
Grey = NDArray[Any]
Labels = NDArray[np.uint8]


def draw_preview(prepared: PreparedImages, title: str, path: Path) -> None:
    """Write a PNG: a row for each plane with its middle image, and the notices beneath."""
    lines = [
        line
        for notice in prepared.notices
        for line in textwrap.wrap(notice, LETTERS, initial_indent="- ", subsequent_indent="  ")
    ]
    rows = len(prepared.labels)
    below = 0.16 * len(lines) + 0.15
    height = 0.45 + (PANEL + 0.75) * rows + below
    figure = Figure(figsize=(4 * (PANEL + 0.3), height), facecolor="white")
    FigureCanvasAgg(figure)
    figure.text(0.015, 1 - 0.15 / height, title, va="top", fontsize=12, color=INK)
    figure.text(
        0.015, 0.1 / height, "\n".join(lines), va="bottom", fontsize=8, color=INK, linespacing=1.35
    )
    grid = figure.add_gridspec(
        rows,
        4,
        left=0.015,
        right=0.985,
        top=1 - 0.75 / height,
        bottom=(below + 0.35) / height,
        wspace=0.09,
        hspace=0.26,
    )
    for row, plane in enumerate(prepared.labels):
        _draw_row(prepared, plane, [figure.add_subplot(grid[row, column]) for column in range(4)])
    figure.savefig(path, format="png", dpi=110, metadata={"Software": SOFTWARE})


def is_preview(path: Path) -> bool:
    """Whether a file is such a picture, which the next import may write over."""
    if not path.is_file():
        return False
    try:
        with warnings.catch_warnings(action="error"), Image.open(path) as picture:
            return bool(picture.info.get("Software") == SOFTWARE)
    except Exception:  # Pillow raises many kinds for what is damaged or absurdly large
        return False


def _draw_row(prepared: PreparedImages, plane: str, panels: Sequence[Axes]) -> None:
    stack, labels = prepared.images[plane], prepared.labels[plane]
    number = len(stack) // 2
    picture, shown = stack[number], labels[number]
    rows, columns = (prepared.voxel_size[axis] for axis in in_plane(plane))
    cuts = prepared.thresholds[plane] if prepared.thresholds else None
    phases = 1 + (len(cuts) if cuts else len(prepared.record["values"]) - 1)
    old = picture.pixel_size or (rows, columns)
    _draw_image(panels[0], _scale_grey(picture.pixels), old[0] / old[1])
    a, b = picture.pixels.shape
    count = f", {number + 1} of {len(stack)}" if len(stack) > 1 else ""
    panels[0].set_title(
        f"{plane}   {_shorten(picture.name, 40 - len(count))}{count}", **_make_style()
    )
    panels[0].set_xlabel(f"{a} x {b} pixels", fontsize=8, color=INK)
    if cuts:
        _draw_histogram(panels[1], [p.pixels for p in stack], cuts)
    else:
        _draw_values(panels[1], stack, prepared.record["values"])
    _draw_phases(panels[2], shown, labels, phases, rows / columns)
    if prepared.voxel_size != UNKNOWN:
        _draw_scale_bar(panels[2], shown.shape, columns)
    _draw_detail(panels[3], picture, shown, phases, rows / columns, outlined=cuts is not None)


def _make_style() -> dict[str, Any]:
    return {"loc": "left", "fontsize": 9.5, "color": INK}


def _shorten(name: str, letters: int) -> str:
    half = letters // 2 - 2
    return name if len(name) <= letters else f"{name[:half]}...{name[-half:]}"


def _scale_grey(image: Grey) -> NDArray[np.uint8]:
    """Grey as RGB (a, b, 3) from black to white, but for the lowest and highest half percent."""
    low, high = np.percentile(image, (0.5, 99.5))
    if low == high:
        low, high = float(image.min()), float(image.max()) or 1.0
    scaled = np.clip((image.astype(np.float64) - low) * (255 / max(high - low, 1e-300)), 0, 255)
    return np.repeat(scaled.astype(np.uint8)[..., None], 3, -1)


def _paint(labels: Labels, phases: int) -> NDArray[np.uint8]:
    palette = np.array([to_rgb(colour) for colour in pick_colours(phases)])
    painted: NDArray[np.uint8] = np.rint(255 * palette).astype(np.uint8)[labels]
    return painted


def _draw_image(axes: Axes, image: NDArray[np.uint8], aspect: float) -> None:
    axes.imshow(image, aspect=aspect, interpolation="auto")
    axes.set_anchor("NW")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color(FAINT)


def _draw_histogram(axes: Axes, images: Sequence[Grey], cuts: Thresholds) -> None:
    """Pixels over grey value, each bin in the colour of its phase, and the thresholds."""
    counts, edges = count_values(images)
    centres = (edges[1:] + edges[:-1]) / 2
    phase = np.searchsorted(cuts, centres, side="right")
    palette = np.array(pick_colours(len(cuts) + 1))
    for k, colour in enumerate(palette):
        axes.stairs(np.where(phase == k, counts, 0), edges, fill=True, color=colour, lw=0)
    for cut in cuts:
        axes.axvline(cut, color=OUTLINE, lw=1.2)
        axes.annotate(
            f"{cut:.5g}",
            (cut, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(3, -4),
            textcoords="offset points",
            va="top",
            fontsize=8.5,
            color=OUTLINE,
        )
    share = counts.cumsum() / counts.sum()
    low, high = centres[np.searchsorted(share, 5e-4)], centres[np.searchsorted(share, 1 - 5e-4)]
    low, high = min(low, *cuts), max(high, *cuts)
    margin = 0.04 * (high - low)
    axes.set_xlim(low - margin, high + margin)
    # A single value (clipped black or white, a banner) would tower over everything else.
    axes.set_ylim(0, 1.18 * (median_filter(counts, 3).max() or counts.max()))
    axes.set_title(f"grey values of {_count_images(len(images))}, thresholds", **_make_style())
    _strip(axes)


def _draw_values(axes: Axes, stack: Sequence[Picture], values: Sequence[Any]) -> None:
    """Share of the pixels of each value of label images, as they were given."""
    total = sum(picture.pixels.size for picture in stack)
    shares = [sum(int((p.pixels == value).sum()) for p in stack) / total for value in values]
    bars = axes.bar(range(len(values)), shares, 0.6, color=pick_colours(len(values)))
    axes.bar_label(bars, [f"{share:.3f}" for share in shares], fontsize=8.5, color=INK, padding=2)
    axes.set_xticks(
        range(len(values)), [f"{value}\nphase {k}" for k, value in enumerate(values)], fontsize=8.5
    )
    axes.set_ylim(0, 1.15 * max(shares))
    axes.set_title(f"label values of {_count_images(len(stack))}", **_make_style())
    _strip(axes)


def _count_images(count: int) -> str:
    return f"{count} images" if count > 1 else "1 image"


def _strip(axes: Axes) -> None:
    axes.set_yticks([])
    axes.tick_params(labelsize=8, colors=INK, color=FAINT)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    axes.set_box_aspect(0.85)
    axes.set_anchor("N")


def _draw_phases(
    axes: Axes, shown: Labels, stack: Sequence[Labels], phases: int, aspect: float
) -> None:
    counts = np.sum([np.bincount(image.ravel(), minlength=phases) for image in stack], axis=0)
    shares = counts / counts.sum()
    _draw_image(axes, _paint(shown, phases), aspect)
    axes.set_title(f"phases, fractions of {_count_images(len(stack))}", **_make_style())
    marks = [
        Patch(color=colour, label=f"{k}: {share:.3f}")
        for k, (colour, share) in enumerate(zip(pick_colours(phases), shares, strict=True))
    ]
    axes.legend(
        handles=marks[:8],
        loc="upper center",
        bbox_to_anchor=(0.5, -0.01),
        ncols=4,
        fontsize=8.5,
        frameon=False,
        labelcolor=INK,
        handlelength=0.9,
        columnspacing=1.2,
    )


def _draw_scale_bar(axes: Axes, shape: tuple[int, ...], pixel: float) -> None:
    """A bar of a round length, at most a third of the width."""
    a, b = shape
    length = round_length(b * pixel / 3)
    left, top, thick = 0.04 * b, 0.955 * a, max(1.0, 0.014 * a)
    wide = length / pixel
    axes.add_patch(
        Rectangle(
            (left - 0.02 * b, top - 0.085 * a),
            wide + 0.04 * b,
            0.115 * a,
            color="white",
            alpha=0.8,
            lw=0,
        )
    )
    axes.add_patch(Rectangle((left, top), wide, thick, color=INK, lw=0))
    axes.text(
        left + wide / 2,
        top - 0.01 * a,
        format_length(length),
        ha="center",
        va="bottom",
        fontsize=8.5,
        color=INK,
    )


def _draw_detail(
    axes: Axes, picture: Picture, shown: Labels, phases: int, aspect: float, outlined: bool
) -> None:
    """The middle of the image enlarged, with the borders of the phases over the grey values."""
    a, b = (min(DETAIL, side) for side in shown.shape)
    top, left = ((side - part) // 2 for side, part in zip(shown.shape, (a, b), strict=True))
    window = np.s_[top : top + a, left : left + b]
    if outlined:
        axes.imshow(_scale_grey(picture.pixels[window]), aspect=aspect, interpolation="nearest")
        inside = shown[window]
        borders = np.unique(inside)[1:][:8] if min(a, b) > 1 else ()
        for k in borders:
            axes.contour(inside >= k, levels=[0.5], colors=[OUTLINE], linewidths=0.9)
        axes.set_title("detail, borders of phases", **_make_style())
    else:
        axes.imshow(_paint(shown[window], phases), aspect=aspect, interpolation="nearest")
        axes.set_title("detail", **_make_style())
    axes.set_anchor("NW")
    axes.set_xlabel(f"{a} x {b} pixels of the middle", fontsize=8, color=INK)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color(FAINT)
