"""What recon computes today is what it computed when these numbers were written down."""

import json
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from recon.plugins.refiners.patterns import Patterns
from recon.workflow.examples import example

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import of_materials as materials  # noqa: E402  beside this file, for renew.py too
import sampler  # noqa: E402

SAMPLER = json.loads((HERE / "sampler.json").read_text())
MATERIALS = json.loads((HERE / "materials.json").read_text())
REORDERED = 2e-5
"""Most that another order of summation does to a field: 1e-5 at a disturbance of 1e-6."""
IN_SINGLE = 5e-4
"""The same where the field is in single precision."""
LIMIT = 5.0
"""Standard deviations of the difference of two means over seeds."""


@pytest.mark.parametrize("name", SAMPLER)
def test_the_sampler(name):
    """The field of a closed-form denoiser in float64, at every harmonizer and schedule.

    May change it: noise schedule, spacing of the steps, the reverse step, defaults of the
    harmonizers, which noise is drawn when, the philox stream, the planes of a schedule, the
    `gaussian` denoiser, with three phases also the covariance of micrographs and its level cut.
    Each of these makes other volumes of old seeds, and belongs into the changelog. May not: another
    machine, version of torch or number of threads, slabs, chunks, refactoring.

    Renewed by `python tests/golden/renew.py sampler`.
    """
    case = name.removesuffix(", informed")
    field, shares = sampler.sampled(case, informed=case != name)
    expected = SAMPLER[name]
    limit = REORDERED if case == name else IN_SINGLE
    assert np.abs(field - expected["field"]).max() < limit
    assert np.abs(shares - expected["shares"]).max() < 1.5e-3  # two voxels near the level


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("2 phases, none, cyclic", {"eta": 0.999}),
        ("3 phases, gamma-blend, simultaneous", {"gamma": 0.499}),
        ("2 phases, spectral, cyclic", {"h_max": 0.999}),
        ("3 phases, spectral, random", {"h_max": 1.001}),
    ],
)
def test_the_limit_lets_rounding_pass_and_a_tenth_of_a_percent_not(name, options):
    expected = SAMPLER[name]["field"]
    shaken, _ = sampler.sampled(name, shake=1e-6)
    assert np.abs(shaken - expected).max() < REORDERED
    other, _ = sampler.sampled(name, **options)
    assert np.abs(other - expected).max() > REORDERED


@pytest.fixture(scope="module")
def ratios():
    """Deviations of the tested seeds' means from the stored ones, in standard deviations."""

    def found(name, change=lambda recipe: recipe):
        denoiser = materials.denoiser(name)
        seeds = range(materials.SPREAD, materials.SPREAD + materials.TESTED)
        each = [materials.measured(name, seed, denoiser, change) for seed in seeds]
        assert each[0].keys() == MATERIALS[name].keys()
        width = np.sqrt(1 / materials.SPREAD + 1 / materials.TESTED)
        return {
            key: (np.mean([one[key] for one in each]) - mean) / (width * deviation)
            for key, (mean, deviation) in MATERIALS[name].items()
        }

    return found


@pytest.mark.parametrize("name", materials.NAMES)
def test_the_bundled_weights(name, ratios):
    """Fractions, two-point and interface of small volumes, means over seeds not stored.

    May change them: the weights file, and what may change the sampler's. May not: anything that
    changes roundings, such as bfloat16 on another processor; the limit comes from the spread over
    seeds, so single voxels do not count.

    Renewed by `python tests/golden/renew.py materials` (a minute).
    """
    result = ratios(name)
    worst = max(result, key=lambda key: abs(result[key]))
    assert abs(result[worst]) < LIMIT, f"{worst} is off by {result[worst]:.1f} deviations"


@pytest.mark.slow
@pytest.mark.parametrize("name", materials.NAMES)
def test_the_bundled_weights_know_the_patterns_of_their_micrographs(name):
    """Changed by the example, by what a pattern is, and by new weights."""
    stored = materials.denoiser(name).material.statistics.arrays["refiner.patterns"]
    micrographs = Patterns.measure_micrographs(example(name)[0])
    assert stored.keys() == micrographs.keys()
    assert all(np.array_equal(stored[key], array) for key, array in micrographs.items())


@pytest.mark.slow
def test_a_hotter_sampler_is_told_from_the_stored_one(ratios):
    result = ratios("porous", partial(materials.with_options, temperature=1.0, interface_gain=0.0))
    assert max(map(abs, result.values())) > LIMIT
