"""Combinations of varied values, their names, their table and their figure."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from recon.core import ReconError
from recon.workflow.overlay import lay_over
from recon.workflow.sweep import figure as sweep_figure
from recon.workflow.sweep import table as sweep_table
from recon.workflow.sweep.combinations import Sweep
from recon.workflow.sweep.sweep import list_training_inputs

VALUES = st.lists(
    st.one_of(st.booleans(), st.integers(-9, 9), st.floats(-1, 1), st.text(max_size=60)),
    min_size=1,
    max_size=5,
    unique_by=lambda value: value,
)


def test_combinations_come_in_order_with_the_last_value_fastest():
    asked = Sweep({"steps": [20, 40], "harmonizer.rounds": [0, 1, 2]}, {"seed": 3})
    result = asked.combine()
    assert [c.name for c in result[:4]] == [
        "steps=20,rounds=0",
        "steps=20,rounds=1",
        "steps=20,rounds=2",
        "steps=40,rounds=0",
    ]
    assert all(c.recipe.seed == 3 for c in result)
    assert [c.recipe.harmonizer.options["rounds"] for c in result] == [0, 1, 2] * 2
    assert Sweep.from_table(asked.to_table()) == asked


def test_names_are_short_where_they_can_be():
    asked = Sweep({"steps": [2], "denoiser.steps": [5], "harmonizer.gamma": [0.5]})
    assert asked.combine()[0].name == "steps=2,denoiser.steps=5,gamma=0.5"
    asked = Sweep({"shape": [(8, 8, 8), (8, 8, 16)], "periodic": [[], ["z", "y"]]})
    assert asked.combine()[-1].name == "shape=8x8x16,periodic=zxy"
    paths = Sweep({"weights": ["a/net.safetensors", "b/NET.safetensors"]})
    assert [c.name for c in paths.combine()] == [
        "weights=net.safetensors",
        "weights=NET.safetensors-2",
    ]


@given(VALUES)
def test_names_are_different_and_safe_whatever_the_values(values):
    asked = Sweep({"denoiser.noise": values})
    names = [combination.name for combination in asked.combine()]
    assert len({name.casefold() for name in names}) == len(values)
    assert all(not set(name) & set('/\\:*?"<>| \n') and len(name) < 60 for name in names)


def test_values_are_laid_over_names_first():
    table = {"steps": 5, "harmonizer": {"name": "gamma-blend", "gamma": 0.3}}
    over = lay_over(table, {"harmonizer.rounds": 2, "harmonizer": "spectral"})
    assert over["harmonizer"] == {"name": "spectral", "rounds": 2}
    same = lay_over(table, {"harmonizer": "gamma-blend", "harmonizer.rounds": 2})
    assert same["harmonizer"] == {"name": "gamma-blend", "gamma": 0.3, "rounds": 2}
    assert table["harmonizer"] == {"name": "gamma-blend", "gamma": 0.3}
    unnamed = lay_over({"harmonizer": {"rounds": 1}}, {"harmonizer": "spectral"})
    assert unnamed["harmonizer"] == {"rounds": 1}
    assert lay_over({}, {"periodic": "z,x"})["periodic"] == ["z", "x"]


def test_what_training_depends_on():
    def networks(**vary):
        combinations = Sweep(
            {key.replace("_", ".", 1): values for key, values in vary.items()},
            {"micrographs": "m.zarr"},
        ).combine()
        return len({str(list_training_inputs(combination.recipe)) for combination in combinations})

    assert networks(harmonizer_rounds=[1, 2], steps=[5, 6], samples=[1, 2]) == 1
    assert networks(denoiser_guidance=[1, 2], schedule=["cyclic", "random"]) == 1
    assert networks(denoiser_width=[8, 16, 32], harmonizer_rounds=[1, 2]) == 3
    assert networks(seed=[0, 1], denoiser_blocks=[1, 2]) == 4
    assert networks(denoiser=["gaussian", "unet-ddpm"]) == 2
    # 16 is the width of the preset, which a combination may name or leave out.
    assert networks(denoiser_preset=["tiny"], denoiser_width=[16]) == 1


def test_a_varied_value_must_be_unlike_the_others():
    with pytest.raises(ReconError, match="gives 1.0 twice"):
        Sweep({"harmonizer.gamma": [1, 1.0]})


def rows(asked, floor=lambda place: 0.02):
    """Rows as a sweep has them, of made-up errors."""
    return [
        {
            "folder": combination.name,
            **combination.values,
            "seconds": 1.5,
            "two-point.error": 0.01 * (place + 1),
            "two-point.floor": floor(place),
            "two-point.ratio": 0.5 * (place + 1),
            "two-point.spread": None,
            "two-point.deviation": None,
            "two-point.error.xy": 0.01,
            "two-point.floor.xy": None,
            "volume-fraction.a": 0.4,
            "volume-fraction.a.difference": 0.01 * place,
        }
        for place, combination in enumerate(asked.combine())
    ]


@pytest.mark.parametrize(
    "vary",
    [
        {"harmonizer.gamma": [0.2, 1]},
        {"harmonizer": ["none", "spectral"], "steps": [5, 20, 1000]},
        {"steps": [10, 1000], "harmonizer.gamma": [0.1, 1], "shape": [[8, 8, 8], [9, 9, 9]]},
        {"harmonizer.informed": [True, False], "seed": list(range(9))},
    ],
)
@pytest.mark.parametrize("floor", [lambda place: 0.02, lambda place: 0.01 * place])
def test_the_figure_takes_any_number_and_kind_of_values(tmp_path, vary, floor):
    asked = Sweep(vary)
    sweep_figure.draw(asked, rows(asked, floor), tmp_path / "sweep.png")
    # With a combination missing, because it failed:
    sweep_figure.draw(asked, rows(asked, floor)[1:], tmp_path / "part.png")
    with Image.open(tmp_path / "sweep.png") as image:
        assert image.width > image.height > 300


def test_the_table_says_the_sampling_error_once_or_in_each_row():
    asked = Sweep({"harmonizer.gamma": [0.2, 1], "steps": [5, 20]})
    lines = sweep_table.to_text(asked, rows(asked)).splitlines()
    assert lines[0].split() == ["two-point", "fraction"]
    assert lines[1].split() == ["gamma", "steps", "error", "ratio", "off", "by", "seconds"]
    assert lines[2].split() == ["0.2", "5", "0.010", "0.500", "+0.0000", "1.5"]
    assert lines[-1] == "sampling error (estimated from 2D): two-point 0.020"
    each = sweep_table.to_text(asked, rows(asked, lambda place: 0.1 + place)).splitlines()
    assert each[1].split()[2:6] == ["error", "sampling", "error", "ratio"]
    assert len(each) == 6


def test_the_file_has_a_column_for_what_any_row_has(tmp_path):
    result = [{"folder": "a", "x": 0.1}, {"folder": "b", "shape": [8, 8, 9], "x": None}]
    sweep_table.write(tmp_path / "table.csv", result)
    read = list(csv.DictReader((tmp_path / "table.csv").read_text().splitlines()))
    assert read == [
        {"folder": "a", "x": "0.1", "shape": ""},
        {"folder": "b", "x": "", "shape": "8x8x9"},
    ]
