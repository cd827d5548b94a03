import numpy as np
import pytest

from recon.core import ReconError
from recon.imaging.segmentation import parse_thresholds, segment_by_otsu, segment_by_thresholds

RNG = np.random.default_rng(0)


def rendered(truth, dark=40, step=80):
    return truth * step + dark + RNG.integers(0, 20, truth.shape)


@pytest.mark.parametrize("scale", [1, 0.01, 1e6])
def test_grey_images_are_cut_between_their_groups(scale):
    truth = RNG.integers(0, 3, (40, 50))
    grey = rendered(truth) * scale
    segmentation = segment_by_otsu({"xy": [grey[:20]], "xz": [grey[20:]]}, 3)
    np.testing.assert_array_equal(
        np.concatenate([*segmentation.labels["xy"], *segmentation.labels["xz"]]), truth
    )
    assert segmentation.thresholds["xy"] == segmentation.thresholds["xz"]
    (notice,) = segmentation.notices
    assert "Otsu's thresholds over all images" in notice


def test_a_plane_of_other_brightness_is_told_and_has_its_own_thresholds_on_demand():
    truth = RNG.integers(0, 2, (2, 60, 60))
    noise = RNG.normal(0, 12, truth.shape)
    grey = {"xy": [truth[0] * 60 + noise[0]], "xz": [truth[1] * 60 + 50 + noise[1]]}
    common = segment_by_otsu(grey, 2)
    assert len(common.notices) == 3
    assert common.notices[2].startswith("xz alone would have thresholds of")
    assert "give per_plane=True" in common.notices[2]
    own = segment_by_otsu(grey, 2, per_plane=True)
    for number, plane in enumerate(("xy", "xz")):
        assert (common.labels[plane][0] == truth[number]).mean() < 0.97
        assert (own.labels[plane][0] == truth[number]).mean() > 0.98
    assert own.thresholds["xz"][0] - own.thresholds["xy"][0] == pytest.approx(50, abs=5)


def test_given_thresholds_put_a_value_equal_to_them_above():
    segmentation = segment_by_thresholds({"xy": [np.array([[86, 87, 139, 140]])]}, (87.0, 140.0))
    assert segmentation.labels["xy"][0].tolist() == [[0, 1, 1, 2]]


def test_thresholds_beside_the_grey_values_are_refused():
    with pytest.raises(
        ReconError, match=r"thresholds=\(87, 140\) leave phase 2 without a pixel.*are 0 to 100"
    ):
        segment_by_thresholds({"xy": [np.array([[0, 100]])]}, (87.0, 140.0))


def test_thresholds_are_ascending_numbers():
    assert parse_thresholds("87, 140.5") == (87.0, 140.5)
    for text in ("", "87,", "a", "nan", "87,inf"):
        with pytest.raises(ReconError, match="must be numbers separated by commas"):
            parse_thresholds(text)
    for text in ("140,87", "87,87"):
        with pytest.raises(ReconError, match="must ascend"):
            parse_thresholds(text)
