"""Periodic equations: hold for a field of constant gradient, tie every pair once and no more."""

import meshio
import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from recon.core import Volume
from recon.core.exporters import export

SIDES = np.array([2.8, 4.4, 4.5])  # x, y, z, um


def exported(volume, path, **options):
    """Coordinates by node number, the equations as lists of (node, dof, factor), the sets."""
    export(volume, path, equations=True, **options)
    lines = iter(path.read_text().splitlines())
    points, equations = {}, []
    for line in lines:
        if line == "*NODE":
            break
    for line in lines:
        if line.startswith("*"):
            break
        number, *place = line.split(",")
        points[int(number)] = np.array(place, float)
    for line in lines:
        if line == "*EQUATION":
            break
    for line in lines:
        if line.startswith("*"):
            break
        terms, count = [], int(line)
        while len(terms) < count:
            row = next(lines).split(",")
            assert len(row) % 3 == 0 and len(row) <= 12
            terms += [
                (int(n), int(dof), float(factor))
                for n, dof, factor in zip(row[::3], row[1::3], row[2::3], strict=True)
            ]
        assert len(terms) == count
        equations.append(terms)
    return points, equations, meshio.read(path).point_sets


def references(points):
    """Numbers of REF_X, REF_Y, REF_Z: the last three nodes."""
    return sorted(points)[-3:]


def residuals(points, equations, gradient):
    """Of each equation for the displacements H x, with the reference nodes at H_a L_a."""
    moved = {number: gradient @ place for number, place in points.items()}
    for axis, number in enumerate(references(points)):
        moved[number] = gradient[:, axis] * SIDES[axis]
    return np.array([sum(f * moved[n][dof - 1] for n, dof, f in terms) for terms in equations])


@pytest.mark.parametrize("without", [(), ("Pore",), ("C/fibre",)])
def test_equations(volume, tmp_path, without):
    points, equations, sets = exported(volume, tmp_path / "a.inp", without=without)
    gradient = np.random.default_rng(3).standard_normal((3, 3))
    assert np.abs(residuals(points, equations, gradient)).max() < 1e-9
    # no node hangs twice, and none hangs on one that hangs
    first = [(terms[0][0], terms[0][1]) for terms in equations]
    assert len(set(first)) == len(first)
    assert not set(first) & {(n, dof) for terms in equations for n, dof, _ in terms[1:]}
    # every pair of opposite nodes, both there, is tied: their group is one component
    inside = [number for number in points if number not in references(points)]
    place = {number: k for k, number in enumerate(inside)}
    wrapped = np.round(np.array([points[n] for n in inside]) / [0.2, 0.4, 0.5]).astype(int)
    _, group = np.unique(wrapped % [14, 11, 9], axis=0, return_inverse=True)
    pairs = [(place[t[0][0]], place[t[1][0]]) for t in equations if t[0][1] == 1]
    graph = csr_array((np.ones(len(pairs)), np.array(pairs).T), shape=(len(inside),) * 2)
    count, component = connected_components(graph, directed=False)
    assert count == group.max() + 1
    assert len(set(zip(component.tolist(), group.ravel().tolist(), strict=True))) == count
    # the node that is held against translation hangs on nothing
    (fixed,) = sets["FIXED"]
    assert sorted(points)[fixed] not in {n for n, _ in first}
    for axis, name in enumerate(("REF_X", "REF_Y", "REF_Z")):
        (number,) = sets[name]
        assert sorted(points)[number] == references(points)[axis]


def test_a_full_box_has_an_equation_for_each_far_node(volume, tmp_path):
    points, equations, _ = exported(volume, tmp_path / "a.inp")
    far = 15 * 12 * 10 - 14 * 11 * 9
    assert len(equations) == 3 * far
    # a wrong jump is seen: the equations are not empty of references
    _, _, gradient = points, equations, np.eye(3)
    broken = {n: p * [1, 1, 1.01] for n, p in points.items()}
    assert np.abs(residuals(broken, equations, gradient)).max() > 1e-2


def test_images_across_a_pore_corner_are_tied_to_each_other(tmp_path):
    """The nodes of an edge whose own image is missing hang on the first that is there."""
    labels = np.ones((3, 3, 3), int)
    labels[0, 0, :] = 0
    volume = Volume(labels, (4.5e-6 / 3, 4.4e-6 / 3, 2.8e-6 / 3))
    points, equations, _ = exported(volume, tmp_path / "a.inp", without=("0",))
    assert 1 not in points  # corner 0, 0, 0
    signs = {f for terms in equations for n, _, f in terms[2:]}
    assert signs == {1.0, -1.0}
    assert np.abs(residuals(points, equations, np.arange(9.0).reshape(3, 3))).max() < 1e-8
