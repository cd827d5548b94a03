import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recon.core import ReconError
from recon.imaging.labels import (
    describe_absent_phases,
    describe_few_values,
    find_label_values,
    label_by_value,
)
from recon.imaging.load import ImageNotice, load_images


def to_labels(planes, phases=None):
    return label_by_value(planes, find_label_values(planes, phases))


values = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=8, unique=True)


@given(values, arrays(np.uint8, (4, 5), elements=st.integers(0, 7)))
def test_values_become_labels_in_ascending_order(values, choice):
    image = np.array(values)[choice % len(values)]
    image.ravel()[: len(values)] = values
    labels, notice = to_labels({"xy": [image]})
    np.testing.assert_array_equal(np.array(sorted(values))[labels["xy"][0]], image)
    assert labels["xy"][0].dtype == np.uint8
    assert ", ".join(map(str, sorted(values))) in notice


def test_integer_types_may_be_mixed_and_are_compared_exactly():
    large = 2**53
    labels, _ = to_labels(
        {
            "xy": [np.array([[large, large + 1]], np.uint64)],
            "xz": [np.array([[large + 1, large]], np.int64)],
        }
    )
    assert labels["xy"][0].tolist() == [[0, 1]]
    assert labels["xz"][0].tolist() == [[1, 0]]


def test_a_slice_may_lack_a_phase_that_its_plane_shows():
    labels, _ = to_labels({"xy": [np.zeros((1, 2), int), np.full((1, 2), 255)]})
    assert [image.tolist() for image in labels["xy"]] == [[[0, 0]], [[1, 1]]]


@pytest.mark.parametrize(
    ("planes", "message"),
    [
        ({"xy": [np.zeros((2, 2), int)]}, "at least two phases, got only the value 0"),
        ({"xy": [np.arange(9)[None]]}, "xy images are grey"),
        ({"xy": [np.array([[0, 1]])], "yz": [np.arange(9)[None]]}, "yz images are grey"),
        ({"xy": [np.array([[0.0, 1.0]])]}, "real numbers (float64), so they are grey"),
        ({"xy": [np.array([[0, 1]])], "xz": [np.array([[0, 255]])]}, "xy 0, 1; xz 0, 255"),
        ({"xy": [np.array([[0, 1, 2]])], "xz": [np.array([[0, 1]])]}, "xy 0, 1, 2; xz 0, 1"),
    ],
)
def test_other_images_are_refused_with_the_plane_and_the_values(planes, message):
    with pytest.raises(ReconError) as refusal:
        to_labels(planes)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("phases", [-1, 0, 1, 256])
def test_a_number_of_phases_that_makes_no_sense_is_refused(phases):
    with pytest.raises(ReconError, match=r"must be in \[2, 255\]"):
        to_labels({"xy": [np.arange(9)[None]]}, phases)


def test_more_phases_than_values_are_refused():
    with pytest.raises(ReconError, match="3 phases need as many distinct values, got 2: 0, 1"):
        to_labels({"xy": [np.array([[0, 1]])]}, 3)


def test_as_many_values_as_phases_are_labels_even_when_a_plane_lacks_one():
    planes = {"xy": [np.array([[0.0, 0.5, 7.0]])], "xz": [np.array([[0.0, 7.0]])]}
    labels, _ = to_labels(planes, 3)
    assert labels["xy"][0].tolist() == [[0, 1, 2]]
    assert labels["xz"][0].tolist() == [[0, 2]]
    assert describe_absent_phases(labels, 3) == ["xz shows nothing of phase 1"]


def test_more_values_than_phases_are_grey():
    assert find_label_values({"xy": [np.arange(9)[None]]}, 3) is None


def test_a_label_image_of_more_values_than_phases_is_noticed():
    labels = np.random.default_rng(0).integers(0, 3, (40, 40), dtype=np.uint8) * 100
    with pytest.warns(ImageNotice) as caught:
        load_images(xy=labels, isotropic=True, phases=["pore", "solid"])
    said = [str(warning.message) for warning in caught]
    assert any("3 values only, 0, 100, 200" in line and "phases=3" in line for line in said), said
    grey = np.arange(1600, dtype=np.uint8).reshape(40, 40)
    assert describe_few_values({"xy": [grey]}) == []
    assert describe_few_values({"xy": [labels / 2]}) == []
