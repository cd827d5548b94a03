"""Property solvers shipped with recon, one file each."""
