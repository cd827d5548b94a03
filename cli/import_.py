"""recon import: micrographs from image files."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import click

from recon.cli.flags import name_flags_here
from recon.cli.plane_values import parse_plane_values
from recon.cli.repeated import SeveralFiles
from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import PLANES
from recon.core.errors import ReconError
from recon.core.kinds.reader import PixelSize
from recon.core.storage.atomic import check_writable
from recon.imaging.cropping import Crop
from recon.imaging.denoise import FILTERS
from recon.imaging.load import make_micrographs, read_masks, read_pictures
from recon.imaging.picture import Picture
from recon.imaging.plane_check.plane_check import describe_planes
from recon.imaging.preparation import SEGMENTATIONS, ImportOptions
from recon.imaging.segmentation import parse_thresholds
from recon.imaging.sizes import parse_pixel_size, parse_voxel_size
from recon.imaging.writing import (
    check_replaceable,
    draw_choices,
    summarize,
    write_micrographs,
)
from recon.workflow.progress import ProgressDisplay

OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--xy", multiple=True, metavar="FILE...", help="Slices normal to z: rows y, columns x."
    ),
    click.option(
        "--xz", multiple=True, metavar="FILE...", help="Slices normal to y: rows z, columns x."
    ),
    click.option(
        "--yz", multiple=True, metavar="FILE...", help="Slices normal to x: rows z, columns y."
    ),
    click.option(
        "--volume",
        metavar="FILE",
        help="A 3D image (z, y, x) instead of planes; it is sliced along all three axes.",
    ),
    click.option(
        "--every",
        type=int,
        metavar="N",
        help="Use every N-th slice of --volume. Default: about 32 slices of each plane.",
    ),
    click.option(
        "--dataset",
        metavar="NAME",
        help="The array to read, if a file has several (HDF5, VTK).",
    ),
    click.option(
        "--isotropic",
        "same",
        is_flag=True,
        help="The material is isotropic: use the one given plane for all three.",
    ),
    click.option(
        "--transverse",
        "around",
        type=click.Choice(["x", "y", "z"]),
        help="The material is isotropic around this axis: give the plane normal to the axis and "
        "a plane that contains it.",
    ),
    click.option(
        "--crop",
        multiple=True,
        metavar="[PLANE=]T,B,L,R",
        help="Pixels to remove at the top, bottom, left and right, such as a banner or scale bar.",
    ),
    click.option(
        "--mask",
        multiple=True,
        metavar="[PLANE=]auto|FILE",
        help="Exclude areas outside the material, such as black around a round field of view: "
        "`auto` finds them; or FILE is an image of the same size that is 0 there. recon uses the "
        "largest rectangles in the remaining area.",
    ),
    click.option(
        "--pixel-size",
        multiple=True,
        metavar="[PLANE=]LENGTH",
        help="Size of a pixel of the images, such as 0.2um or xz=0.4um, or two: rows, "
        "columns. Default: the size that the files state (ImageJ, OME, some microscopes).",
    ),
    click.option(
        "--voxel-size",
        metavar="LENGTH",
        help="Size of a voxel of the result, such as 0.4um, or three: z,y,x. Images with another "
        "pixel size are resampled. Default: the pixel size, the coarsest if planes differ.",
    ),
    click.option(
        "--phases",
        metavar="K|NAME,NAME,...",
        help="Number of phases of grey images, or the names of the phases, darkest first. For "
        "label images: the names in ascending order. Volumes, reports and files use the names.",
    ),
    click.option(
        "--thresholds",
        metavar="A,B,...",
        help="Segment grey images by these thresholds: K - 1 ascending values for K phases.",
    ),
    click.option(
        "--per-plane",
        is_flag=True,
        help="Find Otsu's thresholds for each plane, if the brightness differs between planes.",
    ),
    click.option(
        "--flatten",
        is_flag=True,
        help="Correct uneven light in grey images: subtract a smooth surface.",
    ),
    click.option(
        "--denoise",
        type=click.Choice(list(FILTERS)),
        help="Filter grey images first: median of 3 x 3 pixels, non-local means or total "
        "variation.  [default: none]",
    ),
    click.option(
        "--segment",
        type=click.Choice(SEGMENTATIONS),
        default="auto",
        show_default=True,
        help="Segment grey images by thresholds; or by edges, which moves borders to where they "
        "were before a blur. auto: edges if thresholds leave rims of a phase between two others.",
    ),
    click.option(
        "--preview",
        metavar="FILE.png",
        help="Picture of the images and their segmentation; `none` for no picture.  [default: "
        "--out with .png]",
    ),
    click.option("--preview-only", is_flag=True, help="Write only the picture, to try settings."),
    click.option(
        "--out",
        required=True,
        metavar="PATH",
        help="Micrographs to write, such as micrographs.zarr.",
    ),
    click.option("--force", is_flag=True, help="Replace --out if it holds micrographs."),
)


def with_options(function: Callable[..., None]) -> Callable[..., None]:
    """The options of the command, in order."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function


