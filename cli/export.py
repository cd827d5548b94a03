"""`recon export`: a volume as files that other programs open."""

from pathlib import Path
from typing import Any

import attrs
import click

from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.plugins.exporters import FORMATS, export, format_of
from recon.plugins.exporters.abaqus import ELEMENTS
from recon.plugins.exporters.format import METRES
from recon.plugins.exporters.materials import Material, Materials
from recon.workflow.progress import ProgressDisplay

FORMAT_LINES = "\n".join(f"  .{suffix}  {cls.about}" for suffix, cls in FORMATS.items())


@click.command(epilog=f"\b\nFormats:\n{FORMAT_LINES}")
@click.argument("volume", type=click.Path(path_type=Path))
@click.argument(
    "outputs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="OUT..."
)
@click.option(
    "--unit",
    type=click.Choice(list(METRES)),
    help="Unit of length.  [default: m in vti and h5, um in inp, stl and ply]",
)
@click.option(
    "--without",
    multiple=True,
    metavar="PHASE",
    help="Leave a phase out of inp, stl and ply, by name or label. May be given many times.",
)
@click.option("--phase", metavar="PHASE", help="stl and ply: only this phase, as OUT itself.")
@click.option(
    "--smooth",
    type=float,
    metavar="VOXELS",
    help="stl and ply: blur a phase by so much before its surface is drawn.  [default: 0]",
)
@click.option("--materials", metavar="FILE|NAME", help="inp: elastic constants of the phases.")
@click.option(
    "--periodic-equations", is_flag=True, default=None, help="inp: periodic boundary conditions."
)
@click.option("--element", type=click.Choice(ELEMENTS), help="inp: element type.  [default: C3D8]")
def command(volume: Path, outputs: tuple[Path, ...], **flags: Any) -> None:
    """Write a volume for other programs: TIFF, VTK, NumPy, Abaqus, raw, STL.

    The suffix of each OUT names its format. An existing file is never replaced, and everything is
    checked before anything is written.
    """
    given = {key: flag for key, flag in flags.items() if flag not in (None, ())}
    classes = {path: format_of(path) for path in outputs}
    for key in given:
        able = [suffix for suffix, cls in FORMATS.items() if key in attrs.fields_dict(cls)]
        if not any(key in attrs.fields_dict(cls) for cls in classes.values()):
            flag = f"--{key.replace('_', '-')}"
            raise ReconError(f"{flag} is for {', '.join(able)} only; no output is of that format")
    if "materials" in given:
        given["materials"] = materials_of(given["materials"])
        for phase in given["materials"].phases:
            if phase.void:
                click.echo(f"{phase.name} is void: its elements are left out", err=True)
    sample = Volume.open(volume)
    chosen = []
    for path in outputs:
        known = attrs.fields_dict(classes[path])
        chosen.append((path, classes[path](**{k: v for k, v in given.items() if k in known})))
    with ProgressDisplay() as progress:
        files = export(sample, chosen, progress)
    for file in files:
        click.echo(f"{file}: {file.stat().st_size / 1e6:.3g} MB")


def materials_of(name_or_path: str) -> Materials:
    """The materials that the properties know, as the formats take them."""
    from recon.plugins.materials.materials import Materials as Known

    known = Known.load(name_or_path)
    phases = []
    for phase in known.phases:
        if isinstance(phase.axes, str):
            raise ReconError(
                f"materials {name_or_path}: the axis of phase {phase.name} follows the image, "
                "which an .inp file cannot say; give it one axis"
            )
        phases.append(Material(phase.name, phase.stiffness, phase.alpha, phase.axes))
    return Materials(tuple(phases), known.unit, known.source)
