import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.plugins.materials.materials import Materials
from recon.plugins.materials.voigt import build_frames, build_isotropic, rotate_stiffness
from recon.plugins.properties.bounds import elastic_bounds, outside_bounds
from recon.plugins.properties.orientation import directional_means


@st.composite
def fields(draw):
    """Unit vectors around some direction."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = rng.standard_normal((draw(st.integers(1, 20)), 3)) * rng.uniform(0, 1, 3)
    n += 1e-3
    return n / np.linalg.norm(n, axis=1, keepdims=True)


@pytest.mark.parametrize("name", ["t300-epoxy", "lee-yun", "glass-epoxy"])
@given(fields())
def test_means_are_those_of_the_rotated_voxels(name, directions):
    """By moments for T300 and glass, voxel by voxel for the fibre of lee-yun."""
    C = Materials.load(name).phases[1].stiffness
    turned = rotate_stiffness(C, build_frames(directions))
    stiffness, compliance = directional_means(C, directions)
    expected = np.linalg.inv(turned).mean(0)
    assert np.allclose(stiffness, turned.mean(0), atol=1e-10 * C.max())
    assert np.allclose(compliance, expected, atol=1e-10 * np.abs(expected).max())


@given(fields())
def test_bounds_with_a_field(directions):
    fibre = Materials.load("t300-epoxy").phases[1].stiffness
    matrix = build_isotropic(4.2, 0.34)
    stiffness, compliance = directional_means(fibre, directions)
    means = {
        "mean_stiffness": 0.3 * stiffness + 0.7 * matrix,
        "mean_compliance": 0.3 * compliance + 0.7 * np.linalg.inv(matrix),
    }
    pair = np.stack([matrix, fibre])
    bounds = elastic_bounds([0.7, 0.3], pair, **means)
    middle = (bounds["voigt"] + bounds["reuss"]) / 2
    assert outside_bounds(middle, [0.7, 0.3], pair, 1e-9, **means) == []
    assert np.linalg.eigvalsh(bounds["voigt"] - bounds["reuss"]).min() > -1e-9


def test_single_precision_fields_and_one_direction():
    C = Materials.load("t300-epoxy").phases[1].stiffness
    stiffness, compliance = directional_means(C, np.float32([[0, 0, 1]] * 70_000))
    assert np.allclose(stiffness, rotate_stiffness(C, build_frames([0, 0, 1])))
    assert np.allclose(compliance @ stiffness, np.eye(6))
