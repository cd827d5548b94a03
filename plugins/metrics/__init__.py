"""Spatial statistics of volumes and micrographs."""
