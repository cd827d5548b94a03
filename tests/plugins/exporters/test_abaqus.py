"""The .inp file, read back by meshio: geometry, phases, sets; what it refuses."""

import meshio
import numpy as np
import pytest

from recon.core import ReconError, Volume
from recon.core.exporters import export

EDGES = np.array([2e-7, 4e-7, 5e-7])  # x, y, z


@pytest.fixture
def read(volume, tmp_path):
    """A function that exports with some options and gives the mesh and the text."""

    def call(volume=volume, **options):
        path = tmp_path / "a.inp"
        path.unlink(missing_ok=True)
        export(volume, path, **options)
        return meshio.read(path), path.read_text()

    return call


def jacobians(points, cells):
    """Determinants at the corners of hexahedra, by the edges that meet there, right-handed."""
    corners = ((0, 1, 3, 4), (1, 2, 0, 5), (2, 3, 1, 6), (3, 0, 2, 7))
    corners += ((4, 7, 5, 0), (5, 4, 6, 1), (6, 5, 7, 2), (7, 6, 4, 3))
    rows = []
    for here, *others in corners:
        sides = points[cells[:, others]] - points[cells[:, here]][:, None]
        rows.append(np.linalg.det(sides))
    return np.stack(rows, 1)


def placed(mesh, unit=1e6):
    """Centres of the cells of each set as voxel indices (z, y, x)."""
    results = {}
    for name, blocks in mesh.cell_sets.items():
        (cells,) = (
            block.data[chosen]
            for block, chosen in zip(mesh.cells, blocks, strict=True)
            if len(chosen)
        )
        centres = mesh.points[cells].mean(1) / (EDGES * unit)
        indices = np.round(centres - 0.5).astype(int)
        assert np.allclose(centres, indices + 0.5)
        results[name] = indices[:, ::-1]
    return results


def labels_of(mesh, names, shape, unit=1e6):
    """The label array that the element sets tell; 255 where there is no element."""
    labels = np.full(shape, 255)
    for name, indices in placed(mesh, unit).items():
        assert (labels[tuple(indices.T)] == 255).all()
        labels[tuple(indices.T)] = names.index(name)
    return labels


NAMES = ["PHASE_PORE", "PHASE_EPOXY_RESIN", "PHASE_C_FIBRE"]


def test_every_voxel_is_a_hexahedron_of_its_phase(volume, read):
    mesh, text = read()
    assert len(mesh.points) == 15 * 12 * 10
    assert {block.type for block in mesh.cells} == {"hexahedron"}
    assert list(mesh.cell_sets) == NAMES  # none of the phase that has no voxel
    assert np.array_equal(labels_of(mesh, NAMES, volume.shape), volume.labels)
    for block in mesh.cells:
        volumes = jacobians(mesh.points, block.data)
        assert np.allclose(volumes, EDGES.prod() * 1e18, rtol=1e-6, atol=0)  # um3, all positive
    assert "PLACEHOLDERS" in text
    assert text.count("*SOLID SECTION") == text.count("*MATERIAL") == 3
    assert max(map(len, text.splitlines())) <= 256  # what Abaqus reads of a line


def test_numbers_tell_the_voxel(volume, read):
    _, text = read()
    lines = text.splitlines()
    numbers = {}
    start = lines.index("*ELEMENT, TYPE=C3D8, ELSET=PHASE_C_FIBRE")
    for line in lines[start + 1 :]:
        if line.startswith("*"):
            break
        element, *nodes = map(int, line.split(","))
        numbers[element] = nodes
    z, y, x = (volume.labels == 2).nonzero()
    assert list(numbers) == (1 + x + 14 * (y + 11 * z)).tolist()
    assert [nodes[0] for nodes in numbers.values()] == (1 + x + 15 * (y + 12 * z)).tolist()


def test_units_scale_the_nodes(volume, read):
    for unit, metre in (("m", 1.0), ("mm", 1e3), ("um", 1e6), ("nm", 1e9)):
        mesh, text = read(unit=unit)
        assert np.allclose(mesh.points.max(0), np.array([14, 11, 9]) * EDGES * metre, atol=0)
        assert np.array_equal(labels_of(mesh, NAMES, volume.shape, metre), volume.labels)
        assert f"lengths in {unit}\n" in text


def test_sets_of_faces_edges_and_corners(read):
    mesh, _ = read()
    whole = mesh.points / (EDGES * 1e6)
    ends = dict(zip("XYZ", (14, 11, 9), strict=True))
    assert len(mesh.point_sets) == 6 + 12 + 8
    for name, nodes in mesh.point_sets.items():
        kind, *places = name.split("_")
        assert len(places) == {"FACE": 1, "EDGE": 2, "CORNER": 3}[kind]
        wanted = np.ones(len(whole), bool)
        for axis, end in places:
            wanted &= np.isclose(whole[:, "XYZ".index(axis)], ends[axis] * int(end))
        assert sorted(nodes) == wanted.nonzero()[0].tolist()


def test_phases_left_out_take_their_nodes_along(volume, read):
    mesh, text = read(without=("Pore",))
    kept = np.where(volume.labels == 0, 255, volume.labels)
    assert np.array_equal(labels_of(mesh, NAMES, volume.shape), kept)
    used = np.unique(np.concatenate([block.data.ravel() for block in mesh.cells]))
    assert np.array_equal(used, np.arange(len(mesh.points))) and len(used) < 15 * 12 * 10
    assert "PHASE_PORE" not in text
    by_label, _ = read(without=("0",))
    assert np.array_equal(by_label.points, mesh.points)


def test_names_stay_different(tmp_path):
    volume = Volume([[[0, 1, 2]]], phases=("a b", "a/b", "A_B"))
    export(volume, tmp_path / "a.inp")
    sets = meshio.read(tmp_path / "a.inp").cell_sets
    assert list(sets) == ["PHASE_A_B_0", "PHASE_A_B_1", "PHASE_A_B_2"]


def test_one_voxel(tmp_path):
    export(Volume([[[0]]]), tmp_path / "a.inp", equations=True)
    mesh = meshio.read(tmp_path / "a.inp")
    assert len(mesh.points) == 8 + 3 and len(mesh.cells[0].data) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"without": ("pores",)}, "unknown phase 'pores'"),
        (
            {"without": ("Pore", "1", "C/fibre")},
            "nothing is left without Pore, epoxy resin",
        ),
        ({"element": "C3D20"}, "exporter inp: element must be one of C3D8, .*, got 'C3D20'"),
    ],
)
def test_refuses_and_writes_nothing(volume, tmp_path, options, message):
    with pytest.raises(ReconError, match=message):
        export(volume, tmp_path / "a.inp", **options)
    assert not list(tmp_path.iterdir())


def test_element_types(read):
    mesh, text = read(element="C3D8R")
    assert "TYPE=C3D8R, ELSET" in text and mesh.cells[0].type == "hexahedron"
