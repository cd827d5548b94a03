"""What a user decides by eye on images: their planes, phases and thresholds."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.planes import PLANES
from recon.core.errors import ReconError
from recon.core.storage.atomic import check_writable
from recon.imaging.labels import find_label_values, label_by_value
from recon.imaging.load import make_micrographs, read_pictures
from recon.imaging.otsu import find_otsu_thresholds
from recon.imaging.picture import Picture, list_pixels
from recon.imaging.plane_check.plane_check import describe_planes
from recon.imaging.preparation import ImportOptions
from recon.imaging.segmentation import Thresholds, apply_thresholds
from recon.imaging.sizes import parse_pixel_size
from recon.imaging.writing import check_replaceable, summarize, write_micrographs

Source = Path | NDArray[Any]
SYMMETRIES = ("none", "isotropic", "transverse x", "transverse y", "transverse z")


@attrs.frozen(kw_only=True, eq=False)
class Choices:
    """The flags of `recon import` that are set by eye.

    planes      plane -> its images: files, or arrays that have none
    thresholds  of grey images, ascending; none for label images
    names       of the phases, darkest first; empty: their labels
    pixel_size  such as 0.2um; empty: what the files state
    symmetry    one of SYMMETRIES
    """

    planes: dict[str, list[Source]]
    thresholds: Thresholds = ()
    names: tuple[str, ...] = ()
    pixel_size: str = ""
    symmetry: str = "none"

    def format_command(self, out: Path, force: bool = False) -> str:
        """The command that makes the same micrographs; arrays appear as ARRAY.tif."""
        words = ["recon", "import"]
        for plane in PLANES:
            if self.planes.get(plane):
                files = (
                    "ARRAY.tif" if isinstance(one, np.ndarray) else str(one)
                    for one in self.planes[plane]
                )
                words += [f"--{plane}", *files]
        if self.symmetry != "none":
            words += f"--{self.symmetry}".split()
        if self.names:
            words += ["--phases", ",".join(self.names)]
        if self.thresholds:
            words += ["--thresholds", ",".join(f"{cut:.6g}" for cut in self.thresholds)]
        if self.pixel_size:
            words += ["--pixel-size", self.pixel_size]
        words += ["--out", str(out)] + ["--force"] * force
        return shlex.join(words)

    def save(self, out: Path, force: bool = False) -> tuple[str, list[str]]:
        """Write micrographs and their preview as the command does; the line it prints, notices."""
        if not any(self.planes.values()):
            raise ReconError("no image has a plane; choose xy, xz or yz for one at least")
        if out.exists():
            check_replaceable(out, force)
        check_writable(out)
        pictures = read_pictures(self.planes)
        size = parse_pixel_size(self.pixel_size) if self.pixel_size else None
        options = ImportOptions(
            pixel_sizes=dict.fromkeys(pictures, size) if size else {},
            phases=len(self.names) or None,
            thresholds=tuple(float(f"{cut:.6g}") for cut in self.thresholds) or None,
        )
        kind, _, axis = self.symmetry.partition(" ")
        micrographs, prepared = make_micrographs(
            pictures, options, kind == "isotropic", axis or None, self.names or None
        )
        notices = [*prepared.notices, *describe_planes(micrographs)]
        prepared = attrs.evolve(prepared, notices=notices)
        write_micrographs(micrographs, prepared, out, _name_preview(out))
        return summarize(str(out), micrographs), notices


def _name_preview(out: Path) -> Path:
    """Beside the micrographs; ReconError where another picture is."""
    from recon.imaging.preview import is_preview

    path = out.with_suffix(".png")
    if path.exists() and not is_preview(path):
        raise ReconError(f"{path} exists already and is no preview; choose another name")
    return path


def are_labels(pictures: Sequence[Picture]) -> bool:
    """Whether the images show phases by a few values, so that they need no threshold."""
    try:
        find_label_values(list_pixels({"xy": pictures}))
    except ReconError:
        return False
    return True


def propose_thresholds(pictures: Sequence[Picture], phases: int) -> Thresholds:
    """Otsu's, to begin with."""
    cuts = find_otsu_thresholds([picture.pixels for picture in pictures], phases)
    return tuple(float(cut) for cut in cuts)


def segment(pictures: Sequence[Picture], cuts: Thresholds) -> NDArray[np.uint8]:
    """Labels of an image (a, b), or of a stack (n, a, b) of one file."""
    pixels = [picture.pixels for picture in pictures]
    if cuts:
        labels = apply_thresholds(pixels, cuts)
    else:
        values = find_label_values({"xy": pixels}) or []
        labels = label_by_value({"xy": pixels}, values)[0]["xy"]
    return labels[0] if len(labels) == 1 else np.stack(labels)
