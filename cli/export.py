"""`recon export`: a volume as files that other programs open."""

import re
from pathlib import Path
from typing import Any

import click

from recon.cli.completion import materials_names
from recon.cli.settings import parse_settings, set_flag
from recon.core.catalog import catalog
from recon.core.errors import ReconError
from recon.core.exporters import export
from recon.imaging.volumes import read_volume
from recon.workflow.progress import ProgressDisplay

REGION = re.compile(",".join([r"(\d+):(\d+)"] * 3))


class ExportCommand(click.Command):
    """Lists the formats, of other packages too, below the flags."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Formats"):
            formatter.write_dl(list_formats())


def list_formats() -> list[tuple[str, str]]:
    """Suffixes and one line on each format."""
    return [
        (", ".join(entry.summary.suffixes), entry.summary.doc.partition("\n")[0])
        for entry in catalog()
        if entry.kind == "exporter"
    ]


def parse_region(text: str | None) -> list[int] | None:
    """First and end of the voxels along z, y, x."""
    if text is None:
        return None
    ends = REGION.fullmatch(text)
    if ends is None:
        raise ReconError(f"--region must be like 0:32,0:32,0:64 along z, y, x, got {text!r}")
    return [int(end) for end in ends.groups()]


@click.command(cls=ExportCommand)
@click.argument("volume", type=click.Path(path_type=Path))
@click.argument(
    "outputs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="OUT..."
)
@click.option(
    "--unit",
    metavar="m|mm|um|nm",
    help="Unit of length.  [default: m in vti, h5 and foam, um in meshes and surfaces]",
)
@click.option(
    "--without",
    multiple=True,
    metavar="PHASE",
    help="Meshes and surfaces: omit a phase, by name or label. May be given many times.",
)
@click.option(
    "--phase", metavar="PHASE", help="stl and ply: write only this phase, into the file OUT."
)
@click.option(
    "--materials",
    metavar="FILE|NAME",
    shell_complete=materials_names,
    help="inp: elastic constants of the phases.",
)
@click.option(
    "--region",
    metavar="Z0:Z1,Y0:Y1,X0:X1",
    callback=lambda ctx, param, text: parse_region(text),
    help="Meshes: use only this region of voxels, ends exclusive.",
)
@click.option(
    "--merge",
    multiple=True,
    metavar="PHASE+PHASE...",
    help="Meshes: merge these phases into the first. May be given many times.",
)
@click.option("--coarsen", type=int, metavar="N", help="Meshes: merge N^3 voxels into one.")
@click.option(
    "--voxel-size",
    metavar="LENGTH",
    help="Size of a voxel of VOLUME, such as 0.4um, or three: z,y,x, instead of its own.",
)
@click.option("--dataset", metavar="NAME", help="The array to read, if VOLUME has several.")
@set_flag("NAME")
def command(
    volume: Path,
    outputs: tuple[Path, ...],
    voxel_size: str | None,
    dataset: str | None,
    settings: tuple[str, ...],
    **flags: Any,
) -> None:
    """Write a volume for other programs: ImageJ, ParaView, Abaqus, Gmsh, OpenFOAM and more.

    VOLUME is zarr, or a segmented image in a format that recon import reads.

    The suffix of each OUT selects its format. Set options of a format with --set
    FORMAT.OPTION=VALUE, such as --set inp.equations=true. recon never replaces existing files, and
    checks all inputs before it writes anything.
    """
    given = {key: flag for key, flag in flags.items() if flag not in (None, ())}
    tables = parse_settings(settings)
    for name in tables:
        catalog().entry("exporter", name)
    with ProgressDisplay() as progress:
        with progress.during("read"):
            sample = read_volume(volume, voxel_size, dataset)
        files = export(sample, *outputs, progress=progress, **given, **tables)
    for file in files:
        size = sum(each.stat().st_size for each in (file, *file.rglob("*")) if each.is_file())
        click.echo(f"{file}: {size / 1e6:.3g} MB")
