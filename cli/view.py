"""`recon view`: volumes, micrographs and runs to look at, in napari or else in the browser."""

import base64
import io
import tempfile
import webbrowser
from html import escape
from importlib.util import find_spec
from pathlib import Path

import click
import numpy as np
from PIL import Image

from recon.core.data.micrographs import Micrographs
from recon.core.data.units import format_voxel_size
from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.core.measure import measure_all
from recon.core.recipe import METRICS
from recon.core.storage.atomic import atomic_output, check_free
from recon.core.storage.zarr_store import is_zarr
from recon.validation.report import write_report
from recon.workflow.assess import open_sample
from recon.workflow.folder import REPORT

MOST = 12
"""Slices of a plane that the page of micrographs shows."""

UNITS = ("um",) * 3

Shown = Volume | Micrographs


@click.command()
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH..."
)
@click.option("--out", type=click.Path(path_type=Path), help="File for the page.")
@click.option(
    "--no-open", is_flag=True, help="Write the page and print its path, but do not open it."
)
@click.option("--browser", is_flag=True, help="Open the page even if napari is installed.")
def command(paths: tuple[Path, ...], out: Path | None, no_open: bool, browser: bool) -> None:
    """Show a volume, micrographs or a run, in napari or in the browser.

    PATH is a volume, micrographs, or the folder of a run. You can give a volume and micrographs
    together. If napari is not installed, or with --out, --no-open or --browser, recon writes a page
    for the browser into --out or into the folder for temporary files. The page of a run is its
    report.
    """
    if len(paths) == 1 and (paths[0] / REPORT).is_file() and not _napari(out, no_open, browser):
        if out is not None:
            raise ReconError(f"{paths[0]} has its page already, {paths[0] / REPORT}; omit --out")
        _open(paths[0] / REPORT, no_open)
        return
    if out is not None:
        check_free(out)
    shown = {place: open_sample(place) for path in paths for place in _places(path)}
    if _napari(out, no_open, browser):
        _in_napari(shown)
        return
    page = out or Path(tempfile.mkdtemp(prefix="recon-view-")) / f"{paths[0].absolute().stem}.html"
    _write(page, shown)
    _open(page, no_open)


def _napari(out: Path | None, no_open: bool, browser: bool) -> bool:
    return out is None and not no_open and not browser and find_spec("napari") is not None


def _places(path: Path) -> list[Path]:
    """The path itself, or the volumes of the folder of a run."""
    if path.is_dir() and not is_zarr(path):
        volumes = sorted(path.glob("*.zarr"))
        if not volumes:
            raise ReconError(f"{path} holds no *.zarr and no {REPORT}; give a volume or a run")
        return volumes
    return [path]


def _in_napari(shown: dict[Path, Shown]) -> None:
    """A layer of labels for each volume and each plane, to scale in um."""
    import napari

    viewer = napari.Viewer(title="recon")
    for path, value in shown.items():
        z, y, x = (length * 1e6 for length in value.voxel_size)
        if isinstance(value, Volume):
            viewer.add_labels(value.labels, name=path.stem, scale=(z, y, x), units=UNITS)
            continue
        edges = {"xy": (y, x), "xz": (z, x), "yz": (z, y)}
        for plane, stack in value.planes.items():
            sides = np.max([image.shape for image in stack], 0)
            joined = [np.pad(i, [(0, n) for n in sides - i.shape]) for i in stack]
            scale = (1, *edges[plane])  # one slice after the other
            name = f"{path.stem} {plane}"
            viewer.add_labels(np.stack(joined), name=name, scale=scale, units=UNITS)
    viewer.scale_bar.visible = True
    napari.run()


def _write(page: Path, shown: dict[Path, Shown]) -> None:
    volumes = [value for value in shown.values() if isinstance(value, Volume)]
    images = [value for value in shown.values() if isinstance(value, Micrographs)]
    if len(images) > 1 or len({volume.shape for volume in volumes}) > 1:
        raise ReconError(
            "one page shows volumes of one shape and one set of micrographs; look at them in turn"
        )
    if not volumes:
        with atomic_output(page) as partial:
            partial.write_text(_micrographs(images[0], next(iter(shown)).name), encoding="utf-8")
        return
    results = measure_all(volumes[0], METRICS, ()) if len(volumes) == 1 else {}
    write_report(page, volumes, results, images[0] if images else None)


def _micrographs(images: Micrographs, name: str) -> str:
    """A page of the first slices of each plane, grey from the first phase to the last."""
    parts = [f"<!doctype html><meta charset=utf-8><title>{escape(name)}</title>"]
    parts.append(
        "<style>body{font-family:sans-serif;margin:2em}img{margin:2px;height:200px}</style>"
    )
    phases = escape(", ".join(images.phases))
    size = format_voxel_size(images.voxel_size)
    parts.append(
        f"<h1>{escape(name)}</h1><p>voxel {size}; phases from black to white: {phases}</p>"
    )
    for plane, stack in images.planes.items():
        parts.append(f"<h2>{plane}: {len(stack)} slices, {min(MOST, len(stack))} shown</h2>")
        for number, image in enumerate(stack[:MOST]):
            grey = image.astype(np.uint16) * 255 // max(1, len(images.phases) - 1)
            png = io.BytesIO()
            Image.fromarray(grey.astype(np.uint8)).save(png, "PNG")
            source = base64.b64encode(png.getvalue()).decode()
            said = f"{plane} slice {number}, {image.shape[0]} x {image.shape[1]}"
            parts.append(f'<img src="data:image/png;base64,{source}" alt="{said}" title="{said}">')
    return "\n".join(parts)


def _open(page: Path, no_open: bool) -> None:
    click.echo(page)
    if not no_open and not webbrowser.open(page.absolute().as_uri()):
        click.echo("no browser could be started; open the page by hand", err=True)
