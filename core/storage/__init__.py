"""Files: outputs that appear whole, locks, limits, zarr and OME-Zarr."""
