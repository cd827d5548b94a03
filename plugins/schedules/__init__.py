"""Schedules shipped with recon, one file each."""
