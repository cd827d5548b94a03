"""Tetrahedra, hexahedra and recon's own voxel elements on one composite; conduction on a .msh.

    python benchmarks/meshes.py [--sides 8 --sides 16] [VOLUME.zarr... [--picture mesh.png]]
    python benchmarks/meshes.py --meshers [--limit 600] VOLUME.zarr...

Needs ccx (Debian: calculix-ccx), meshio and scikit-fem. E along x of straight fibres in a matrix,
periodic, at several sizes of voxel: `homogenization`, the exported hexahedra (C3D8) and tetrahedra
(C3D4, C3D10), solved by CalculiX. Relative conductivity of the matrix on the tetrahedra of the .msh
by scikit-fem, linear and quadratic, beside `diffusivity`. Of each VOLUME the time of its .msh, the
number and quality of the elements, and what each phase has gained or lost. --meshers compares the
lattice, sizes by distance, TetGen and fTetWild (pip install tetgen pytetwild) on each VOLUME.
"""

import re
import subprocess
import tempfile
import time
from pathlib import Path

import click
import meshio
import numpy as np
import skfem
from meshers import MESHERS, compare
from skfem.helpers import dot, grad

from recon.core import Volume, catalog, export
from recon.core.data.colours import pick_colours
from recon.plugins.exporters.tetrahedra.mesh import build_mesh
from recon.plugins.exporters.tetrahedra.quality import measure_elements

MATERIALS = """unit = "GPa"
[[phase]]
name = "matrix"
E = 3.5
nu = 0.35
[[phase]]
name = "fibre"
E = 72
nu = 0.22
"""
STRAIN = 1e-3


def make_composite(side: int) -> Volume:
    """Two crossing fibres of circular section, periodic, in a cube of 16 um."""
    z, y, x = (np.indices((side,) * 3) + 0.5) * 16 / side
    along_x = (y - 4.3) ** 2 + (z - 4.1) ** 2 < 2.8**2
    along_y = (x - 7.2) ** 2 + (z - 11.7) ** 2 < 2.8**2
    labels = (along_x | along_y).astype(np.uint8)
    return Volume(labels, (16e-6 / side,) * 3, ("matrix", "fibre"))


def solve_by_calculix(volume: Volume, folder: Path, element: str) -> tuple[float, float]:
    """E along x in GPa and seconds of ccx: the other mean stresses are zero."""
    path = folder / f"{element}.inp"
    path.unlink(missing_ok=True)
    materials = str(folder / "materials.toml")
    export(volume, path, equations=True, materials=materials, element=element)
    model = path.read_text()
    side = volume.shape[2] * volume.voxel_size[2] * 1e6
    step = f"*STEP\n*STATIC\n*BOUNDARY\nREF_X, 1, 1, {side * STRAIN:.10g}\n"
    for name in re.findall(r"\*ELEMENT, .*ELSET=(\S+)", model):
        step += f"*EL PRINT, ELSET={name}, GLOBAL=YES\nS\n*EL PRINT, ELSET={name}\nEVOL\n"
    (folder / "job.inp").write_text(model + step + "*END STEP\n")
    begun = time.perf_counter()
    subprocess.run(["ccx", "job"], cwd=folder, check=True, capture_output=True)
    seconds = time.perf_counter() - begun
    rows = [line.split() for line in (folder / "job.dat").read_text().splitlines()]
    stress = np.array([row[:3] for row in rows if len(row) == 8 and row[0].isdigit()], float)
    volumes = dict(row for row in rows if len(row) == 2 and row[0].isdigit())
    weight = np.array([float(volumes[str(int(number))]) for number in stress[:, 0]])
    return float((stress[:, 2] * weight).sum() / weight.sum() / STRAIN / 1e3), seconds


def conduct(path: Path, degree: int) -> float:
    """Conductivity along z of the first phase of a .msh, relative: z0 and z1 held, sides sealed."""
    read = meshio.read(path)
    tags = np.concatenate(
        [
            tag
            for block, tag in zip(read.cells, read.cell_data["gmsh:physical"], strict=True)
            if block.type == "tetra"
        ]
    )
    cells = np.concatenate([block.data for block in read.cells if block.type == "tetra"])
    used, cells = np.unique(cells[tags == 1], return_inverse=True)
    points = read.points[used]
    mesh = skfem.MeshTet(points.T.copy(), cells.reshape(-1, 4).T.copy())
    element = skfem.ElementTetP1() if degree == 1 else skfem.ElementTetP2()
    basis = skfem.Basis(mesh, element)
    matrix = skfem.BilinearForm(lambda u, v, _: dot(grad(u), grad(v))).assemble(basis)
    height = read.points[:, 2].max()
    low, high = (
        basis.get_dofs(lambda x, end=end: np.isclose(x[2], end)).flatten() for end in (0, height)
    )
    field = np.zeros(matrix.shape[0])
    field[high] = 1.0
    fixed = np.concatenate([low, high])
    solver = skfem.solver_iter_pcg(rtol=1e-8)
    solved = skfem.solve(*skfem.condense(matrix, x=field, D=fixed), solver=solver)
    area = np.ptp(read.points[:, 0]) * np.ptp(read.points[:, 1])
    return float(solved @ matrix @ solved) * height / area


