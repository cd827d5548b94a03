"""recon import: micrographs from image files."""

import re
from pathlib import Path

import click
import numpy as np

from recon.core.errors import ReconError
from recon.core.images import ImageFile, read_image
from recon.core.labels import to_labels
from recon.core.micrographs import Micrographs
from recon.core.pixel_size import stated_voxel_size
from recon.core.planes import PLANES
from recon.core.symmetry import isotropic, transverse
from recon.core.units import format_voxel_size, parse_voxel_size

LARGE = 1e-3  # metres; a longer voxel is rather a forgotten unit
UNKNOWN = (1.0, 1.0, 1.0)


class SeveralFiles(click.Command):
    """A command whose --xy, --xz and --yz take every word up to the next option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, repeat_flags(args))


def repeat_flags(args: list[str]) -> list[str]:
    """`--xy a b` as `--xy=a --xy=b`, which click understands."""
    repeated: list[str] = []
    flag = None
    for word, after in zip(args, [*args[1:], "-"], strict=True):
        if match := re.fullmatch(r"(--(?:xy|xz|yz))(=.*)?", word, re.DOTALL):
            flag = match[1]
            if match[2] is not None:
                repeated.append(word)
            elif after.startswith("-"):
                raise ReconError(f"{flag} needs one or more image files")
        elif flag is not None and not word.startswith("-"):
            repeated.append(f"{flag}={word}")
        else:
            flag = None
            repeated.append(word)
    return repeated


@click.command("import", cls=SeveralFiles)
@click.option(
    "--xy", multiple=True, metavar="FILE...", help="Slices normal to z: rows y, columns x."
)
@click.option(
    "--xz", multiple=True, metavar="FILE...", help="Slices normal to y: rows z, columns x."
)
@click.option(
    "--yz", multiple=True, metavar="FILE...", help="Slices normal to x: rows z, columns y."
)
@click.option("--isotropic", "same", is_flag=True, help="The one plane given serves for all three.")
@click.option(
    "--transverse",
    "around",
    type=click.Choice(["x", "y", "z"]),
    help="The material looks the same from all sides around this axis: give the plane normal to "
    "it and one that contains it.",
)
@click.option(
    "--phases",
    type=int,
    metavar="K",
    help="Cut grey images into K phases by Otsu's thresholds. Not needed for label images.",
)
@click.option(
    "--voxel-size",
    metavar="LENGTH",
    help="Length of a voxel such as 0.4um, or three: z,y,x. Default: what ImageJ or OME wrote "
    "into a TIFF file.",
)
@click.option("--out", required=True, metavar="PATH", help="Where to write: micrographs.zarr.")
def command(
    xy: tuple[str, ...],
    xz: tuple[str, ...],
    yz: tuple[str, ...],
    same: bool,
    around: str | None,
    phases: int | None,
    voxel_size: str | None,
    out: str,
) -> None:
    """Make micrographs of PNG, TIFF or .npy images of up to three planes.

    Every flag of a plane takes several files; a 3D TIFF or .npy file is a stack of slices along
    its first axis. An integer image of at most 8 values is a label image: its values become the
    phases 0, 1, ... in ascending order. Of a coloured palette the indices count.
    """
    if Path(out).exists():
        raise ReconError(f"{out} exists already; choose another name or remove it first")
    if same and around:
        raise ReconError("--isotropic and --transverse exclude each other; give one of them")
    given = {plane: names for plane, names in zip(PLANES, (xy, xz, yz), strict=True) if names}
    if not given:
        raise ReconError("no image was given; give files after --xy, --xz or --yz")
    size = parse_voxel_size(voxel_size) if voxel_size is not None else None
    files = {plane: [read_image(name) for name in names] for plane, names in given.items()}
    size, remarks = _settled_size(size, files)
    images = {
        plane: [image for file in stack for image in file.slices] for plane, stack in files.items()
    }
    labels, notices = to_labels(images, phases)
    if same:
        labels = isotropic(labels, size)
    if around:
        labels = transverse(labels, around, size)
    micrographs = Micrographs(labels, size)
    micrographs.save(out)
    for notice in (*remarks, *notices):  # only now: a refusal is one line
        click.echo(f"notice: {notice}", err=True)
    click.echo(summary(out, micrographs))


def _settled_size(
    given: tuple[float, float, float] | None, files: dict[str, list[ImageFile]]
) -> tuple[tuple[float, float, float], list[str]]:
    """The voxel size given, or stated by the files, or unknown; and remarks that say which."""
    if given is not None:
        if max(given) <= LARGE or given == UNKNOWN:
            return given, []
        return given, [f"voxel size is {format_voxel_size(given)}; is the unit missing (0.4um)?"]
    stated = stated_voxel_size(files)
    if stated is None:
        remark = "no file tells its pixel size, so lengths are in voxels; give --voxel-size 0.4um"
        return UNKNOWN, [remark]
    return stated, [f"voxel size {format_voxel_size(stated)} (z,y,x) is taken from the TIFF files"]


def summary(out: str, micrographs: Micrographs) -> str:
    """One line on what was written."""
    planes = []
    for plane, stack in micrographs.planes.items():
        shapes = np.array([image.shape for image in stack])
        ends = {"x".join(map(str, shape)) for shape in (shapes.min(0), shapes.max(0))}
        count = f"{len(stack)} slice{'s' * (len(stack) > 1)}"
        planes.append(f"{plane} {count} of {' to '.join(sorted(ends, key=len))}")
    shares = zip(micrographs.phases, micrographs.fractions(), strict=True)
    phases = ", ".join(f"{name} {share:.3f}" for name, share in shares)
    return f"{out}: {'; '.join(planes)}; phases {phases}"
