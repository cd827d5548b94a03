import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from recon.core import Micrographs
from recon.validation.window_runs import (
    RUNS,
    arrange_micrographs,
    arrange_volume,
    arrange_windows,
    place_runs,
)


def material(shape, grain=1.5, seed=0):
    """Two-phase labels."""
    noise = np.random.default_rng(seed).normal(size=shape)
    return (ndimage.gaussian_filter(noise, grain, mode="wrap") > 0).astype(np.uint8)


def test_images_of_any_size_serve_where_they_hold_a_window():
    sizes = [(60, 60), (50, 130), (20, 90), (64, 64)] * 3
    stack = [material((1, *size), (0, 1.5, 1.5), i)[0] for i, size in enumerate(sizes)]
    runs, share = arrange_windows(stack, (48, 48), 2)
    assert runs.windows.shape == (12, 48, 48) and share == pytest.approx(1, abs=0.05)


def test_runs_of_serial_sections_stay_at_one_place_and_are_not_held_against_their_neighbours():
    stack = material((24, 96, 96), 2)
    runs = arrange_micrographs(Micrographs({"xy": list(stack)}), "xy", (48, 48, 48))
    assert runs.size > 1 and len(runs.windows) == 96 and "serial sections" in runs.note
    for place in range(4):
        top, left = 48 * (place // 2), 48 * (place % 2)
        column = runs.windows[24 * place : 24 * place + 24]
        assert np.array_equal(column, stack[:, top : top + 48, left : left + 48])
    for inside, outside in runs.list_parts():
        assert min(abs(inside[0] - outside).min(), abs(inside[-1] - outside).min()) > runs.apart
        assert len(inside) == runs.size


def test_a_run_of_a_volume_is_a_subvolume():
    labels = material((60, 40, 40), 2)
    runs = arrange_volume(labels, "xy", (20, 20, 20), 2)
    assert runs.size == 10 and len(runs.windows) == 4 * 30 and runs.worth == pytest.approx(12)
    assert np.array_equal(runs.windows[:10], labels[:20:2, :20, :20])


def test_windows_smaller_than_the_slices_are_worth_less():
    stack = [material((1, 100, 100), (0, 1, 1), i)[0] for i in range(20)]
    whole = Micrographs({"xy": stack})
    parts = Micrographs({"xy": [image[:25, :50] for image in stack]})
    wanted = [arrange_micrographs(one, "xy", (50, 50, 50)).wanted for one in (whole, parts)]
    assert wanted[1] == pytest.approx(2 * wanted[0], rel=0.5)


def test_too_few_windows_make_no_runs():
    runs = arrange_micrographs(Micrographs({"xy": [material((40, 40))] * 3}), "xy", (40,) * 3)
    assert runs.firsts == () and "at least 8 are needed" in runs.note


@given(st.integers(8, 400), st.data())
def test_runs_lie_within_the_windows_and_reach_both_ends(count, data):
    size = data.draw(st.integers(1, count // 2))
    firsts = place_runs(count, size)
    assert firsts[0] == 0 and firsts[-1] == count - size
    assert len(set(firsts)) == len(firsts) >= min(RUNS, count - size + 1)
