"""Tetrahedral meshes: conforming, tagged, periodic, never inverted."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from recon.core.testing import labels
from recon.plugins.exporters.tetrahedra.mesh import build_mesh
from recon.plugins.exporters.tetrahedra.quality import measure_elements
from recon.plugins.exporters.tetrahedra.sizing import Sizing

FACES = ((1, 2, 3), (0, 3, 2), (0, 1, 3), (0, 2, 1))
"""Of a tetrahedron, normals outward."""
EDGES = tuple(combinations(range(4), 2))
small = labels(max_side=6, phases=4)
axes = st.tuples(st.booleans(), st.booleans(), st.booleans())
lengths = st.sampled_from([1.0, 2.0, 3.0, 8.0])
sizings = st.none() | st.builds(
    Sizing,
    st.dictionaries(st.integers(0, 3), lengths),
    st.sampled_from([1.0, 2.0, 4.0]),
    st.sampled_from([0.0, 0.5, 2.0]),
)
"""None: all elements have the size of a voxel."""


def mesh_of(array, periodic=(False,) * 3, chosen=range(4), edges=(1.0, 1.0, 1.0), sizing=None):
    return build_mesh(array, list(chosen), edges, periodic, sizing)


def list_faces(mesh):
    """Sorted corners of every face, its corners in order, and the element of each."""
    faces = np.concatenate([mesh.tetrahedra[:, face] for face in FACES])
    return np.sort(faces, 1), faces, np.tile(np.arange(len(mesh.tetrahedra)), 4)


def normals(mesh, triangles):
    a, b, c = (mesh.nodes[triangles[:, k]] for k in range(3))
    return np.cross(b - a, c - a)


@pytest.mark.slow
@given(small, axes, sizings)
@settings(deadline=None, max_examples=100)
def test_it_fills_the_box_and_no_element_is_flat(array, periodic, sizing):
    mesh = mesh_of(array, periodic, sizing=sizing)
    volumes, qualities = measure_elements(mesh.nodes, mesh.tetrahedra)
    assert np.array_equal(qualities, mesh.qualities) and qualities.min() > 0.0999
    assert np.isclose(volumes.sum(), array.size)
    for phase in range(4):
        share = volumes[mesh.phases == phase].sum() / array.size
        assert abs(share - (array == phase).mean()) <= 0.00801


@pytest.mark.slow
@given(small, axes, sizings)
@settings(deadline=None, max_examples=100)
def test_faces_inside_are_shared_by_two_and_interfaces_lie_between_their_phases(
    array, periodic, sizing
):
    mesh = mesh_of(array, periodic, sizing=sizing)
    keys, corners, owner = list_faces(mesh)
    results: dict[tuple[int, ...], list[tuple[int, tuple[int, ...]]]] = {}
    for key, face, element in zip(keys.tolist(), corners.tolist(), owner.tolist(), strict=True):
        results.setdefault(tuple(key), []).append((element, tuple(face)))
    outer = {key for key, owners in results.items() if len(owners) == 1}
    assert all(len(owners) in (1, 2) for owners in results.values())
    named = np.concatenate(list(mesh.faces.values()))
    assert {tuple(sorted(face)) for face in named.tolist()} == outer and len(named) == len(outer)
    between = {
        key: tuple(sorted(int(mesh.phases[element]) for element, _ in owners))
        for key, owners in results.items()
        if len(owners) == 2
    }
    expected = {key: pair for key, pair in between.items() if pair[0] != pair[1]}
    told = {
        tuple(sorted(face)): pair
        for pair, triangles in mesh.interfaces.items()
        for face in triangles.tolist()
    }
    assert told == expected
    for (first, _), triangles in mesh.interfaces.items():
        for face in triangles.tolist():  # it points out of the phase named first
            turns = [face[k:] + face[:k] for k in range(3)]
            outward = [one for e, one in results[tuple(sorted(face))] if mesh.phases[e] == first]
            assert any(list(outward[0]) == turn for turn in turns)


@given(small, sizings)
@settings(deadline=None, max_examples=60)
def test_outer_faces_are_planes_and_face_outward(array, sizing):
    mesh = mesh_of(array, edges=(0.5, 1.0, 2.0), sizing=sizing)
    box = np.array(array.shape)[::-1] * (0.5, 1.0, 2.0)
    for axis, name in enumerate("xyz"):
        for end in (0, 1):
            triangles = mesh.faces[f"{name}{end}"]
            assert np.allclose(mesh.nodes[triangles][..., axis], end * box[axis])
            out = normals(mesh, triangles)
            assert (np.sign(out[:, axis]) == 2 * end - 1).all()
            assert np.isclose(np.linalg.norm(out, axis=1).sum() / 2, np.prod(np.delete(box, axis)))


@given(small, axes, sizings)
@settings(deadline=None, max_examples=60)
def test_nodes_of_periodic_faces_lie_alike(array, periodic, sizing):
    mesh = mesh_of(array, periodic, sizing=sizing)
    for axis, name in enumerate("zyx"):
        if not periodic[axis]:
            continue
        ends = [np.unique(mesh.faces[f"{name}{end}"]) for end in (0, 1)]
        jump = np.eye(3)[2 - axis] * array.shape[axis]
        assert np.allclose(mesh.nodes[ends[0]] + jump, mesh.nodes[ends[1]], atol=1e-12)


@given(small, st.sets(st.integers(0, 3), min_size=1), sizings)
@settings(deadline=None, max_examples=60)
def test_phases_left_out_leave_no_node_behind(array, chosen, sizing):
    if not np.isin(array, list(chosen)).any():
        return
    mesh = mesh_of(array, chosen=chosen, sizing=sizing)
    assert set(mesh.phases.tolist()) == set(array.ravel().tolist()) & chosen
    assert np.array_equal(np.unique(mesh.tetrahedra), np.arange(len(mesh.nodes)))
    surfaces = [*mesh.interfaces.values(), *mesh.faces.values()]
    assert all((triangles >= 0).all() for triangles in surfaces)
    keys, _, _ = list_faces(mesh)
    each, counts = np.unique(keys, axis=0, return_counts=True)
    lone = {tuple(key) for key in each[counts == 1]}
    told = {tuple(sorted(face)) for triangles in surfaces for face in triangles.tolist()}
    assert lone <= told  # every free surface has a name


def test_a_sphere_is_round():
    places = np.indices((30, 30, 30)) + 0.5 - 15
    ball = ((places**2).sum(0) < 12**2).astype(np.uint8)
    mesh = mesh_of(ball, chosen=(0, 1))
    area = np.linalg.norm(normals(mesh, mesh.interfaces[0, 1]), axis=1).sum() / 2
    assert area == pytest.approx(4 * np.pi * 12**2, rel=0.05)  # voxel faces: 48 % too much
    radii = np.linalg.norm(mesh.nodes[np.unique(mesh.interfaces[0, 1])] - 15, axis=1)
    assert abs(radii.mean() - 12) < 0.1 and radii.std() < 0.25


def count_parts(cells, corners):
    """Euler characteristic of a complex of simplices, and its parts connected by their sides."""
    simplices = [np.unique(cells)[:, None]]
    for size in range(2, corners + 1):
        sets = [cells[:, list(chosen)] for chosen in combinations(range(corners), size)]
        simplices.append(np.unique(np.sort(np.concatenate(sets), 1), axis=0))
    euler = sum((-1) ** k * len(each) for k, each in enumerate(simplices))
    sides = [np.delete(np.sort(cells, 1), k, 1) for k in range(corners)]
    _, side = np.unique(np.concatenate(sides), axis=0, return_inverse=True)
    owner = np.tile(np.arange(len(cells)), corners)
    ends = (np.ones(len(side)), (owner, side.ravel()))
    shares = sparse.csr_matrix(ends, (len(cells), side.max() + 1))
    return euler, sparse.csgraph.connected_components(shares @ shares.T)[0]


@pytest.mark.slow
@given(small, axes, sizings)
@settings(deadline=None, max_examples=60)
def test_larger_elements_keep_the_topology(array, periodic, sizing):
    fine, mesh = mesh_of(array, periodic), mesh_of(array, periodic, sizing=sizing)
    assert set(mesh.interfaces) == set(fine.interfaces)
    for pair, triangles in fine.interfaces.items():
        assert count_parts(mesh.interfaces[pair], 3) == count_parts(triangles, 3)
    for phase in np.unique(array):
        cells, before = (one.tetrahedra[one.phases == phase] for one in (mesh, fine))
        assert count_parts(cells, 4) == count_parts(before, 4)
    assert set(mesh.numbers.tolist()) <= set(fine.numbers.tolist())


def make_ball(side=32, radius=9):
    places = np.indices((side,) * 3) + 0.5 - side / 2
    return ((places**2).sum(0) < radius**2).astype(np.uint8)


@pytest.mark.slow
def test_sizes_follow_the_phase_and_the_distance():
    mesh = mesh_of(make_ball(), sizing=Sizing({0: 8.0, 1: 1.0}))
    ends = mesh.nodes[mesh.tetrahedra]
    edge = np.cbrt(6 * measure_elements(mesh.nodes, mesh.tetrahedra)[0])
    far = np.linalg.norm(ends.mean(1) - 16, axis=1) - 9
    assert (mesh.phases == 1).sum() == 6 * make_ball().sum()  # as the voxels are
    means = [edge[(far > low) & (far < low + 3)].mean() for low in (0, 4, 8)]
    assert np.all(np.diff(means) > 0.3) and means[0] < 2 < 3 < means[-1]
    longest = max(np.linalg.norm(ends[:, i] - ends[:, j], axis=1).max() for i, j in EDGES)
    assert longest <= 2 * 8 + 1e-9
    coarse = mesh_of(make_ball(), sizing=Sizing({0: 8.0, 1: 8.0}, surface=1.0))
    assert len(coarse.tetrahedra) < len(mesh.tetrahedra) < 0.5 * 6 * 32**3
    assert np.array_equal(mesh.nodes[mesh.interfaces[0, 1]], coarse.nodes[coarse.interfaces[0, 1]])


def test_a_coarser_interface_stays_where_it_is():
    fine, mesh = mesh_of(make_ball()), mesh_of(make_ball(), sizing=Sizing({}, surface=3.0))
    before, after = fine.interfaces[0, 1], mesh.interfaces[0, 1]
    assert len(after) < 0.6 * len(before)
    radii = np.linalg.norm(mesh.nodes[after].mean(1) - 16, axis=1)
    assert abs(radii - 9).max() < 0.8  # voxels; that of the fine one is .5
    volumes = measure_elements(mesh.nodes, mesh.tetrahedra)[0]
    assert volumes[mesh.phases == 1].sum() == pytest.approx(make_ball().sum(), abs=0.008 * 32**3)
