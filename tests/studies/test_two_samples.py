"""Tests of real pieces against reconstructions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from two_samples import compared, comparisons_line, holm, quartiles_table


def test_holm_is_the_step_down_procedure():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_only_raises_and_keeps_the_order(p):
    corrected = np.array(holm(p))
    assert (corrected >= np.array(p) - 1e-12).all() and (corrected <= 1).all()
    assert (np.diff(corrected[np.argsort(p, kind="stable")]) >= -1e-12).all()


def test_what_is_alike_is_not_told_apart_and_what_is_shifted_is():
    rng = np.random.default_rng(0)
    real = {"alike": rng.normal(size=50), "shifted": rng.normal(size=50)}
    made = {"alike": rng.normal(size=40), "shifted": 2 + rng.normal(size=40)}
    comparison = compared(real, {"a": made})
    assert comparison["alike"]["a"]["holm"] > 0.2
    assert comparison["shifted"]["a"]["holm"] < 1e-6
    assert comparison["shifted"]["a"]["effect"] > 0.85
    p = stats.mannwhitneyu(made["alike"], real["alike"]).pvalue
    assert comparison["alike"]["a"]["p"] == pytest.approx(p)
    assert "2 comparisons" in comparisons_line(comparison) and "1 below 0.05" in comparisons_line(
        comparison
    )


def test_three_volumes_are_shown_and_not_tested():
    comparison = compared({"E": np.arange(10.0)}, {"paper": {"E": np.arange(3.0)}})
    assert "p" not in comparison["E"]["paper"]
    assert quartiles_table(comparison, ["paper"]).splitlines()[-1].endswith("| 1; 0.22 |")
