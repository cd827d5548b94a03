"""One volume that no swap of axes leaves as it is: not cubic, no symmetry, anisotropic voxels."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from recon.core import Volume

VOXEL_SIZE = (5e-7, 4e-7, 2e-7)


@pytest.fixture
def volume():
    """(9, 11, 14) voxels of three phases with awkward names, and a fourth that it lacks."""
    field = gaussian_filter(np.random.default_rng(5).standard_normal((9, 11, 14)), 1.3)
    labels = np.digitize(field, np.quantile(field, [0.4, 0.8]))
    return Volume(labels, VOXEL_SIZE, ("Pore", "epoxy resin", "C/fibre", "not there"))
