"""Thresholds and planes by eye, in napari."""
