"""Fewer passes of the 3D network than the schedule has steps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.core.sampling.noise import ALPHA_BAR, respace
from recon.plugins.denoisers.volume.thinning import keep_steps, thin

AB = ALPHA_BAR["paper"]


@given(st.integers(1, 60), st.integers(1, 12), st.data())
def test_the_steps_stay_one_way_to_the_volume(count, most, data):
    steps = respace(AB, count)
    first = data.draw(st.integers(0, count))
    seen = list(range(first, data.draw(st.integers(first, count))))
    left = thin(steps, seen, most)
    assert sum(step.t in {steps[index].t for index in seen} for step in left) == min(
        len(seen), most
    )
    assert {s.t for n, s in enumerate(steps) if n not in seen} <= {s.t for s in left}
    assert [step.number for step in left] == list(range(len(left)))
    assert {step.steps for step in left} == {len(left)}
    assert [step.ab_s for step in left] == [step.ab_t for step in left[1:]] + [1.0]
    if seen:
        assert steps[seen[0]].t in [step.t for step in left]


def test_six_of_twelve_are_every_second():
    steps = respace(AB, 20)
    left = thin(steps, list(range(4, 16)), 6)
    kept = [0, 1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 17, 18, 19]
    assert [step.t for step in left] == [steps[index].t for index in kept]


def test_few_enough_stay_as_they_are():
    steps = respace(AB, 9)
    assert thin(steps, [2, 3, 4], 3) is steps


def test_beta_spans_the_steps_left_out():
    steps = respace(AB, 10)
    one, *_ = keep_steps(steps, [0, 5, 9])
    assert one.beta == pytest.approx(1 - steps[0].ab_t / steps[5].ab_t)
