"""Sets of connected components, merged phases and surfaces in .inp, read by meshio."""

import meshio
import numpy as np
import pytest

from recon.core import ReconError, Volume
from recon.core.exporters import export

PHASES = ("matrix", "particle", "binder")


@pytest.fixture
def volume():
    """A small particle first, a large one with binder on top."""
    labels = np.zeros((6, 6, 8), np.uint8)
    labels[1:3, 1:3, 1:3] = 1
    labels[1:4, 1:5, 5:7] = 1
    labels[4, 1:5, 5:7] = 2
    return Volume(labels, (1e-6,) * 3, PHASES)


def read(volume, tmp_path, **options):
    path = tmp_path / "a.inp"
    path.unlink(missing_ok=True)
    export(volume, path, **options)
    return meshio.read(path), path.read_text()


def points_of(mesh, name):
    """Nodes of the elements of a set."""
    parts = zip(mesh.cells, mesh.cell_sets[name], strict=True)
    return np.unique(np.concatenate([block.data[chosen].ravel() for block, chosen in parts]))


@pytest.mark.parametrize(("element", "share"), [("C3D8", 1), ("C3D4", 6), ("C3D10", 6)])
def test_each_particle_is_a_set_of_elements_and_one_of_nodes(volume, tmp_path, element, share):
    mesh, text = read(volume, tmp_path, element=element, components=["particle"])
    assert text.count("*ELSET") == 2  # not of the other phases
    for name, voxels, low, high in (
        ("PHASE_PARTICLE_1", 24, (5, 1, 1), (7, 5, 4)),
        ("PHASE_PARTICLE_2", 8, (1, 1, 1), (3, 3, 3)),
    ):
        assert sum(len(chosen) for chosen in mesh.cell_sets[name]) == share * voxels
        nodes = points_of(mesh, name)
        assert sorted(mesh.point_sets[name]) == nodes.tolist()
        assert np.allclose(mesh.points[nodes].min(0), low, atol=0.5)
        assert np.allclose(mesh.points[nodes].max(0), high, atol=0.5)


@pytest.mark.slow
def test_sets_hold_with_elements_of_a_size(volume, tmp_path):
    sized = {"sizes": ["*=4"], "interface_size": 3.0, "grading": 2.0}
    mesh, _ = read(volume, tmp_path, element="C3D4", components=["particle"], **sized)
    sizes = [sum(map(len, mesh.cell_sets[f"PHASE_PARTICLE_{k}"])) for k in (1, 2)]
    whole = sum(len(chosen) for chosen in mesh.cell_sets["PHASE_PARTICLE"])
    assert sum(sizes) == whole < 6 * 32 and min(sizes) > 0
    points = mesh.points[points_of(mesh, "PHASE_PARTICLE_2")]
    assert points.max() < 3.5 and len(points) == len(mesh.point_sets["PHASE_PARTICLE_2"])


def test_numbers_hold_where_phases_are_left_out(volume, tmp_path):
    options = {"components": ["particle", "matrix"], "without": ["matrix"]}
    mesh, text = read(volume, tmp_path, element="C3D4", **options)
    assert "PHASE_MATRIX" not in text
    rows = [sum(map(len, mesh.cell_sets[f"PHASE_PARTICLE_{k}"])) for k in (1, 2)]
    assert rows == [6 * 24, 6 * 8]


def test_surfaces_are_sides_of_elements_of_the_first_phase(volume, tmp_path):
    mesh, text = read(volume, tmp_path, element="C3D4")
    cells = np.concatenate([block.data for block in mesh.cells])
    lines = text.splitlines()
    numbers = [int(line.split(",")[0]) - 1 for line in lines if line.count(",") == 4]
    order = {number: place for place, number in enumerate(numbers)}
    sides = {"S1": (0, 1, 2), "S2": (0, 3, 1), "S3": (1, 3, 2), "S4": (2, 3, 0)}

    def triangles(name):
        start = lines.index(f"*SURFACE, NAME={name}, TYPE=ELEMENT") + 1
        end = next(k for k in range(start, len(lines)) if lines[k].startswith("*"))
        rows = [line.split(", ") for line in lines[start:end]]
        return np.array([cells[order[int(e) - 1]][list(sides[side])] for e, side in rows])

    between = np.unique(triangles("SURFACE_PARTICLE_BINDER"))
    assert np.array_equal(np.sort(mesh.point_sets["INTERFACE_PARTICLE_BINDER"]), between)
    top = triangles("SURFACE_Z1")
    assert len(top) == 2 * 6 * 8 and np.allclose(mesh.points[top][..., 2], 6)


def test_merged_phases_have_the_set_of_the_first(volume, tmp_path):
    mesh, text = read(volume, tmp_path, merge=["particle+2"])
    assert set(mesh.cell_sets) == {"PHASE_MATRIX", "PHASE_PARTICLE"}
    assert sum(map(len, mesh.cell_sets["PHASE_PARTICLE"])) == 32 + 8
    assert "left out or without a voxel: label 2" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"components": ["pore"]}, "unknown phase 'pore'"),
        ({"merge": ["particle+pore"]}, "unknown phase 'pore'"),
        ({"merge": ["particle"]}, r"merge= must join phases by \+, such as .*, got 'particle'"),
    ],
)
def test_refuses_in_one_line(volume, tmp_path, options, message):
    with pytest.raises(ReconError, match=message):
        export(volume, tmp_path / "a.inp", **options)
    assert not any(tmp_path.iterdir())
