"""load_images(): micrographs from image files or arrays, as `recon import` makes them."""

import glob
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import attrs
import numpy as np

from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import AXES, PLANES
from recon.core.errors import ReconError, shown, unknown
from recon.core.kinds.reader import ImageFile
from recon.core.readers import check_image, read_image
from recon.imaging.cropping import Crop
from recon.imaging.field import Masks
from recon.imaging.gradients import learn_gradient
from recon.imaging.picture import Picture, Pictures
from recon.imaging.plane_check.plane_check import describe_planes
from recon.imaging.preparation import ImportOptions, PreparedImages, prepare
from recon.imaging.segmentation import Progress, parse_thresholds
from recon.imaging.sizes import parse_pixel_size, parse_voxel_size
from recon.imaging.slicing import slice_volume, stack_files
from recon.imaging.symmetry import repeat_plane, turn_plane

Images = Any
"""A path, a pattern such as "top/*.png", an array (2D, or a stack along its first axis), or a
sequence of these."""
Value = TypeVar("Value")


class ImageNotice(UserWarning):
    """What is worth knowing of how images became micrographs."""


def load_images(
    *,
    xy: Images = (),
    xz: Images = (),
    yz: Images = (),
    volume: Images = None,
    every: int | None = None,
    dataset: str | None = None,
    isotropic: bool = False,
    transverse: str | None = None,
    phases: int | Sequence[str] | None = None,
    thresholds: str | Sequence[float] | None = None,
    per_plane: bool = False,
    pixel_size: Any = None,
    voxel_size: str | float | Sequence[float] | None = None,
    crop: Any = None,
    mask: Any = None,
    flatten: bool = False,
    denoise: str | None = None,
    segment: str = "auto",
    progress: Progress = lambda *_: None,
) -> Micrographs:
    """Make micrographs from images of up to three planes, or from a volume.

    xy, xz, yz  slices normal to z (rows y, columns x), y (z, x) and x (z, y)
    volume      a 3D image (z, y, x) instead of planes, sliced along all three axes
    every       use every N-th slice of volume; default: about 32 slices of each plane
    dataset     name of the array, in files that hold several: HDF5, VTK
    isotropic   the material is isotropic: use the one given plane for all three
    transverse  axis around which the material is isotropic
    phases      number of phases of grey images, or names of the phases (also for label images)
    thresholds  of grey images, ascending; default: Otsu's thresholds
    per_plane   find Otsu's thresholds for each plane
    pixel_size  of the images: "0.4um", metres, (rows, columns), or a dict of these by plane
    voxel_size  of the result: "0.4um", metres, or (z, y, x)
    crop        (top, bottom, left, right) pixels to remove, or a dict of these by plane
    mask        "auto" finds the field of view; or a file or array of the size of the images that
                is 0 outside the material; or a dict of these by plane. The largest rectangles
                inside are used
    flatten     correct uneven light in grey images: subtract a smooth surface
    denoise     filter of grey images: "median", "nlm" or "tv"
    segment     "thresholds", or "edges", which moves borders to where they were before a blur;
                "auto": edges if thresholds leave rims of a phase between two others
    progress    called with the activity, the number of images done and of all images

    An integer image of at most 8 values is a label image: its values become the phases 0, 1, ...
    in ascending order. A warning (ImageNotice) reports every decision, and planes that do not
    agree. Raises ReconError for unusable images and contradictory options.
    """
    given = {plane: files for plane, files in zip(PLANES, (xy, xz, yz), strict=True)}
    pictures = read_pictures(given, volume, every, dataset)
    names = None if phases is None or isinstance(phases, int) else tuple(phases)
    options = ImportOptions(
        crops=_assign_planes("crop", crop, pictures, _parse_crop),
        pixel_sizes=_assign_planes("pixel_size", pixel_size, pictures, _parse_pixel_size),
        voxel_size=None if voxel_size is None else parse_voxel_size(_format(voxel_size)),
        phases=len(names) if names is not None else phases,  # type: ignore[arg-type]
        thresholds=_parse_thresholds(thresholds),
        per_plane=per_plane,
        masks=read_masks(_assign_planes("mask", mask, pictures, lambda one: one), volume, every),
        flatten=flatten,
        denoise=denoise,
        segment=segment,
    )
    micrographs, prepared = make_micrographs(
        pictures, options, isotropic, transverse, names, progress
    )
    for notice in (*prepared.notices, *describe_planes(micrographs)):
        warnings.warn(notice, ImageNotice, stacklevel=2)
    return micrographs


