import numpy as np
import pytest

from recon.core import ReconError
from recon.core.data.planes import AXES, NORMAL, PLANES
from recon.imaging.symmetry import repeat_plane, turn_plane

CUBE = (1.0, 1.0, 1.0)


def test_isotropic_uses_the_one_plane_for_all():
    image = np.arange(6, dtype=np.uint8).reshape(2, 3)
    stacks = repeat_plane({"xz": [image]}, CUBE)
    assert list(stacks) == list(PLANES)
    assert all((stack[0] == image).all() for stack in stacks.values())


def test_isotropic_needs_one_plane_and_cubes():
    image = np.zeros((2, 2), np.uint8)
    with pytest.raises(ReconError, match="exactly one plane, got xy, xz"):
        repeat_plane({"xy": [image], "xz": [image]}, CUBE)
    with pytest.raises(ReconError, match="same length along z, y, x"):
        repeat_plane({"xy": [image]}, (2.0, 1.0, 1.0))


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("which", [0, 1])
def test_transverse_sees_layers_normal_to_the_axis_on_both_planes(axis, which):
    """A laminate of layers normal to the axis is the same from all sides around it."""
    along = AXES.index(axis)
    volume = np.moveaxis(np.zeros((4, 4, 4), np.uint8) + np.arange(4, dtype=np.uint8), 2, along)
    cut = {plane: [volume.take(0, NORMAL[plane])] for plane in PLANES}
    normal = next(plane for plane in PLANES if NORMAL[plane] == along)
    given = [plane for plane in PLANES if plane != normal][which]
    size = tuple(2.0 if axis == other else 1.0 for other in AXES)
    stacks = turn_plane({normal: cut[normal], given: cut[given]}, axis, size)
    assert set(stacks) == set(PLANES)
    for plane in PLANES:
        np.testing.assert_array_equal(stacks[plane][0], cut[plane][0])


@pytest.mark.parametrize("planes", [["xy"], ["xz", "yz"], ["xy", "xz", "yz"], ["xz"]])
def test_transverse_needs_the_normal_plane_and_one_more(planes):
    with pytest.raises(ReconError, match='transverse="z" needs the plane xy and one of xz and yz'):
        turn_plane({plane: [np.zeros((2, 2), np.uint8)] for plane in planes}, "z", CUBE)


def test_transverse_needs_square_voxels_around_the_axis():
    planes = {"xy": [np.zeros((2, 2), np.uint8)], "xz": [np.zeros((2, 2), np.uint8)]}
    with pytest.raises(ReconError, match="same length along y, x"):
        turn_plane(planes, "z", (1.0, 1.0, 2.0))
