"""Volumes, micrographs and what is measured of them: labels, planes, units, statistics."""