def read_pictures(
    planes: Mapping[str, Images],
    volume: Images = None,
    every: int | None = None,
    dataset: str | None = None,
) -> dict[str, list[Picture]]:
    """The images of each plane that has some, from slices or cut from a volume."""
    named = {} if dataset is None else {"dataset": dataset}
    files = {plane: list(_list_sources(images)) for plane, images in planes.items()}
    files = {plane: sources for plane, sources in files.items() if sources}
    if volume is not None:
        if files:
            raise ReconError(f"volume= and {next(iter(files))}= exclude each other; give one")
        (source,) = _list_sources(volume)
        return slice_volume(_read(source, colours=False, **named), every)
    if every is not None:
        raise ReconError("every= is for volume=; give the slices that you want of the others")
    if not files:
        raise ReconError("no image was given; give files for xy=, xz= or yz=, or volume=")
    return {
        plane: stack_files([_read(source, **named) for source in some])
        for plane, some in files.items()
    }


def read_masks(
    given: Mapping[str, Images], volume: Images = None, every: int | None = None
) -> Masks:
    """Plane -> "auto", or its masks: true where the file or array is not 0.

    With a volume, a mask is a volume, too, and sliced as it is.
    """
    masks: dict[str, str | list[np.ndarray[Any, Any]]] = {}
    for plane, source in given.items():
        if isinstance(source, str) and source == "auto":
            masks[plane] = source
        else:
            whole = volume is not None
            read = read_pictures({}, source, every) if whole else read_pictures({plane: source})
            masks[plane] = [picture.pixels != 0 for picture in read[plane]]
    return masks


def make_micrographs(
    pictures: Pictures,
    options: ImportOptions,
    isotropic: bool = False,
    transverse: str | None = None,
    names: Sequence[str] | None = None,
    progress: Progress = lambda *_: None,
) -> tuple[Micrographs, PreparedImages]:
    """Micrographs of images as decided, and how they came about."""
    if isotropic and transverse:
        raise ReconError("isotropic= and transverse= exclude each other; give one of them")
    prepared = prepare(pictures, options, progress)
    labels = prepared.labels
    if isotropic:
        labels = repeat_plane(labels, prepared.voxel_size)
    if transverse:
        labels = turn_plane(labels, transverse, prepared.voxel_size)
    symmetry = "isotropic" if isotropic else f"transverse {transverse}" if transverse else None
    record = {**prepared.record, "symmetry": symmetry, "notices": prepared.notices}
    micrographs = Micrographs(labels, prepared.voxel_size, names, origin=record)
    axes: Sequence[str] = () if isotropic else (transverse,) if transverse else AXES
    if graded := learn_gradient(micrographs, axes):
        micrographs = attrs.evolve(micrographs, origin={**record, "graded": graded})
    return micrographs, prepared


def _list_sources(images: Images) -> Iterable[Path | np.ndarray[Any, Any]]:
    """The paths and arrays that are meant; patterns are written out, in order of names."""
    if images is None:
        return
    if isinstance(images, np.ndarray):
        yield images
    elif isinstance(images, str | Path):
        if not glob.has_magic(str(images)) or Path(images).exists():
            yield Path(images)
            return
        paths = sorted(glob.glob(str(images), recursive=True))
        if not paths:
            raise ReconError(f"no image matches {images}; check the path")
        yield from map(Path, paths)
    elif isinstance(images, Iterable):
        for one in images:
            yield from _list_sources(one)
    else:
        raise ReconError(f"images must be paths, patterns or arrays, got {shown(images)}")


def _read(source: "Path | np.ndarray[Any, Any]", **options: Any) -> ImageFile:
    if isinstance(source, Path):
        return read_image(source, **options)
    if source.ndim not in (2, 3) or 0 in source.shape:
        raise ReconError(
            f"an array must be a slice (2D) or a stack of slices (3D), got shape {source.shape}"
        )
    return check_image(ImageFile(Path("array"), source))


def _assign_planes(
    name: str, value: Any, planes: Collection[str], parse: Callable[[Any], Value]
) -> dict[str, Value]:
    """The value of each plane: one for all, or a dict by plane."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        return dict.fromkeys(planes, parse(value))
    for plane in value:
        if plane not in PLANES:
            raise unknown(f"plane in {name}", str(plane), PLANES)
        if plane not in planes:
            raise ReconError(f"{name}= names plane {plane}, of which no image was given")
    return {plane: parse(one) for plane, one in value.items()}


def _format(value: Any) -> str:
    """A length, or several, as the parsers of flags read them."""
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value)


def _parse_pixel_size(value: Any) -> tuple[float, float]:
    return parse_pixel_size(_format(value))


def _parse_crop(value: Any) -> Crop:
    return value if isinstance(value, Crop) else Crop.parse(_format(value))


def _parse_thresholds(value: Any) -> tuple[float, ...] | None:
    return None if value is None else parse_thresholds(_format(value))
