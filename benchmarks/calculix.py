"""The exported .inp solved by CalculiX, against `homogenization`: python benchmarks/calculix.py

Needs ccx (Debian: calculix-ccx). Twelve constants of two phases, one turned out of the axes, in a
volume of 10 x 14 x 18 anisotropic voxels, six load cases on the reference nodes.
"""

import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from recon.core import Volume, catalog, export

MATERIALS = """unit = "GPa"
[[phase]]
name = "epoxy"
E = 4.2
nu = 0.34
[[phase]]
name = "fibre"
E1 = 60
E2 = 20
nu12 = 0.25
nu23 = 0.3
G12 = 12
axis = [1.0, 2.0, 0.5]
"""
STRAIN = 1e-3
LOADS = (("REF_X", 1, 0), ("REF_Y", 2, 1), ("REF_Z", 3, 2))
LOADS += (("REF_Y", 3, 1), ("REF_X", 3, 0), ("REF_X", 2, 0))
"""Voigt order: reference node, degree of freedom, axis whose length it goes with."""


def stiffness(volume: Volume, folder: Path, element: str) -> np.ndarray:
    """Mean stress (6, 6) under six unit strains, in GPa."""
    path = folder / f"{element}.inp"
    materials = str(folder / "materials.toml")
    export(volume, path, equations=True, materials=materials, element=element)
    model = path.read_text()
    sides = [n * edge * 1e6 for n, edge in zip(volume.shape, volume.voxel_size, strict=True)][::-1]
    sets = re.findall(r"\*ELEMENT, .*ELSET=(\S+)", model)
    columns = []
    for case in range(6):
        step = "*STEP\n*STATIC\n*BOUNDARY\n"
        for k, (node, freedom, axis) in enumerate(LOADS):
            step += f"{node}, {freedom}, {freedom}, {sides[axis] * STRAIN * (k == case):.10g}\n"
        step += "".join(f"*EL PRINT, ELSET={name}, GLOBAL=YES\nS\n" for name in sets)
        (folder / "job.inp").write_text(model + step + "*END STEP\n")
        subprocess.run(["ccx", "job"], cwd=folder, check=True, capture_output=True)
        rows = [line.split() for line in (folder / "job.dat").read_text().splitlines()]
        stress = np.array([row[2:] for row in rows if len(row) == 8 and row[0].isdigit()], float)
        columns.append(stress.mean(0)[[0, 1, 2, 5, 4, 3]] / STRAIN / 1e3)
    return np.stack(columns, 1)


if __name__ == "__main__":
    field = gaussian_filter(np.random.default_rng(1).standard_normal((10, 14, 18)), 1.2)
    volume = Volume((field > np.quantile(field, 0.6)).astype(np.uint8), (5e-7, 4e-7, 2e-7))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "materials.toml").write_text(MATERIALS)
        solver = catalog().build(
            "property", "homogenization", materials=str(folder / "materials.toml"), tolerance=1e-10
        )
        own = solver.solve(volume)["stiffness"].values
        for element in ("C3D8", "C3D8R", "C3D8I"):
            found = stiffness(volume, folder, element)
            print(f"{element}: largest difference {np.abs(found - own).max() / own.max():.1e}")
