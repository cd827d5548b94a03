"""Planes of one material agree; swapped, enlarged or wrongly cut ones are named."""

from functools import cache

import numpy as np
import pytest
from scipy.ndimage import zoom

from recon.core import Micrographs
from recon.core.data.serial import correlate_slices, estimate_independent_share
from recon.imaging.plane_check.line_sums import CELLS, LineSums
from recon.imaging.plane_check.plane_check import (
    PlaneWarning,
    check_planes,
    describe_planes,
    warn_of_planes,
)
from recon.imaging.plane_check.plane_statistics import PlaneStatistics, Values
from recon.workflow.examples import EXAMPLES

PLANES = ("xy", "xz", "yz")


def cut(labels, step):
    return {
        "xy": list(labels[::step]),
        "xz": list(labels.transpose(1, 0, 2)[::step]),
        "yz": list(labels.transpose(2, 0, 1)[::step]),
    }


@cache
def example(name):
    """Every 8th slice of each plane of 96^3 voxels, and the names of the phases."""
    return cut(EXAMPLES[name].generate((96, 96, 96)), 8), EXAMPLES[name].phases


@pytest.fixture(params=sorted(EXAMPLES))
def material(request):
    return example(request.param)


@pytest.fixture
def electrode():
    return example("electrode")


def check(planes, phases):
    return check_planes(Micrographs(planes, phases=phases))


def test_planes_of_one_material_agree(material):
    planes, phases = material
    findings = check(planes, phases)
    assert findings.agree and not findings.disagreements and findings.tests > 20
    (line,) = describe_planes(Micrographs(planes, phases=phases))
    assert line == findings.sufficiency and "independent windows of 64 x 64 pixels: xy " in line


def test_single_slices_agree(material):
    planes, phases = material
    assert check({plane: stack[4:5] for plane, stack in planes.items()}, phases).agree


def test_a_transposed_plane_is_named(material):
    planes, phases = material
    findings = check({**planes, "xz": [image.T for image in planes["xz"]]}, phases)
    assert findings.odd == "xz"
    assert {finding.axis for finding in findings.findings} >= {"x", "z"}
    assert ("xz",) in [remedy.transposed for remedy in findings.remedies]
    text = " ".join(findings.disagreements)
    assert "along x the mean chord of phase" in text and "along z" in text
    assert "xz transposed" in text and "swapped?" in text


def test_another_magnification_is_estimated(material):
    planes, phases = material
    larger = [zoom(image, 1.5, order=0) for image in planes["yz"]]
    findings = check({**planes, "yz": larger}, phases)
    assert findings.odd == "yz"
    ((plane, factor, error),) = [r.scaled for r in findings.remedies if r.scaled]
    assert plane == "yz" and abs(factor - 1 / 1.5) < max(3 * error, 0.05)
    assert "times smaller" in findings.disagreements[-1]


def test_a_wrong_threshold_is_told(electrode):
    planes, phases = electrode
    rng = np.random.default_rng(0)
    more = [np.where(rng.random(i.shape) < 0.1, 1, i).astype(np.uint8) for i in planes["xy"]]
    findings = check({**planes, "xy": more}, phases)
    fractions = [f for f in findings.findings if f.statistic == "fraction" and f.phase == 1]
    assert {f.planes for f in fractions} == {("xy", "xz"), ("xy", "yz")}
    assert all(f.difference == pytest.approx(0.05, abs=0.02) and f.p < 1e-3 for f in fractions)
    (line,) = [
        line for line in findings.disagreements if "disagrees" in line and "phase 1 (" in line
    ]
    assert line.startswith("xy disagrees with xz and yz") and "threshold" in line


def test_exchanged_phases_are_told():
    planes, phases = example("porous")
    findings = check({**planes, "yz": [1 - image for image in planes["yz"]]}, phases)
    assert [remedy.exchanged for remedy in findings.remedies] == ["yz"]
    assert "with the phases of yz exchanged" in findings.disagreements[-1]


