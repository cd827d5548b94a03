"""read_volume(): a volume of labels from a file of any format."""

import warnings
from pathlib import Path

import numpy as np

from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.core.readers import read_image
from recon.imaging.labels import MAX_VALUES
from recon.imaging.sizes import parse_voxel_size
from recon.imaging.slicing import find_voxel_size, format_sizes


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
        volume = Volume.open(path)
        if lengths is None:
            return volume
        return Volume(volume.labels, lengths, volume.phases, volume.provenance)
    named = {} if dataset is None else {"dataset": dataset}
    image = read_image(path, colours=False, **named)
    if len(image.slices) < 2 or len({part.shape for part in image.slices}) > 1:
        raise ReconError(
            f"{path} is no volume: it must hold two or more slices of one size, got "
            f"{format_sizes(image)}"
        )
    labels = np.stack(image.slices)
    values = np.unique(labels)
    if labels.dtype.kind not in "iu" or (len(values) > MAX_VALUES and image.phases is None):
        raise ReconError(
            f"{path} holds grey values ({labels.dtype}, {len(values)} different ones), no labels; "
            "`recon import --volume` makes micrographs of it, or save labels 0, 1, ..."
        )
    if image.phases is None and (values[0] < 0 or values[-1] >= MAX_VALUES):
        each = ", ".join(map(str, values))
        warnings.warn(f"{path}: its values {each} become the phases 0, 1, ...", stacklevel=2)
        labels = np.searchsorted(values, labels)
    size = lengths or find_voxel_size(image) or (1.0, 1.0, 1.0)
    return Volume(labels, size, image.phases)
