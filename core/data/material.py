"""What is known of a material from its micrographs."""

import attrs

from recon.core.data.micrographs import Micrographs
from recon.core.data.statistics import Statistics
from recon.core.errors import ReconError


@attrs.frozen
class Material:
    """What a fitted denoiser knows of its material beside its parameters."""

    phases: tuple[str, ...]
    voxel_size: tuple[float, float, float]
    statistics: Statistics

    @classmethod
    def of(cls, micrographs: Micrographs) -> "Material":
        """Names, voxel size and statistics of the micrographs."""
        if len(micrographs.phases) < 2:
            raise ReconError("micrographs must show at least two phases, got one")
        return cls(micrographs.phases, micrographs.voxel_size, Statistics.of(micrographs))
