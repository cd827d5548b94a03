"""Micrographs from image files: read, cropped, resampled, segmented, previewed."""
