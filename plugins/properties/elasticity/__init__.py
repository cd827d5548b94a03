"""Finite elements of the homogenization: element, multigrid, solver."""
