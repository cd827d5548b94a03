"""Maps that a property gives of its field, drawn in a scale of colours that starts transparent."""

import numpy as np
import xarray as xr
from matplotlib.colors import LinearSegmentedColormap

from recon.validation.report import drawing
from recon.validation.report.drawing import INK

WIDTH, HEIGHT = 2.6, 2.7  # inches
BRIGHT = 0.99  # quantile of what is not zero that is drawn brightest
COLOURS = LinearSegmentedColormap.from_list(
    "field", ["#00000000", "#2c5aa0", "#3fa7a0", "#f2c14e", "#d1495b"]
)
"""What is zero is see-through, on light pages and dark."""


def draw_maps(result: xr.Dataset) -> list[str]:
    """An svg element for each variable with `picture`; of several samples the first."""
    maps = []
    with drawing.use_settings():
        for name, value in result.items():
            if "picture" in value.attrs:
                one = value.isel(sample=0) if "sample" in value.dims else value
                maps.append(_draw(str(name), one.values.astype(float), value.attrs["picture"]))
    return maps


def _draw(name: str, field: np.ndarray, said: str) -> str:
    figure, axes = drawing.make_figure(WIDTH, HEIGHT)
    positive = field[field > 0]
    most = float(np.quantile(positive, BRIGHT)) if positive.size else 1.0
    axes.imshow(field, COLOURS, vmin=0, vmax=most, interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(name.replace("_", " "), loc="left", fontsize=9.5, color=INK)
    return drawing.render_svg(figure, f"{said}; the brightest is {most:.3g} and more")


def list_pictures(result: xr.Dataset) -> str:
    """What the maps show, each sentence once."""
    return "; ".join(
        dict.fromkeys(v.attrs["picture"] for v in result.values() if "picture" in v.attrs)
    )
