"""Seeds: two never give the same, one always does, in any process, interrupted or not."""

import json
import subprocess
import sys

import attrs
import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from recon.core import Recipe, ReconError, Volume, sample_steps
from recon.core.recipe import Choice
from recon.core.sampling.philox import START, draw_normal
from recon.plugins.denoisers.gaussian import Gaussian
from recon.workflow.folder import Folder

LAST = 2**63 - 1
SHAPE = (6, 7, 8)
WORDS = st.integers(0, 2**32 - 1)
SEEDS = st.one_of(
    st.sampled_from([0, 1, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**62, LAST - 1, LAST]),
    st.integers(0, LAST),
)
STREAMS = st.tuples(SEEDS, st.one_of(st.just(START), st.integers(0, 999)), st.integers(0, 40))
RECIPE = Recipe(shape=SHAPE, steps=3, harmonizer=Choice("spectral"))


def labels(seed, sample=0, **changes):
    recipe = attrs.evolve(RECIPE, seed=seed, **changes)
    *_, state = sample_steps(recipe, sample=sample, denoiser=Gaussian(lengths=(1.0, 1.5, 2.0)))
    return state.volume.labels


@st.composite
def pairs(draw):
    """Two seeds, neighbours as often as not, also in one of their 32-bit words."""
    one = draw(SEEDS)
    near = [one + 1, one - 1, one ^ 1 << 32, one ^ 1 << 62, (one << 32 | one >> 32) & LAST]
    other = draw(st.one_of(st.sampled_from(near), SEEDS))
    assume(0 <= other <= LAST and other != one)
    return one, other


@given(STREAMS, STREAMS)
def test_streams_of_noise_do_not_overlap(one, other):
    """Not even shifted: all of the first's values are looked for in the second."""
    assume(one != other)
    shape = (1, 4, 4, 64)
    a, b = (draw_normal(*stream, shape, dtype=torch.float64).ravel() for stream in (one, other))
    assert torch.isin(a, b).count_nonzero() <= 1
    assert abs(float((a * b).mean())) < 6 / np.sqrt(a.numel())


@pytest.mark.slow
@given(pairs())
def test_two_seeds_never_give_the_same_volume(seeds):
    one, other = seeds
    largest = LAST - 1  # of a run of one sample
    one, other = min(one, largest), min(other, largest)
    assume(one != other)
    assert not np.array_equal(labels(one), labels(other))


@pytest.mark.slow
@given(SEEDS, st.integers(0, 6), st.integers(0, 6), st.integers(-3, 3))
def test_samples_are_those_of_their_sum_and_of_no_other(seed, i, j, apart):
    """Sample i of seed s against sample j of seed s + apart."""
    seed = min(max(seed, 3), LAST - 16)
    one, other = labels(seed, i), labels(seed + apart, j)
    assert np.array_equal(one, other) == (i == apart + j)


def test_a_seed_beyond_63_bits_is_refused():
    assert Recipe(seed=LAST - 1).seed == LAST - 1
    with pytest.raises(ReconError, match=r"seed must be below 2\^63"):
        Recipe(seed=LAST, samples=1)
    with pytest.raises(ReconError, match=r"seed must be below 2\^63"):
        Recipe(seed=LAST - 3, samples=4)


@pytest.mark.slow
def test_another_process_that_goes_on_from_a_state_gives_the_same(tmp_path):
    """This process ends at step 2 of 5; another one goes on, a third begins anew."""
    options = {"lengths": (1.0, 1.5, 2.0)}
    recipe = attrs.evolve(RECIPE, seed=LAST - 1, steps=5, denoiser=Choice("gaussian", options))
    folder = Folder(tmp_path / "kept")
    folder.path.mkdir()
    states = list(sample_steps(recipe))
    folder.save_field("x.safetensors", 2, states[1].x)
    (tmp_path / "recipe.json").write_text(json.dumps(recipe.to_table()))
    subprocess.run([sys.executable, "-c", OTHER, tmp_path], check=True)
    for name in ("resumed", "anew"):
        again = Volume.open(tmp_path / f"{name}.zarr")
        assert np.array_equal(again.labels, states[-1].volume.labels)


OTHER = """
import json, pathlib, sys, torch
from recon.core import Recipe, sample_steps
from recon.workflow.folder import Folder
torch.set_num_threads(1)
here = pathlib.Path(sys.argv[1])
recipe = Recipe.from_table(json.loads((here / "recipe.json").read_text()))
start = Folder(here / "kept").load_field("x.safetensors", "cpu")
assert start[0] == 2
for name, given in {"resumed": {"start": start}, "anew": {}}.items():
    *_, state = sample_steps(recipe, **given)
    state.volume.save(here / f"{name}.zarr")
"""