def describe(path: Path, folder: Path) -> str:
    """A row of the table of meshes."""
    volume = Volume.open(path)
    begun = time.perf_counter()
    export(volume, folder / "a.msh")
    seconds = time.perf_counter() - begun
    (folder / "a.msh").unlink()
    mesh = build_mesh(volume.labels, range(len(volume.phases)), (1.0, 1.0, 1.0), (False,) * 3)
    shares = np.bincount(mesh.phases, measure_elements(mesh.nodes, mesh.tetrahedra)[0])
    drift = np.abs(shares / shares.sum() - volume.fractions()).max()
    low, tenth, middle = np.percentile(mesh.qualities, (1, 10, 50))
    return (
        f"{path} | {seconds:.1f} s | {len(mesh.nodes)} | {len(mesh.tetrahedra)} | "
        f"{mesh.qualities.min():.3f}, {low:.2f}, {tenth:.2f}, {middle:.2f} | {drift:.4f}"
    )


def draw(volume: Volume, folder: Path, path: Path) -> None:
    """All phases but the first, and a corner with its elements."""
    import pyvista

    export(volume, folder / "a.vtu", unit="um")
    grid = pyvista.read(folder / "a.vtu")
    colours = pick_colours(len(volume.phases))
    plotter = pyvista.Plotter(shape=(1, 2), window_size=(1400, 700), off_screen=True, border=False)
    for phase in range(1, len(volume.phases)):
        part = grid.extract_cells(np.flatnonzero(grid["phase"] == phase))
        plotter.add_mesh(part.extract_surface(algorithm=None), color=colours[phase])
    plotter.subplot(0, 1)
    near = (grid.cell_centers().points < np.array(grid.bounds)[1::2] / 4).all(1)
    for phase in range(len(volume.phases)):
        part = grid.extract_cells(np.flatnonzero(near & (grid["phase"] == phase)))
        plotter.add_mesh(part, color=colours[phase], show_edges=True)
    plotter.screenshot(path)


@click.command(help=__doc__)
@click.argument("volumes", nargs=-1, type=click.Path(path_type=Path))
@click.option("--sides", multiple=True, type=int, default=(8, 16, 24), show_default=True)
@click.option("--picture", type=click.Path(path_type=Path), help="Of the first volume.")
@click.option("--meshers", is_flag=True, help="Compare meshers on each volume.")
@click.option("--limit", default=600, show_default=True, help="Seconds of processor time of each.")
def main(
    volumes: tuple[Path, ...],
    sides: tuple[int, ...],
    picture: Path | None,
    meshers: bool,
    limit: int,
) -> None:
    if meshers:
        click.echo(
            "volume | mesher | licence | CPU | nodes | tetrahedra | "
            "scaled Jacobian: least, 1, 10, 50 % | largest change of a fraction | volume"
        )
        for path in volumes:
            for name in MESHERS:
                click.echo(f"{path} | {compare(Volume.open(path), name, limit)}")
        return
    if volumes:
        with tempfile.TemporaryDirectory() as name:
            if picture is not None:
                draw(Volume.open(volumes[0]), Path(name), picture)
            click.echo(
                "volume | .msh | nodes | tetrahedra | scaled Jacobian: least, 1, 10, 50 % | drift"
            )
            for path in volumes:
                click.echo(describe(path, Path(name)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "materials.toml").write_text(MATERIALS)
        elastic = catalog().build(
            "property", "homogenization", materials=str(folder / "materials.toml"), tolerance=1e-8
        )
        porous = catalog().build("property", "diffusivity", phases=[0], axes=["z"])
        click.echo("side | E_x: recon, C3D8, C3D4, C3D10 | relative D_z: recon, P1, P2 | mesh")
        for side in sides:
            volume = make_composite(side)
            own = float(elastic.solve(volume)["E"].sel(axis="x"))
            elements = ("C3D8", "C3D4", "C3D10")
            moduli = [solve_by_calculix(volume, folder, element)[0] for element in elements]
            path = folder / f"{side}.msh"
            begun = time.perf_counter()
            export(volume, path)
            seconds = time.perf_counter() - begun
            relative = float(porous.solve(volume)["relative"].sel(axis="z"))
            linear, quadratic = (conduct(path, degree) for degree in (1, 2))
            click.echo(
                f"{side} | {own:.3f}, "
                f"{', '.join(f'{E:.3f} ({E / own - 1:+.1%})' for E in moduli)} | "
                f"{relative:.4f}, {linear:.4f}, {quadratic:.4f} | "
                f"{seconds:.2f} s"
            )


if __name__ == "__main__":
    main()