@click.command("import", cls=SeveralFiles)
@with_options
def command(
    same: bool,
    around: str | None,
    out: str,
    preview: str | None,
    preview_only: bool,
    force: bool,
    **given: Any,
) -> None:
    """Make micrographs from images of up to three planes, or from a volume.

    Images are PNG, TIFF, JPEG, BMP, .npy, zarr (also zipped), MetaImage, MRC, NRRD, HDF5 or VTI, or
    a format of another package. --xy, --xz and --yz take several images each. A 3D image is a stack
    of slices along its first axis. An integer image of at most 8 values is segmented already: its
    values become the phases 0, 1, ... in ascending order. Other images are grey and need --phases
    or --thresholds. recon uses the luminance of colour images and the indices of a palette.
    """
    if Path(out).exists() and not preview_only:
        check_replaceable(Path(out), force)
    check_writable(Path(out))
    picture = _preview_path(preview, Path(out))
    if preview_only and picture is None:
        raise ReconError("--preview-only and --preview none exclude each other; leave one out")
    with ProgressDisplay() as progress:
        with progress.during("read"):
            images = read_pictures(
                {p: given[p] for p in PLANES}, given["volume"], given["every"], given["dataset"]
            )
        count, names = parse_phases(given["phases"])
        options = _options({**given, "phases": count}, images)
        micrographs, prepared = make_micrographs(images, options, same, around, names, progress)
        with progress.during("check planes"):
            findings = describe_planes(micrographs)
        size = None
        if not preview_only:
            with progress.during("compare subvolumes"):
                size = _describe_size(micrographs)
        notices = [name_flags_here(notice) for notice in (*prepared.notices, *findings)]
        prepared = attrs.evolve(prepared, notices=notices)
        with progress.during("write"):
            if preview_only and picture:
                draw_choices(micrographs, prepared, Path(out), picture)
            else:
                write_micrographs(micrographs, prepared, Path(out), picture)
    for notice in notices:  # only now: a refusal is one line
        click.echo(f"notice: {notice}", err=True)
    click.echo(summarize("not written" if preview_only else out, micrographs))
    if picture:
        click.echo(f"{picture}: preview of the phases; check it")
    if size is not None:
        click.echo(f"notice: {size}", err=True)


def parse_phases(text: str | None) -> tuple[int | None, tuple[str, ...] | None]:
    """How many phases, and their names where they are given."""
    if text is None:
        return None, None
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text), None
    names = tuple(name.strip() for name in text.split(","))
    if len(names) < 2 or not all(names):
        raise ReconError(
            f"--phases must be a number or two names or more such as pore,solid, got {text!r}"
        )
    return len(names), names


def _describe_size(micrographs: Micrographs) -> str:
    """How much volumes of the usual size differ; what it stands on takes long to load."""
    from recon.core.recipe import Recipe
    from recon.validation.representativity import measure_representativity

    return measure_representativity(micrographs, Recipe().shape).to_text()


def _preview_path(preview: str | None, out: Path) -> Path | None:
    if preview == "none":
        return None
    path = Path(preview) if preview else out.with_suffix(".png")
    if path.suffix.lower() != ".png":
        raise ReconError(f"--preview must be a .png file or none, got {preview}")
    if path.exists():
        from recon.imaging.preview import is_preview

        if not is_preview(path):
            raise ReconError(
                f"{path} exists already and is no preview; choose another name with --preview"
            )
    return path


def _options(given: dict[str, Any], images: dict[str, list[Picture]]) -> ImportOptions:
    size, cuts = given["voxel_size"], given["thresholds"]
    sizes: dict[str, PixelSize] = parse_plane_values(
        "--pixel-size", given["pixel_size"], images, parse_pixel_size
    )
    return ImportOptions(
        crops=parse_plane_values("--crop", given["crop"], images, Crop.parse),
        pixel_sizes=sizes,
        voxel_size=None if size is None else parse_voxel_size(size),
        phases=given["phases"],
        thresholds=None if cuts is None else parse_thresholds(cuts),
        masks=read_masks(
            parse_plane_values("--mask", given["mask"], images, str),
            given["volume"],
            given["every"],
        ),
        per_plane=given["per_plane"],
        flatten=given["flatten"],
        denoise=given["denoise"],
        segment=given["segment"],
    )
