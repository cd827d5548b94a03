"""Orientation tensor of fibres: the mean of n n over the voxels of a phase.

Advani & Tucker, J. Rheology 31, 751 (1987); n from the structure tensor (Krause et al., Composites
Science and Technology 70, 1 (2010)).

cost  that of core.structure_tensor.directions, O(voxels)
"""

import attrs
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from recon.core import Metric, Micrographs, ReconError, Volume, option
from recon.plugins.structure.structure_tensor import GRADIENT_SCALE, WINDOW, directions


@attrs.frozen
class OrientationTensor(Metric):
    """Second-order orientation tensor a = <n n> of a phase, n along its bodies at every voxel.

    Symmetric, positive semidefinite, trace 1: a_zz = 1 when all lie along z, 1/3 of the identity
    when directions are random in space. The direction at a voxel is the one in which the phase
    changes least within the window; for bodies that are not elongated it means nothing.

    returns  tensor       (axis, axis2) in the order x, y, z
             eigenvalues  (principal,) 1, 2, 3: the largest first
             NaN when the phase does not occur.
    Needs a volume.
    """

    name = "orientation-tensor"
    title = "Orientation tensor"
    phase: int | str = option(1, "Phase of the fibres, by name or label.", min=0)
    gradient_scale: float = option(
        GRADIENT_SCALE, "Deviation of the Gaussian of the gradient, shortest voxel edges.", min=0.1
    )
    window: float = option(
        WINDOW, "Deviation of the Gaussian of the average, shortest voxel edges.", min=0.1
    )
    periodic: bool = option(False, "Continue the volume periodically.")

    def measure(self, sample: Volume | Micrographs) -> xr.Dataset:
        """Orientation tensor of a volume."""
        if isinstance(sample, Micrographs):
            raise ReconError(f"metric {self.name} needs a volume, got micrographs")
        phase = sample.find_label(self.phase)
        field = directions(
            sample.labels,
            phase,
            sample.voxel_size,
            self.gradient_scale,
            self.window,
            self.periodic,
        )
        tensor = mean_outer_product(field[sample.labels == phase])
        return xr.Dataset(
            {
                "tensor": (("axis", "axis2"), tensor),
                "eigenvalues": ("principal", eigenvalues(tensor)),
            },
            {"axis": list("xyz"), "axis2": list("xyz"), "principal": [1, 2, 3]},
        )


def mean_outer_product(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean of n n over unit vectors (n, 3), made exactly of trace 1; NaN of none."""
    if not len(vectors):
        return np.full((3, 3), np.nan)
    total = np.einsum("ni,nj->ij", vectors, vectors, dtype=np.float64)
    total = (total + total.T) / 2
    normed: NDArray[np.float64] = total / np.trace(total)
    return normed


def eigenvalues(tensor: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest first; NaN of a tensor that is NaN."""
    if not np.isfinite(tensor).all():
        return np.full(3, np.nan)
    return np.linalg.eigvalsh(tensor)[::-1].astype(np.float64)
