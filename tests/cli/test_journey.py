"""From a drawer of grey pictures to a file that a solver opens and a page, in three commands."""

import json

import meshio
import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from recon.core import Volume
from recon.workflow.examples import example


def grey(labels, seed):
    """A micrograph of 8 bits: blurred, noisy, as bright as a microscope would have it."""
    noise = np.random.default_rng(seed).normal(0, 6, labels.shape)
    image = 60 + 120 * gaussian_filter(labels.astype(float), 0.6) + noise
    return Image.fromarray(image.clip(0, 255).astype(np.uint8))


@pytest.mark.slow
def test_grey_pictures_become_a_mesh_a_grid_and_a_page(recon, tmp_path):
    true, _ = example("porous")
    sizes = {"xy": ((90, 120), (100, 80)), "xz": ((80, 120), (96, 100)), "yz": ((90, 96), (70, 80))}
    for plane, shapes in sizes.items():
        for number, (rows, columns) in enumerate(shapes * 4):
            labels = true.planes[plane][number * 2][:rows, :columns]
            grey(labels, number).save(tmp_path / f"{plane}-{number}.png")
    files = {p: [f"{p}-{n}.png" for n in range(8)] for p in sizes}

    recon(
        "import", "--xy", *files["xy"], "--xz", *files["xz"], "--yz", *files["yz"],
        "--phases", 2, "--voxel-size", "0.4um", "--out", "micrographs.zarr",
    )  # fmt: skip
    recon(
        "run", "--micrographs", "micrographs.zarr", "--shape", 32, 40, 48, "--fast",
        "--set", "denoiser.steps=60", "--out", "out",
    )  # fmt: skip
    recon("export", "out/volume.zarr", "mesh.inp", "grid.vti")

    volume = Volume.open(tmp_path / "out" / "volume.zarr")
    assert volume.shape == (32, 40, 48) and volume.voxel_size == (4e-7,) * 3
    fractions = np.bincount(volume.labels.ravel()) / volume.labels.size
    assert fractions == pytest.approx(true.fractions(), abs=0.05)
    mesh = meshio.read(tmp_path / "mesh.inp")
    assert sum(len(block.data) for block in mesh.cells) == volume.labels.size
    assert mesh.points.max(0) == pytest.approx([19.2, 16.0, 12.8])  # um
    comparison = json.loads((tmp_path / "out" / "comparison.json").read_text())
    page = (tmp_path / "out" / "report.html").read_text()
    assert comparison["verdict"]["headline"] in page.replace("&#39;", "'")
    assert "Copying from the micrographs" in page
