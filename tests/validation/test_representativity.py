import json

import numpy as np
import pytest
from scipy import ndimage

from recon.core import Micrographs, Volume
from recon.validation.comparison.compare import compare
from recon.validation.representativity import (
    WITHIN,
    Scatter,
    find_representativity,
    measure_representativity,
)

GRAIN = 2.0
SIDE = 24


def make(shape, seed):
    """An isotropic material without end: the fraction of a piece is not given."""
    noise = np.random.default_rng(seed).normal(size=shape)
    field = ndimage.gaussian_filter(noise, GRAIN, mode="wrap")
    return (field / field.std() > 0.25).astype(np.uint8)


@pytest.fixture(scope="module")
def endless():
    return make((96, 144, 144), 7)


@pytest.fixture(scope="module")
def micrographs(endless):
    return Micrographs(
        {
            "xy": list(endless[::16]),
            "xz": list(endless[:, ::16].swapaxes(0, 1)),
            "yz": list(np.moveaxis(endless[:, :, ::16], 2, 0)),
        },
        phases=("pore", "solid"),
    )


@pytest.fixture(scope="module")
def results(micrographs):
    return measure_representativity(micrographs, (SIDE,) * 3)


def of(results, statistic, phase):
    return next(s for s in results.scatters if s.statistic == statistic and s.phase == phase)


def test_subvolumes_scatter_as_micrographs_say(endless, results):
    fractions = [
        endless[z : z + SIDE, y : y + SIDE, x : x + SIDE].mean()
        for z in range(0, 96, SIDE)
        for y in range(0, 144, SIDE)
        for x in range(0, 144, SIDE)
    ]
    true = np.std(fractions) / np.mean(fractions)
    assert of(results, "the volume fraction", "solid").deviation == pytest.approx(true, rel=0.35)
    assert results.notes == ()


def predict_deviation(image):
    """Standard deviation of an image's phase fraction by ImageRep (arXiv 2410.19568, eq. 11)."""
    V, phi = image.size, image.mean()
    tpc = np.fft.fftshift(np.fft.ifft2(np.abs(np.fft.fft2(image)) ** 2).real / V)
    offsets = np.meshgrid(*(np.abs(np.arange(n) - n // 2) for n in image.shape), indexing="ij")
    overlap = np.prod([1 - o / n for o, n in zip(offsets, image.shape, strict=True)], 0)
    r, off = np.hypot(*offsets), tpc - phi**2 > 0.05 * (phi - phi**2)
    # where the curve is flat; by rings of 10 pixels in place of 100, the grain is 2
    r0 = next(a for a in range(20, 100, 10) if off[(r >= a) & (r < a + 10)].mean() < 0.03)
    square = (tpc[(r >= r0 - 10) & (r <= r0)].mean() + phi**2) / 2
    near = r < r0
    first = V / (V - overlap[near].sum())
    C = first / (1 - first * (1 - overlap[near]).sum() / V)
    area = C / (phi - square) * (tpc[near] - square).sum()
    return np.sqrt(phi * (1 - phi) * area / V)


def test_a_mean_is_known_as_imagerep_predicts_and_as_repetition_shows():
    images = [make((256, 256), seed) for seed in range(6)]
    representativity = measure_representativity(Micrographs({"xy": images}), (32, 32, 32))
    ours = of(representativity, "the volume fraction", "1").known * np.mean(images) / 1.96
    theirs = np.mean([predict_deviation(image) for image in images]) / np.sqrt(len(images))
    others = [make((256, 256), 100 + seed).mean() for seed in range(60)]
    true = np.std(others) / np.sqrt(len(images))
    assert theirs == pytest.approx(true, rel=0.3)
    assert ours == pytest.approx(true, rel=0.3)
    assert ours == pytest.approx(theirs, rel=0.4)


def test_errors_go_with_the_root_of_volume_and_number():
    scatter = Scatter("the volume fraction", "pore", 2 * WITHIN, 3 * WITHIN)
    assert scatter.larger == pytest.approx(4 ** (1 / 3))
    assert scatter.images == pytest.approx(9)


def test_the_size_that_is_said_is_about_large_enough(micrographs, results):
    assert max(s.deviation for s in results.scatters) > WITHIN
    assert min(results.shape_within) > SIDE
    again = measure_representativity(micrographs, results.shape_within)
    assert WITHIN / 2 < max(s.deviation for s in again.scatters) < 2 * WITHIN


def test_few_windows_say_so_in_a_line():
    few = Micrographs({"xy": [make((40, 40), seed) for seed in range(3)]})
    representativity = measure_representativity(few, (32, 32, 32))
    assert representativity.scatters == ()
    assert (
        "at least 8 are needed" in representativity.to_text()
        and "\n" not in representativity.to_text()
    )
    json.dumps(representativity.to_table(), allow_nan=False)


def test_a_comparison_says_the_same_without_measuring_again(endless, micrographs, results):
    sample = Volume(endless[:SIDE, :SIDE, :SIDE], phases=micrographs.phases)
    names = ("volume-fraction", "surface-density.faces", "chord-length.mean")
    comparison = compare([sample], micrographs, names, classifier=False)
    again = find_representativity(comparison.metrics, micrographs, (SIDE,) * 3)
    assert again.to_table() == results.to_table()
    json.dumps(results.to_table(), allow_nan=False)


def test_one_stack_for_all_planes_counts_once(endless):
    stack = list(endless[::16])
    same = Micrographs({plane: stack for plane in ("xy", "xz")})
    representativity = measure_representativity(same, (SIDE,) * 3)
    assert representativity.images == len(stack)
