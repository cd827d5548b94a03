"""Surface density: a direct count, its tie to two-point, spheres and laminates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.core import Micrographs, Volume
from recon.core.testing import check_plugin
from recon.core.testing import labels as textures
from recon.plugins.metrics.surface_density import SurfaceDensity, count_faces
from recon.plugins.metrics.two_point import TwoPoint

NAMES = "abc"
AXES = {"x": 2, "y": 1, "z": 0}


def direct(mask, axis, periodic):
    if periodic:
        return (mask != np.roll(mask, 1, axis)).mean()
    changes = np.diff(mask.astype(int), axis=axis) != 0
    return changes.mean() if changes.size else np.nan


@given(textures(long_side=70), st.booleans())
def test_faces_equal_a_direct_count(labels, periodic):
    values = SurfaceDensity(periodic=periodic).measure(Volume(labels, phases=NAMES))
    faces = values["faces"]
    assert faces.dims == ("phase", "direction") and list(faces.direction) == list(AXES)
    expected = [
        [direct(labels == phase, axis, periodic) for axis in AXES.values()] for phase in range(3)
    ]
    np.testing.assert_allclose(faces, expected, atol=1e-12)
    surface = 2 * faces.mean("direction") if faces.notnull().any() else faces.mean("direction")
    np.testing.assert_allclose(values["specific_surface"], surface, atol=1e-12)


@given(textures(long_side=70))
def test_it_is_the_first_step_of_two_point(labels):
    """S2(0) - S2(1) = faces / 2, periodic."""
    volume = Volume(labels, phases=NAMES)
    pair = TwoPoint(max_lag=1, periodic=True).measure(volume)
    faces = SurfaceDensity(periodic=True).measure(volume)["faces"]
    np.testing.assert_allclose(pair.sel(lag=0) - pair.sel(lag=1), faces / 2, atol=1e-12)


@given(textures(phases=2, long_side=70), st.booleans())
def test_two_phases_share_their_interface(labels, periodic):
    faces = SurfaceDensity(periodic=periodic).measure(Volume(labels, phases="ab"))["faces"]
    np.testing.assert_array_equal(faces[0], faces[1])


@given(textures(), st.tuples(*[st.integers(-9, 9)] * 3), st.permutations(range(3)))
def test_periodic_translation_tiling_and_relabelling(labels, shift, order):
    metric = SurfaceDensity(periodic=True)
    values = metric.measure(Volume(labels, phases=NAMES))
    rolled = metric.measure(Volume(np.roll(labels, shift, (0, 1, 2)), phases=NAMES))
    assert rolled.identical(values)
    tiled = metric.measure(Volume(np.tile(labels, (2, 1, 3)), phases=NAMES))
    np.testing.assert_allclose(tiled["faces"], values["faces"], atol=1e-12)
    moved = metric.measure(Volume(np.array(order)[labels], phases=NAMES))
    np.testing.assert_array_equal(moved["faces"].values[list(order)], values["faces"])


@given(textures(), st.data())
def test_counts_of_parts_with_a_common_layer_add_up(labels, data):
    cut = data.draw(st.integers(0, labels.shape[1] - 1))
    parts = [labels[:, : cut + 1], labels[:, cut:]]
    total = sum(count_faces(np.ascontiguousarray(part), 3, False) for part in parts)
    np.testing.assert_array_equal(total, count_faces(labels, 3, False))


@given(textures(min_side=2))
def test_all_slices_of_a_volume_give_what_the_volume_gives(labels):
    slices = {plane: np.moveaxis(labels, axis, 0) for axis, plane in enumerate(("xy", "xz", "yz"))}
    whole = SurfaceDensity().measure(Volume(labels, phases=NAMES))
    assert SurfaceDensity().measure(Micrographs(slices, phases=NAMES)).identical(whole)


def test_a_direction_that_no_plane_shows_is_absent():
    values = SurfaceDensity().measure(Micrographs({"xz": [np.arange(12).reshape(3, 4) % 2]}))
    assert list(values["direction"]) == ["x", "z"]
    assert values["faces"].values.tolist() == [[1, 0], [1, 0]]


@pytest.mark.parametrize("radius", [6, 10, 15.5])
def test_a_sphere_has_its_surface_within_two_per_cent(radius):
    """The faces normal to an axis are twice the projection, a disc of pixels."""
    rng = np.random.default_rng(0)
    side = int(2 * radius) + 6
    rows = []
    for _ in range(5):
        centre = side / 2 + rng.uniform(-0.5, 0.5, (3, 1, 1, 1))
        inside = np.square(np.indices((side,) * 3) - centre).sum(0) < radius**2
        surface = SurfaceDensity(periodic=True).measure(Volume(inside))["specific_surface"]
        rows.append(surface.sel(phase=1).item() * side**3)
    assert np.mean(rows) == pytest.approx(4 * np.pi * radius**2, rel=0.02)


def test_a_laminate_has_the_faces_of_its_layers_and_two_thirds_of_them_as_estimate():
    labels = np.broadcast_to(np.arange(24)[:, None, None] % 12 < 5, (24, 4, 6))
    values = SurfaceDensity(periodic=True).measure(Volume(labels))
    np.testing.assert_allclose(values["faces"], [[0, 0, 1 / 6]] * 2)
    np.testing.assert_allclose(values["specific_surface"], 1 / 9)


def test_an_ellipsoid_of_long_voxels_is_the_sphere_that_it_is():
    edges, radius = np.array([2.0, 1.0, 1.0]), 12
    places = np.indices((16, 32, 32)) * edges[:, None, None, None] - 16.3
    inside = np.square(places).sum(0) < radius**2
    volume = Volume(inside, tuple(edges * 1e-6))
    surface = SurfaceDensity(periodic=True).measure(volume)["specific_surface"].sel(phase=1)
    assert surface.item() * 32**3 == pytest.approx(4 * np.pi * radius**2, rel=0.02)


@pytest.mark.parametrize("periodic", [False, True])
def test_absent_phases_and_single_voxels(periodic):
    metric = SurfaceDensity(periodic=periodic)
    values = metric.measure(Volume(np.zeros((3, 4, 5), int), phases="ab"))
    assert (values["faces"] == 0).all() and (values["specific_surface"] == 0).all()
    single = metric.measure(Volume(np.zeros((1, 1, 1), int)))
    assert np.isnan(single["faces"]).all() != periodic
    assert np.isnan(single["specific_surface"]).all() != periodic


def test_it_keeps_the_contract_of_a_metric():
    check_plugin(SurfaceDensity, periodic=True)
