"""`python -m recon.cli`."""

from recon.cli import main

main(prog_name="recon")
