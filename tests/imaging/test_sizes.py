"""Sizes of voxels and pixels as flags give them."""

import pytest

from recon.core import ReconError
from recon.imaging.sizes import parse_pixel_size, parse_voxel_size


def test_a_voxel_size_is_one_length_or_three():
    assert parse_voxel_size("0.4um") == (4e-7,) * 3
    assert parse_voxel_size("0.5um, 400nm,3e2nm") == (5e-7, 4e-7, 3e-7)


def test_a_pixel_size_is_one_length_or_two():
    assert parse_pixel_size("0.2um") == (2e-7,) * 2
    assert parse_pixel_size("0.3um, 200nm") == (3e-7, 2e-7)


@pytest.mark.parametrize("text", ["0,4um", "1um,2um,3um,4um", "0.4,0.4,0.5um", "1um,,1um", ""])
def test_other_voxel_sizes_are_refused(text):
    with pytest.raises(ReconError):
        parse_voxel_size(text)


@pytest.mark.parametrize("text", ["0,4um", "1um,2um,3um", "1um,,1um", ""])
def test_other_pixel_sizes_are_refused(text):
    with pytest.raises(ReconError):
        parse_pixel_size(text)
