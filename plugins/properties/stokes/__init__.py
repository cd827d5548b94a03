"""Creeping flow through voxels: system, multigrid, preconditioner, solver."""
