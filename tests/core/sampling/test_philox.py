import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from recon.core.sampling.philox import MASK, START, _philox, draw_normal


def test_known_answers():
    """Random123's known answers of philox4x32-10."""
    zero = [torch.tensor([0])] * 4
    ones = [torch.tensor([MASK])] * 4
    pi = [torch.tensor([w]) for w in (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)]
    answers = [
        (zero, (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        (ones, (MASK, MASK), "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (pi, (0xA4093822, 0x299F31D0), "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ]
    for counter, key, answer in answers:
        assert " ".join(f"{int(word):08x}" for word in _philox(counter, key)) == answer


@given(
    st.tuples(st.integers(0, 20), st.integers(0, 9), st.integers(0, 30)),
    st.tuples(st.integers(1, 5), st.integers(1, 6), st.integers(1, 11)),
)
def test_a_box_is_the_same_wherever_it_is_cut_from(origin, sides):
    whole = draw_normal(7, 3, 1, (2, 25, 15, 41))
    box = draw_normal(7, 3, 1, (2, *sides), origin=origin)
    part = whole[:, *(slice(o, o + n) for o, n in zip(origin, sides, strict=True))]
    assert torch.equal(box, part)


def test_values_are_standard_normal_and_streams_differ():
    draws = [
        draw_normal(seed, step, round, (1, 32, 32, 32)).numpy().ravel()
        for seed, step, round in [
            (0, 0, 0),
            (1, 0, 0),
            (0, 1, 0),
            (0, 0, 1),
            (0, START, 0),
            (2**40, 0, 0),
        ]
    ]
    for draw in draws:
        assert stats.kstest(draw, "norm").pvalue > 1e-4
    correlation = np.corrcoef(draws) - np.eye(len(draws))
    assert np.abs(correlation).max() < 5 / np.sqrt(32**3)


def test_neighbours_and_channels_are_uncorrelated():
    field = draw_normal(3, 5, 0, (2, 40, 40, 40)).double()
    field = field - field.mean()
    for shift in [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (0, 0, 0, 2)]:
        correlation = (field * field.roll(shift, (0, 1, 2, 3))).mean()
        assert abs(correlation) < 5 / np.sqrt(field.numel())
