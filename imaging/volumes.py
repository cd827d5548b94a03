"""read_volume(): a volume of labels from a file of any format."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.core.data.volume import Volume
from recon.core.data.volume_file import read_volume_file
from recon.core.errors import ReconError
from recon.core.readers import read_image
from recon.imaging.labels import MAX_VALUES
from recon.imaging.sizes import parse_voxel_size
from recon.imaging.slicing import find_voxel_size, format_sizes

CONSECUTIVE = 32
"""Up to so many values 0, 1, ... without a gap are labels, of files that do not name them."""


def read_volume(
    path: str | Path, voxel_size: str | None = None, dataset: str | None = None
) -> Volume:
    """The labels of a zarr folder or of a file: TIFF, .npy, VTI, NRRD, HDF5, MetaImage, ...

    voxel_size  such as "0.4um" or three (z,y,x), in place of what the file states
    dataset     name of the array, in files that hold several: HDF5, VTK

    Labels stay as they are; of at most 8 values that are no labels, such as 0 and 255, the values
    become 0, 1, ... in ascending order, with a warning. Raises ReconError for grey values.
    """
    lengths = None if voxel_size is None else parse_voxel_size(voxel_size)
    if Path(path).is_dir():
        given = read_volume_file(Path(path))
        labels = given.pop("labels")[...]
        if given["phases"] is None:  # of another program
            labels = _take_labels(labels, path)
        return Volume(labels, **{**given, "voxel_size": lengths or given["voxel_size"]})
    named = {} if dataset is None else {"dataset": dataset}
    image = read_image(path, colours=False, **named)
    if len(image.slices) < 2 or len({part.shape for part in image.slices}) > 1:
        raise ReconError(
            f"{path} is no volume: it must hold two or more slices of one size, got "
            f"{format_sizes(image)}"
        )
    labels = np.stack(image.slices)
    if image.phases is None or labels.dtype.kind not in "iu":
        labels = _take_labels(labels, path)
    size = lengths or find_voxel_size(image) or (1.0, 1.0, 1.0)
    return Volume(labels, size, image.phases)


def _take_labels(labels: NDArray[Any], path: str | Path) -> NDArray[Any]:
    """Values as labels, by their order where they are no labels; ReconError for grey values."""
    if labels.dtype == bool or not labels.size:
        return labels
    values = np.unique(labels)
    count = len(values)
    consecutive = count <= CONSECUTIVE and np.array_equal(values, np.arange(count))
    if labels.dtype.kind not in "iu" or (count > MAX_VALUES and not consecutive):
        raise ReconError(
            f"{path} holds grey values ({labels.dtype}, {count} different ones), no labels; "
            "`recon import --volume` makes micrographs of it, or save labels 0, 1, ..."
        )
    if consecutive or (values[0] >= 0 and values[-1] < MAX_VALUES):
        return labels
    each = ", ".join(map(str, values))
    warnings.warn(f"{path}: its values {each} become the phases 0, 1, ...", stacklevel=3)
    return np.searchsorted(values, labels)
