"""Denoisers shipped with recon, one file each."""
