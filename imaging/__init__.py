"""Images to micrographs: crop, resample, segment, check the planes, preview."""
