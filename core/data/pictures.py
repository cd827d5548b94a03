"""Slices as pictures: figures for scripts, and what a notebook shows of a volume or micrographs."""

import base64
import html
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from recon.core.data.colours import pick_colours
from recon.core.data.planes import AXES, in_plane
from recon.core.data.units import format_voxel_size

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

Slices = Mapping[str, "NDArray[np.uint8]"]
"""Plane -> one slice (a, b) of labels."""
SIDE = 160
"""CSS pixels of the longest side of a picture in a notebook."""


def draw_slices(slices: Slices, size: Sequence[float], phases: Sequence[str]) -> "Figure":
    """A figure of one slice of each plane, side by side, axes in micrometres where known.

    size  (z, y, x) of a voxel in metres; 1.0 when unknown
    """
    import matplotlib.pyplot as plt
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    known = tuple(size) != (1.0, 1.0, 1.0)
    unit, scale = ("µm", 1e6) if known else ("voxels", 1.0)
    colours = pick_colours(len(phases))
    figure, row = plt.subplots(1, len(slices), figsize=(3.2 * len(slices), 3.4), squeeze=False)
    for axes, (plane, image) in zip(row[0], slices.items(), strict=True):
        down, right = in_plane(plane)
        sides = image.shape[1] * size[right] * scale, image.shape[0] * size[down] * scale
        colourmap, last = ListedColormap(colours), len(phases) - 0.5
        extent = (0.0, sides[0], sides[1], 0.0)
        axes.imshow(image, colourmap, vmin=-0.5, vmax=last, extent=extent, interpolation="nearest")
        axes.set(title=plane, xlabel=f"{AXES[right]}, {unit}", ylabel=f"{AXES[down]}, {unit}")
    patches = [Patch(color=c, label=name) for c, name in zip(colours, phases, strict=True)]
    figure.legend(handles=patches, loc="outside lower center", ncols=len(phases), frameon=False)
    figure.set_layout_engine("constrained")
    plt.close(figure)  # shown once, as the value of a notebook's cell
    return figure


def format_html(
    title: str, slices: Slices, size: Sequence[float], fractions: Mapping[str, float]
) -> str:
    """A line of facts, a picture of one slice of each plane, and the phases with their shares."""
    colours = pick_colours(len(fractions))
    shares = " ".join(
        f'<span style="white-space:nowrap"><span style="color:{colour}">&#9632;</span> '
        f"{html.escape(name)} {share:.3f}</span>"
        for colour, (name, share) in zip(colours, fractions.items(), strict=True)
    )
    known = tuple(size) != (1.0, 1.0, 1.0)
    length = f", voxels of {format_voxel_size((size[0], size[1], size[2]))}" if known else ""
    pictures = "".join(_picture(plane, image, colours) for plane, image in slices.items())
    return (
        f"<div><div>{html.escape(title + length)}</div>"
        f'<div style="display:flex;gap:12px;margin:6px 0">{pictures}</div><div>{shares}</div></div>'
    )


def _picture(plane: str, image: "NDArray[np.uint8]", colours: Sequence[str]) -> str:
    data = base64.b64encode(encode_png(image, colours)).decode()
    height, width = (SIDE * side / max(image.shape) for side in image.shape)
    return (
        f'<figure style="margin:0"><img src="data:image/png;base64,{data}" alt="slice {plane}" '
        f'style="width:{width:.0f}px;height:{height:.0f}px;image-rendering:pixelated">'
        f"<figcaption>{plane}</figcaption></figure>"
    )


def encode_png(image: "NDArray[np.uint8]", colours: Sequence[str]) -> bytes:
    """Labels as a PNG file with one colour a phase."""
    from PIL import Image

    picture: Any = Image.fromarray(np.ascontiguousarray(image), "P")
    picture.putpalette([int(c[i : i + 2], 16) for c in colours for i in (1, 3, 5)])
    content = io.BytesIO()
    picture.save(content, "PNG", optimize=True)
    return content.getvalue()
