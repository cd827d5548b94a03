"""Refiners among the values that are laid over a recipe."""

import pytest

from recon.core import Recipe, ReconError
from recon.workflow.overlay import FAST, FASTEST, lay_over, speed_up

DEFAULT = [{"name": "islands"}, {"name": "patterns"}]


def refiners(table, **values):
    result = lay_over(table, {key.replace("__", "."): value for key, value in values.items()})
    return Recipe.from_table(result).to_table().get("refiner")


def test_names_are_chosen_in_their_order_and_keep_the_options_of_the_recipe():
    table = {"refiner": [{"name": "islands", "share": 0.5}, "patterns"]}
    assert refiners(table) == [{"name": "islands", "share": 0.5}, {"name": "patterns"}]
    assert refiners(table, refiner=("patterns", "islands")) == [
        {"name": "patterns"},
        {"name": "islands", "share": 0.5},
    ]
    assert refiners(table, refiner="patterns") == [{"name": "patterns"}]
    assert refiners(table, refiner=("none",)) == refiners({}, refiner="none") == []
    assert refiners({}) is None


def test_options_are_laid_over_those_that_are_there_by_default():
    expected = [{"name": "islands"}, {"name": "patterns", "tries": 3}]
    assert refiners({}, refiner__patterns__tries=3) == expected
    assert refiners({"harmonizer": "spectral"}, refiner__patterns__tries=3) == expected
    table = {"refiner": [{"name": "patterns", "tries": 9}]}
    assert refiners(table, refiner__patterns__tries=3) == expected[1:]
    assert refiners({}, refiner=("patterns",), refiner__patterns__tries=3) == expected[1:]
    assert table == {"refiner": [{"name": "patterns", "tries": 9}]}


@pytest.mark.parametrize(
    ("table", "values", "message"),
    [
        ({}, {"refiner__patterns": 3}, "refiner.NAME.OPTION, got refiner.patterns"),
        (
            {"refiner": []},
            {"refiner__patterns__tries": 3},
            r"choose it with refiner=\['patterns'\]",
        ),
        (
            {"harmonizer": "none"},
            {"refiner__patterns__tries": 3},
            "the recipe has no refiner 'patterns'",
        ),
        ({}, {"refiner": 3}, "recipe: refiner must be a list"),
        ({"refiner": 3}, {"refiner__patterns__tries": 3}, "recipe: refiner must be a list"),
    ],
)
def test_what_does_not_fit_is_refused(table, values, message):
    with pytest.raises(ReconError, match=message):
        refiners(table, **values)


def test_fast_runs_leave_what_is_given_and_the_options_of_other_harmonizers():
    assert speed_up({}, {}) == FAST and speed_up({}, {}, most=True) == FASTEST
    assert speed_up({}, {"steps": 7}, most=True)["steps"] == 7
    for table, values in (({}, {"harmonizer": "none"}), ({"harmonizer": {"name": "none"}}, {})):
        assert speed_up(table, values, most=True) == values | {"steps": 5}
    without = FASTEST.keys() - {"refiner.patterns.tries"}
    for table, values in (({}, {"refiner": "none"}), ({"refiner": ["islands"]}, {})):
        assert speed_up(table, values, most=True).keys() == without | values.keys()


def test_the_fastest_run_has_more_estimates_of_the_volume_than_of_slices():
    from recon.core.job import resolve
    from recon.plugins.denoisers.volume.model import VolumeModel

    job = resolve(Recipe.from_table(lay_over({}, FASTEST)))
    ratios = [step.s2 for step in job.harmonizer.steps(job.denoiser.alpha_bar, 5)]
    assert [VolumeModel.works_at(s2) for s2 in ratios] == [True, True, True, False, False]
