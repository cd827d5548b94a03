"""Tetrahedra of second order, read by other libraries."""

import meshio
import numpy as np
import pytest
import pyvista
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.core import Volume
from recon.core.exporters import export
from recon.core.testing import labels
from recon.plugins.exporters.tetrahedra.mesh import build_mesh
from recon.plugins.exporters.tetrahedra.second_order import EDGES, add_edge_nodes
from recon.plugins.exporters.tetrahedra.sizing import Sizing


@pytest.fixture(scope="module")
def volume():
    places = np.indices((5, 4, 6))
    waves = np.sin(places[0] / 2) + np.cos(places[1] / 1.7) + np.sin(places[2] / 2.3)
    return Volume(np.digitize(waves, (0.2, 0.9)), (2e-6, 1e-6, 1e-6), ("pore", "solid", "skin"))


sizings = st.sampled_from([None, Sizing({0: 4.0, 1: 4.0, 2: 2.0}, surface=2.0)])


@given(labels(max_side=5, phases=3), st.sets(st.integers(0, 2), min_size=1), sizings)
@settings(deadline=None, max_examples=50)
def test_neighbours_share_the_node_in_the_middle_of_an_edge(array, chosen, sizing):
    if not np.isin(array, list(chosen)).any():
        return
    periodic = (sizing is None,) * 3
    first = build_mesh(array, list(chosen), (1.0, 1.0, 1.0), periodic, sizing)
    second = add_edge_nodes(first, array.shape)
    ends = np.sort(first.tetrahedra[:, EDGES], 2).reshape(-1, 2)
    assert len(second.nodes) == len(first.nodes) + len(np.unique(ends, axis=0))
    assert np.array_equal(np.unique(second.tetrahedra), np.arange(len(second.nodes)))
    corners = second.nodes[second.tetrahedra[:, :4]]
    assert np.array_equal(corners, first.nodes[first.tetrahedra])
    assert np.allclose(second.nodes[second.tetrahedra[:, 4:]], corners[:, EDGES].mean(2))
    assert (np.diff(second.numbers) > 0).all()
    for pair, triangles in second.interfaces.items():
        assert np.array_equal(second.nodes[triangles[:, :3]], first.nodes[first.interfaces[pair]])
        places = second.nodes[triangles]
        assert np.allclose(places[:, 3:], (places[:, :3] + places[:, [1, 2, 0]]) / 2)


def test_msh_has_its_middle_nodes_in_the_order_of_gmsh(volume, tmp_path):
    """meshio turns the order of the edges into its own: each node then lies in a middle."""
    export(volume, tmp_path / "a.msh", order=2)
    mesh = meshio.read(tmp_path / "a.msh")
    elements = np.concatenate([block.data for block in mesh.cells if block.type == "tetra10"])
    assert len(elements) == 6 * volume.labels.size
    places = mesh.points[elements]
    edges = [(0, 1), (1, 2), (2, 0), (0, 3), (1, 3), (2, 3)]
    middles = np.stack([places[:, pair].mean(1) for pair in edges], 1)
    assert np.allclose(places[:, 4:], middles)


def test_vtu_xdmf_and_bdf_hold_ten_nodes(volume, tmp_path):
    export(volume, *(tmp_path / name for name in ("a.vtu", "a.xdmf", "a.bdf")), order=2)
    cells = pyvista.read(tmp_path / "a.vtu").compute_cell_sizes()["Volume"]
    assert cells.min() > 0 and cells.sum() == pytest.approx(240)
    facets = meshio.read(tmp_path / "a_facets.xdmf")
    assert facets.cells[0].type == "triangle6"
    assert meshio.read(tmp_path / "a.bdf").cells[0].data.shape == (720, 10)


def test_inp_has_periodic_equations_for_all_nodes(volume, tmp_path):
    export(volume, tmp_path / "a.inp", element="C3D10", equations=True)
    read = meshio.read(tmp_path / "a.inp")
    assert {block.type for block in read.cells} == {"tetra10"}
    x0, x1 = (np.sort(read.point_sets[f"FACE_X{end}"]) for end in (0, 1))
    assert len(x0) == 9 * 11  # of the lattice of half voxels
    assert np.allclose(read.points[x0] + [6, 0, 0], read.points[x1])
    text = (tmp_path / "a.inp").read_text()
    block = text.split("*EQUATION\n")[1].split("*")[0]
    eliminated = [row.split(",")[:2] for row in block.splitlines() if row.endswith("-1.")]
    outer = 11 * 9 * 13 - 9 * 7 * 11
    inner_of_faces = 2 * (9 * 7 + 9 * 11 + 7 * 11) + 4 * (9 + 7 + 11) + 8
    assert outer == inner_of_faces
    alone = (9 * 7 + 9 * 11 + 7 * 11) + (9 + 7 + 11) + 1  # one of each group of images is kept
    assert len(eliminated) >= 3 * (outer - alone)
