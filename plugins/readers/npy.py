"""NumPy's .npy."""

from pathlib import Path

import attrs
import numpy as np

from recon.core.errors import ReconError
from recon.core.kinds import ImageFile, Reader
from recon.core.options import option
from recon.plugins.readers.channels import merge_channels
from recon.plugins.readers.unpacked import check_size


@attrs.frozen
class Npy(Reader):
    """A NumPy array: a slice (2D), a stack (3D, first axis) or a colour image (y, x, 3 or 4)."""

    name = "npy"
    suffixes = (".npy",)
    signatures = (b"\x93NUM",)
    colours: bool = option(True, "Read an array (y, x, 3 or 4) as a colour image.")

    def read(self, path: Path) -> ImageFile:
        # A memory map compares the shape with the length of the file before anything is allocated.
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except ValueError as error:
            if "Python object" in str(error) or "pickle" in str(error):
                raise ReconError(f"{path} holds Python objects; save plain numbers") from error
            raise
        check_size(array.nbytes, path)
        values, coloured = np.array(array), False
        channels = array.shape[2] if array.ndim == 3 else 1
        if self.colours and channels in (3, 4) and min(array.shape[:2]) > 4:
            values, coloured = merge_channels(values, array.shape[2] == 4, path)
        return ImageFile(path, values, coloured=coloured)
