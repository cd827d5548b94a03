"""Classes of the orientation of interfaces in slices."""

import numpy as np
import pytest

from recon.plugins.refiners.local_orientation import BINS, classify_orientation


def stripes(degrees, phases=2):
    """Stripes whose normal is turned by some degrees from the columns towards the rows."""
    rows, columns = np.mgrid[:64, :64]
    turn = np.radians(degrees)
    across = np.cos(turn) * columns + np.sin(turn) * rows
    return (across // 6 % phases).astype(np.uint8)


@pytest.mark.parametrize("phases", [2, 3])
@pytest.mark.parametrize("bin", range(BINS))
def test_stripes_are_of_the_class_of_their_normal(bin, phases):
    slices = stripes(180 * bin / BINS, phases)[None]
    middle = classify_orientation(slices, phases)[0, 12:-12, 12:-12]
    assert (middle == 2 + bin).mean() > 0.98


def test_a_chess_board_has_no_orientation_and_one_phase_no_interface():
    board = (np.indices((48, 48)) // 6).sum(0) % 2
    flat = np.zeros((48, 48), int)
    classes = classify_orientation(np.stack([board, flat]).astype(np.uint8), 2)
    assert (classes[0, 12:-12, 12:-12] <= 1).mean() > 0.5 and (classes[1] == 0).all()


def test_every_slice_is_classified_by_itself():
    slices = np.stack([stripes(20), stripes(70), stripes(110)])
    together = classify_orientation(slices, 2)
    for one, of in zip(slices, together, strict=True):
        assert np.array_equal(classify_orientation(one[None], 2)[0], of)
