"""A conforming tetrahedral mesh of all phases, from voxels."""
