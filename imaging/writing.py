"""Micrographs and the picture of what was decided, written together."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from recon.core.data.micrographs import Micrographs
from recon.core.data.units import format_voxel_size
from recon.core.errors import ReconError
from recon.core.storage.atomic import atomic_output, remove
from recon.core.storage.zarr_store import is_zarr, open_store, read_recon_attribute
from recon.imaging.common_size import UNKNOWN
from recon.imaging.picture import make_printable
from recon.imaging.preparation import PreparedImages


def check_replaceable(out: Path, force: bool) -> None:
    """ReconError unless it is asked for and there is nothing but micrographs to lose."""
    if not force:
        raise ReconError(
            f"{out} exists already; choose another name, remove it first, or replace it by "
            "force=True"
        )
    if (
        not is_zarr(out)
        or read_recon_attribute(open_store(out, "out"), out, "out").get("kind") != "micrographs"
    ):
        raise ReconError(f"{out} holds no micrographs and is not replaced; choose another name")


def write_micrographs(
    micrographs: Micrographs, prepared: PreparedImages, out: Path, picture: Path | None
) -> None:
    """Both files or, when something fails, neither; what is replaced stays until then."""
    with _set_aside(out), atomic_output(out, folder=True) as store:
        micrographs.put(store)
        if picture is not None:  # appears first: the next import may replace it
            draw_choices(micrographs, prepared, out, picture)


def draw_choices(
    micrographs: Micrographs, prepared: PreparedImages, out: Path, picture: Path
) -> None:
    from recon.imaging.preview import draw_preview

    size = micrographs.voxel_size
    lengths = f", voxels of {format_voxel_size(size)}" if size != UNKNOWN else ""
    with atomic_output(picture, replace=True) as drawn:
        name = make_printable(out.name)
        draw_preview(prepared, f"{name}: {len(micrographs.phases)} phases{lengths}", drawn)


@contextmanager
def _set_aside(out: Path) -> Iterator[None]:
    """What is there under another name while it is replaced; back when that fails."""
    aside = out.with_name(f".{out.name}.replaced")
    if not out.exists():
        yield
        return
    remove(aside)
    out.rename(aside)
    try:
        yield
    except BaseException:
        aside.rename(out)
        raise
    remove(aside)


def summarize(out: str, micrographs: Micrographs) -> str:
    """One line on what was written."""
    planes = []
    for plane, images in micrographs.planes.items():
        shapes = np.array([image.shape for image in images])
        ends = {"x".join(map(str, shape)) for shape in (shapes.min(0), shapes.max(0))}
        count = f"{len(images)} slice{'s' * (len(images) > 1)}"
        planes.append(f"{plane} {count} of {' to '.join(sorted(ends, key=len))}")
    shares = zip(micrographs.phases, micrographs.fractions(), strict=True)
    phases = ", ".join(f"{name} {share:.3f}" for name, share in shares)
    return f"{out}: {'; '.join(planes)}; phases {phases}"
