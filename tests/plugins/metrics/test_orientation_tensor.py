"""Orientation tensor: cylinders along known axes, and what every such tensor satisfies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.core import Micrographs, ReconError, Volume
from recon.core.testing import check_plugin
from recon.core.testing import labels as textures
from recon.plugins.metrics.orientation_tensor import OrientationTensor


def cylinder(along, radius=4.0, side=28, edges=(1.0, 1.0, 1.0)):
    """A cylinder through the middle of the volume, its axis (x, y, z) given."""
    edges = np.array(edges)
    places = np.indices((side,) * 3) * edges[:, None, None, None]
    offset = np.moveaxis(places, 0, -1)[..., ::-1] - (side - 1) / 2 * edges[::-1]
    unit = np.array(along) / np.linalg.norm(along)
    return np.square(np.cross(offset, unit)).sum(-1) < radius**2, unit


@pytest.mark.parametrize(
    "along", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (0, 1, 1), (1, -2, 3)]
)
def test_a_cylinder_has_the_dyad_of_its_axis(along):
    labels, unit = cylinder(along)
    values = OrientationTensor().measure(Volume(labels))
    assert values["tensor"].dims == ("axis", "axis2") and list(values["axis"]) == ["x", "y", "z"]
    np.testing.assert_allclose(values["tensor"], np.outer(unit, unit), atol=0.02)
    np.testing.assert_allclose(values["eigenvalues"], [1, 0, 0], atol=0.02)


def test_long_voxels_do_not_turn_a_cylinder():
    edges = (1.5, 1.0, 1.0)
    labels, unit = cylinder((1, 0, 1), edges=edges)
    tensor = OrientationTensor().measure(Volume(labels, edges))["tensor"]
    np.testing.assert_allclose(tensor, np.outer(unit, unit), atol=0.03)


def test_crossed_fibres_average():
    labels = np.zeros((40, 40, 40), int)
    labels[:20], labels[20:] = cylinder((1, 0, 0), 4, 40)[0][10:30], 0
    labels[20:] = cylinder((0, 1, 0), 4, 40)[0][10:30]
    labels[18:22] = 0
    values = OrientationTensor().measure(Volume(labels))
    np.testing.assert_allclose(np.diag(values["tensor"]), [0.5, 0.5, 0], atol=0.08)


@settings(max_examples=15)
@given(textures(min_side=4, max_side=12), st.integers(0, 2), st.booleans())
def test_symmetric_positive_and_of_trace_one(labels, phase, periodic):
    metric = OrientationTensor(phase=phase, periodic=periodic)
    result = metric.measure(Volume(labels, phases="abc"))
    tensor, values = result["tensor"].values, result["eigenvalues"].values
    if not (labels == phase).any():
        assert np.isnan(tensor).all() and np.isnan(values).all()
        return
    assert (tensor == tensor.T).all()
    assert np.trace(tensor) == pytest.approx(1, abs=1e-12)
    assert values.sum() == pytest.approx(1) and (np.diff(values) <= 0).all()
    assert values[-1] > -1e-12


def test_swapping_axes_swaps_the_tensor():
    rng = np.random.default_rng(0)
    labels = (rng.random((8, 8, 6)) < 0.4).repeat(3, 0).repeat(2, 1).repeat(5, 2)
    tensor = OrientationTensor().measure(Volume(labels))["tensor"].values
    swapped = OrientationTensor().measure(Volume(labels.swapaxes(0, 2)))["tensor"].values
    np.testing.assert_allclose(swapped, tensor[::-1, ::-1], atol=1e-4)


def test_periodic_translation_changes_nothing():
    labels = np.random.default_rng(1).integers(0, 2, (6, 7, 8)).repeat(3, 0).repeat(3, 1)
    metric = OrientationTensor(periodic=True)
    tensor = metric.measure(Volume(labels))["tensor"]
    moved = metric.measure(Volume(np.roll(labels, (5, 3, 2), (0, 1, 2))))["tensor"]
    np.testing.assert_allclose(moved, tensor, atol=1e-5)


def test_micrographs_are_refused():
    with pytest.raises(ReconError, match="metric orientation-tensor needs a volume, got microgr"):
        OrientationTensor().measure(Micrographs({"xy": [np.zeros((3, 4), int)]}))


def test_it_keeps_the_contract_of_a_metric():
    check_plugin(OrientationTensor, phase=0, periodic=True)
