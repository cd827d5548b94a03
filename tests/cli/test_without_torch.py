"""Commands that need no PyTorch do not import it: it takes seconds."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from recon.core import Volume

EXPORT = ("a.tif", "a.vti", "a.npy", "a.inp", "a.raw", "a.h5", "a.stl", "a.ply")


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ("export", "volume.zarr", *EXPORT, "--materials", "glass-epoxy"),
        ("import", "--xy", "a.png", "--isotropic", "--phases", "2", "--out", "m.zarr"),
        ("view", "volume.zarr", "--no-open"),
        ("measure", "volume.zarr", "--metric", "two-point", "--against", "volume.zarr"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_it_works_where_torch_cannot_be_imported(tmp_path, arguments):
    rng = np.random.default_rng(0)
    Volume(rng.integers(0, 2, (5, 6, 7))).save(tmp_path / "volume.zarr")
    Image.fromarray(rng.integers(0, 256, (80, 90), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "torch.py").write_text("raise OSError('torch was imported')")
    path = os.pathsep.join([str(tmp_path / "without"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "recon.cli", *arguments],
        env={**os.environ, "PYTHONPATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
