"""The picture at the top of README: python docs/overview.py electrode.zarr

Micrographs of the embedded electrode, a volume of `recon run --weights electrode`, and its mesh.
Needs pyvista and meshio (microrecon[test]).
"""

import tempfile
from pathlib import Path
from typing import Any

import click
import matplotlib.pyplot as plt
import numpy as np
import pyvista
from matplotlib.colors import ListedColormap

from recon.core import Volume, export
from recon.core.data.colours import pick_colours
from recon.workflow.examples import example

PICTURE = Path(__file__).parent / "pictures" / "overview.png"


def render(volume: Volume) -> list[Any]:
    """Pictures of the volume without its first phase, and of a corner of its mesh."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.vtu"
        export(volume, path)
        grid = pyvista.read(path)
    colours = pick_colours(len(volume.phases))
    pictures = []
    near = (grid.cell_centers().points < np.array(grid.bounds)[1::2] / 3.2).all(1)
    for chosen, edges in ((grid["phase"] > 0, False), (near, True)):
        plotter = pyvista.Plotter(window_size=(900, 900), off_screen=True)
        for phase in range(len(volume.phases)):
            cells = np.flatnonzero(chosen & (grid["phase"] == phase))
            if len(cells):
                surface = grid.extract_cells(cells).extract_surface(algorithm=None)
                plotter.add_mesh(surface, color=colours[phase], show_edges=edges)
        pictures.append(plotter.screenshot(return_img=True))
    return pictures


@click.command(help=__doc__)
@click.argument("volume", type=click.Path(path_type=Path))
def main(volume: Path) -> None:
    opened = Volume.open(volume)
    micrographs, _ = example("electrode")
    colours = ListedColormap(pick_colours(len(opened.phases)))
    figure, axes = plt.subplot_mosaic(
        [["xy", "volume", "mesh"], ["xz", "volume", "mesh"], ["yz", "volume", "mesh"]],
        figsize=(12, 4.2),
        width_ratios=(1.1, 3, 3),
    )
    for plane, stack in micrographs.planes.items():
        axes[plane].imshow(stack[0][:96, :192], colours, interpolation="nearest")
        axes[plane].set_ylabel(plane, rotation=0, labelpad=12, va="center")
        axes[plane].set(xticks=[], yticks=[])
    axes["xy"].set_title("micrographs")
    for name, picture, title in zip(
        ("volume", "mesh"),
        render(opened),
        ("volume of the same statistics", "conforming mesh (a corner)"),
        strict=True,
    ):
        axes[name].imshow(picture)
        axes[name].set_title(title)
        axes[name].axis("off")
    figure.set_layout_engine("constrained")
    figure.savefig(PICTURE, dpi=90)


if __name__ == "__main__":
    main()
