import json

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from recon.core import ReconError, Volume
from recon.validation.ensemble import list_constants, summarize, summarize_all, to_text
from recon.validation.report.page import render


def results(values, **more):
    """Datasets with E (axis) of the rows of values."""
    return [
        xr.Dataset(
            {"E": ("axis", np.asarray(row, float)), "iterations": 7, "residual": 1e-7, **more},
            {"axis": ["x", "y", "z"][: len(row)]},
        )
        for row in values
    ]


def test_five_numbers_by_hand():
    """t of 4 degrees of freedom at 97.5 % is 2.7764."""
    summary = summarize(results([[1.0], [2.0], [3.0], [4.0], [5.0]]))
    mean, deviation, low, high, needed = summary["E"].sel(axis="x").values
    assert mean == 3 and deviation == pytest.approx(2.5**0.5)
    half = 2.7764 * 2.5**0.5 / 5**0.5
    assert (low, high) == pytest.approx((3 - half, 3 + half), abs=1e-4)
    assert needed == pytest.approx((1.96 * 2.5**0.5 / 0.03) ** 2, rel=1e-3)
    assert set(summary) == {"E"} and summary.attrs["samples"] == 5


@given(st.integers(0, 2**32 - 1), st.integers(2, 9), st.floats(0.001, 0.5))
def test_the_samples_needed_are_the_fewest(seed, count, within):
    rng = np.random.default_rng(seed)
    values = rng.normal(1, 10 ** rng.uniform(-4, 0), (count, 3))
    table = summarize(results(values), within)["E"]
    for mean, deviation, needed in zip(*table.sel(statistic=["mean", "deviation", "needed"]).values,
                                       strict=True):  # fmt: skip
        wanted = within * abs(mean)
        half = [
            stats.t.ppf(0.975, n - 1) * deviation / n**0.5 for n in (needed, needed - 1) if n > 1
        ]
        assert half[0] <= wanted and all(h > wanted for h in half[1:])


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 10))
def test_constants_scale_and_the_advice_does_not(seed, factor):
    values = np.random.default_rng(seed).normal(5, 1, (4, 2))
    first, second = summarize(results(values))["E"], summarize(results(factor * values))["E"]
    assert np.allclose(second[:4], factor * first[:4])
    assert np.allclose(second[4], first[4], atol=1.01, rtol=1e-3)


def test_the_interval_holds_the_mean_in_95_of_100_ensembles():
    rng = np.random.default_rng(0)
    draws = rng.normal(2, 0.3, (5, 3000))
    summary = summarize([xr.Dataset({"E": ("k", row)}) for row in draws])["E"]
    held = (summary.sel(statistic="low") < 2) & (summary.sel(statistic="high") > 2)
    assert abs(float(held.mean()) - 0.95) < 0.015


def test_equal_samples_zero_means_and_infinities():
    summary = summarize(results([[3.0, -1.0, np.inf], [3.0, 1.0, 2.0]]))["E"]
    assert summary.sel(axis="x").values.tolist() == [3, 0, 3, 3, 2]
    assert summary.sel(axis="y", statistic="needed") == np.inf
    assert np.isinf(summary.sel(axis="z", statistic="mean"))
    assert summary.sel(axis="z")[1:].isnull().all()
    lines = list(list_constants(xr.Dataset({"E": summary}, attrs={"within": 0.01, "samples": 2})))
    assert (lines[0].name, lines[0].needed, lines[1].needed) == ("E x", "2", "-")
    assert (lines[2].mean, lines[2].interval) == ("inf", "-")


def test_one_sample_is_refused():
    with pytest.raises(ReconError, match="at least two samples, got 1"):
        summarize(results([[1.0]]))
    with pytest.raises(ReconError, match="half-width must be > 0, got 0"):
        summarize(results([[1.0], [2.0]]), 0)


def many(count):
    rng = np.random.default_rng(0)
    matrix = xr.DataArray(rng.normal(9, 1, (6, 6)), dims=("voigt", "voigt2"))
    names = ["xx", "yy", "zz", "yz", "xz", "xy"]
    result = results(rng.normal(5, 0.1, (count, 3)), stiffness=matrix)
    return [one.assign_coords(voigt=names, voigt2=names) for one in result]


def test_every_dataset_of_samples_has_an_ensemble_that_json_can_say():
    joined = xr.concat(many(3), "sample")
    curves = xr.DataArray(np.ones((3, 4)), dims=("sample", "lag"))
    summaries = summarize_all({"homogenization": joined, "two-point": curves, "one": many(1)[0]})
    assert list(summaries) == ["homogenization"]
    assert summaries["homogenization"]["stiffness"].dims == ("statistic", "voigt", "voigt2")
    again = xr.Dataset.from_dict(json.loads(json.dumps(summaries["homogenization"].to_dict())))
    assert again.sizes == summaries["homogenization"].sizes
    text = to_text("homogenization", summaries["homogenization"])
    assert "E x: " in text and "samples for +-1 %" in text and "stiffness" not in text


@pytest.mark.slow
def test_the_report_shows_scatter_of_samples_and_matrices():
    volumes = [Volume(np.arange(64).reshape(4, 4, 4) % 2)] * 3
    page = render(volumes, {"homogenization": xr.concat(many(3), "sample")})
    assert "homogenization, 3 samples" in page and "95 % interval of the mean" in page
    assert "samples for ±1 %" in page and "homogenization: stiffness, mean" in page
    page = render(volumes[:1], {"homogenization": many(1)[0]})
    assert "homogenization: stiffness" in page and "interval" not in page
    assert "<td>iterations</td>" in page
