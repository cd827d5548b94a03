"""Several processes: what one of them loses ends all, and what they made is made again by one."""

import os
import subprocess
import sys

import pytest

from recon.core.bundled import list_bundled

pytestmark = pytest.mark.processes

PLUGIN = """
import attrs
import torch.distributed as dist
from recon.core import hookimpl
from recon.plugins.denoisers.gaussian import Gaussian

@attrs.define(eq=False)
class Failing(Gaussian):
    \"\"\"At the fifth step the second process loses one pixel.\"\"\"

    name = "failing"

    def clean(self, slices, step, plane):
        found = Gaussian.clean(self, slices, step, plane)
        if step.number == 4 and dist.is_initialized() and dist.get_rank() == 1:
            found[0, 0, 1, 1] = float("nan")
        return found

@hookimpl
def recon_denoisers():
    return [Failing]
"""


def launched(folder, processes, *arguments, code=0, **variables):
    """stdout and stderr of `recon ARGUMENTS`, under torchrun for more than one process."""
    command = [sys.executable]
    if processes > 1:
        command += ["-m", "torch.distributed.run", "--standalone"]
        command += ["--nproc-per-node", str(processes)]
    command += ["-m", "recon.cli", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **variables}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert (done.returncode == 0) == (code == 0), done.stderr
    return done.stdout, done.stderr


def test_a_pixel_lost_by_one_process_ends_all_with_one_line(tmp_path):
    """All leave together: one that stopped alone would leave the others waiting for its slabs."""
    facts = tmp_path / "site" / "recon_failing-1.0.dist-info"
    facts.mkdir(parents=True)
    (tmp_path / "site" / "recon_failing.py").write_text(PLUGIN)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: recon-failing\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[recon]\nfailing = recon_failing\n")
    run = ("run", "--denoiser", "failing", "--shape", 20, 16, 18, "--steps", 8, "--out", "out")
    variables = {"PYTHONPATH": str(tmp_path / "site")}
    _, errors = launched(tmp_path, 2, *run, code=1, **variables)
    told = [line for line in errors.splitlines() if line.startswith("Error: ")]
    (line,) = told
    assert "denoiser failing gave NaN or infinity at step 5 of 8, plane xz" in line
    assert not (tmp_path / "out" / "volume.zarr").exists()


@pytest.mark.parametrize("how", ["torchrun", "dask"])
def test_what_several_processes_made_one_makes_again_and_the_reverse(tmp_path, how):
    network = ("run", "--weights", list_bundled("unet-ddpm")["porous"], "--shape", 20, 16, 18)
    run = (*network, "--steps", 4, "--out", "out")
    several = 2 if how == "torchrun" else 1
    flags = () if how == "torchrun" else ("--executor", "dask", "--workers", 2)
    samples = () if how == "torchrun" else ("--samples", 2)
    name = "out/volume.zarr" if how == "torchrun" else "out/001.zarr"
    launched(tmp_path, several, *run, *flags, *samples)
    said, _ = launched(tmp_path, 1, "run", "--from", name)
    assert said.startswith(f"{name}: identical, all 5760 voxels")
    said, _ = launched(tmp_path, several, "run", "--from", name, *flags)
    assert said.startswith(f"{name}: identical, all 5760 voxels")
