"""Harmonizers shipped with recon, one file each."""
