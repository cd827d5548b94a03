"""Finite volumes of the diffusivity: system, multigrid, solver."""
