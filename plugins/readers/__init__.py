"""Formats of images and volumes that are read."""
