"""`recon example`: an embedded example as files."""

from pathlib import Path

import click

from recon.cli.completion import example_names
from recon.core.errors import ReconError
from recon.core.storage.atomic import atomic_output
from recon.workflow.examples import EXAMPLES, example
from recon.workflow.progress import ProgressDisplay


@click.command()
@click.argument("name", required=False, shell_complete=example_names)
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write to; it must be new.")
@click.option("--list", "listing", is_flag=True, help="Print the names, the default first.")
def command(name: str | None, out: Path | None, listing: bool) -> None:
    """Write the micrographs and the true volume of an embedded example.

    OUT/micrographs.zarr holds slices of the half z < Z/2 of OUT/volume.zarr.
    """
    if listing:
        for known in EXAMPLES:
            click.echo(known)
        return
    if name is None or out is None:
        raise ReconError("recon example needs a NAME and --out DIR, or --list")
    with ProgressDisplay() as progress:
        progress(f"make {name}", 0, 1)
        micrographs, volume = example(name)
        with atomic_output(out, folder=True) as partial:
            micrographs.save(partial / "micrographs.zarr")
            volume.save(partial / "volume.zarr")
        progress(f"make {name}", 1, 1)
    click.echo(f"{out}: micrographs.zarr and volume.zarr of {name}, {volume.shape} voxels")