def test_another_plane_in_its_place_is_found():
    planes, phases = example("porous")
    findings = check({**planes, "yz": planes["xz"]}, phases)
    assert not findings.agree and {f.axis for f in findings.findings} == {"y"}


@pytest.mark.slow
def test_random_fields_raise_few_alarms():
    """Uncorrelated pixels: the level is 1 % over all tests, so 40 fields raise hardly any."""
    rng = np.random.default_rng(1)
    alarms = sum(
        not check({plane: rng.integers(0, 2, (3, 32, 40)) for plane in PLANES}, ["a", "b"]).agree
        for _ in range(40)
    )
    assert alarms <= 2


def test_neighbouring_slices_count_once():
    """Copies of few slices must not make the error smaller than the few do."""
    rng = np.random.default_rng(2)
    few = rng.integers(0, 2, (4, 8, 8)).repeat(8, 1).repeat(8, 2).astype(np.uint8)
    copies = list(few.repeat(8, 0))
    once = PlaneStatistics.of(list(few), 2, 3).variances.fraction
    often = PlaneStatistics.of(copies, 2, 3).variances.fraction
    assert np.all(often > 0.5 * once)
    assert estimate_independent_share(copies, 2) == pytest.approx(1 / 8, rel=0.35)
    assert correlate_slices(copies, 2)[0] > 0.8


def test_a_plane_too_small_is_left_out_and_few_windows_are_said():
    rng = np.random.default_rng(3)
    planes = {"xy": rng.integers(0, 2, (2, 12, 40)), "xz": rng.integers(0, 2, (2, 40, 40))}
    findings = check(planes, ["a", "b"])
    assert findings.agree and findings.tests == 0 and not findings.enough
    assert "of 12 x 12 pixels" in findings.sufficiency and "few to train" in findings.sufficiency


def test_warnings_are_given_only_where_something_is_wrong(electrode, recwarn):
    planes, phases = electrode
    warn_of_planes(Micrographs(planes, phases=phases))
    assert not recwarn
    swapped = {**planes, "yz": [image.T for image in planes["yz"]]}
    with pytest.warns(PlaneWarning, match="along z the mean chord"):
        warn_of_planes(Micrographs(swapped, phases=phases))


def test_counts_are_exact():
    rng = np.random.default_rng(4)
    image = rng.integers(0, 3, (19, 27)).astype(np.uint8)
    total = LineSums.of([image], 3, 3).map(lambda part: part.sum((0, 1, 2)))
    assert total.pixels == image.size
    assert np.array_equal(total.inside, np.bincount(image.ravel()))
    for axis, lines in enumerate((image.T, image)):
        for j in range(3):
            r = 2**j
            pairs = [(line[:-r], line[r:]) for line in lines]
            runs = np.lib.stride_tricks.sliding_window_view(lines, 2 * r, 1)
            assert total.tries[axis, j] == sum(len(a) for a, _ in pairs)
            assert total.starts[axis, j] == runs.shape[0] * runs.shape[1]
            for k in range(3):
                assert total.hits[axis, j, k] == sum(((a == k) & (b == k)).sum() for a, b in pairs)
                ends = sum((a == k).sum() + (b == k).sum() for a, b in pairs)
                assert total.ends[axis, j, k] == ends / 2
                assert total.runs[axis, j, k] == (runs == k).all(2).sum()


def test_the_mean_chord_of_stripes_is_their_width():
    stripes = np.tile(np.arange(96) // 4 % 2, (64, 1)).astype(np.uint8)
    sums = LineSums.of([stripes], 2, 3)
    assert sums.pixels.shape == (1, CELLS, CELLS)
    values = Values.of(sums.map(lambda part: part.sum((0, 1, 2))))
    assert np.exp(values.chord[1]) == pytest.approx([4, 4], rel=0.05)
    assert np.isinf(values.chord[0]).all()
