"""recon: statistically equivalent 3D volumes from 2D micrographs."""
