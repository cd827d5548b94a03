from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.core import Micrographs, Recipe, ReconError
from recon.core.options import values
from recon.core.recipe import Choice
from recon.core.storage.toml_file import read_toml
from recon.plugins.denoisers.gaussian import Gaussian
from recon.plugins.harmonizers.gamma_blend import GammaBlend
from recon.plugins.metrics.volume_fraction import VolumeFraction

names = st.from_regex(r"[a-z][a-z-]{0,8}", fullmatch=True)
scalars = st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | st.text()
choices = st.builds(
    Choice, names, st.dictionaries(names.filter(lambda n: n != "name"), scalars, max_size=3)
)
recipes = st.builds(
    Recipe,
    seed=st.integers(0, 2**62),
    steps=st.integers(1, 1000),
    shape=st.tuples(*[st.integers(1, 999)] * 3),
    samples=st.integers(1, 1000),
    device=st.sampled_from(["auto", "cpu", "cuda", "mps"]),
    micrographs=st.none() | st.text(min_size=1),
    weights=st.none() | st.text(min_size=1),
    periodic=st.lists(st.sampled_from("zyx"), unique=True).map(tuple),
    denoiser=choices,
    schedule=choices,
    harmonizer=choices,
    refiners=st.none() | st.lists(choices, max_size=2).map(tuple),
    metrics=st.lists(choices, max_size=2).map(tuple),
    properties=st.lists(choices, max_size=2).map(tuple),
)


@given(recipes)
def test_a_recipe_survives_toml(tmp_path_factory, recipe):
    path = tmp_path_factory.mktemp("recipe") / "recipe.toml"
    recipe.save(path)
    assert Recipe.from_table(read_toml(path, "recipe")) == recipe


def test_defaults_are_the_contracts():
    recipe = Recipe.from_table({})
    assert (recipe.seed, recipe.steps, recipe.shape, recipe.samples) == (0, 60, (64, 64, 64), 1)
    assert recipe.device == "cpu"
    assert recipe.denoiser.name == "unet-ddpm" and recipe.schedule.name == "cyclic"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"sed": 1}, "unknown key of the recipe 'sed'; did you mean 'seed'?"),
        ({"seed": -1}, "recipe: seed must be >= 0, got -1"),
        ({"seed": 2**63}, r"recipe: seed must be below 2\^63"),
        ({"seed": 1.5}, "recipe: seed must be int, got 1.5"),
        ({"steps": 0}, r"recipe: steps must be in \[1, 1000\], got 0"),
        ({"shape": [64, 64]}, r"recipe: shape must be tuple\[int, int, int\], got \[64, 64\]"),
        ({"shape": [64, 0, 64]}, "recipe: shape must have three sides"),
        ({"shape": [64, -64, 64]}, "recipe: shape must have three sides"),
        (
            {"shape": [60000, 60000, 60000]},
            "at most 68.7GB, got 216TB",
        ),
        ({"samples": 0}, "recipe: samples must be in"),
        ({"device": "tpu"}, "recipe: device must be one of"),
        ({"periodic": ["w"]}, "recipe: periodic must name axes"),
        ({"periodic": "z"}, "recipe: periodic must be tuple"),
        ({"denoiser": 3}, "recipe: denoiser must be a name, a table with a name or a plugin"),
        ({"denoiser": {"name": 3}}, "recipe: denoiser must have a name"),
        (
            {"metric": {"name": "two-point"}},
            r"recipe: metric must be a list of names, tables \[\[metric\]\]",
        ),
        ({"metric": [{}]}, "recipe: metric must have a name"),
        ({"metric": "two-point"}, "recipe: metric must be a list"),
    ],
)
def test_a_bad_recipe_is_refused(table, message):
    with pytest.raises(ReconError, match=message):
        Recipe.from_table(table)


GIVEN = GammaBlend(rounds=2)


@pytest.mark.parametrize(
    ("value", "options"),
    [
        ("gamma-blend", {}),
        ({"name": "gamma-blend", "rounds": 2}, {"rounds": 2}),
        (Choice("gamma-blend", {"rounds": 2}), {"rounds": 2}),
        (GIVEN, values(GIVEN)),
    ],
)
def test_a_plugin_is_given_by_name_table_choice_or_as_built(value, options):
    assert Recipe(harmonizer=value).harmonizer == Choice("gamma-blend", options)
    recipe = Recipe.from_table(Recipe(harmonizer=value).to_table())
    assert recipe == Recipe(harmonizer=value)


def test_lists_take_names_tables_and_plugins_together():
    recipe = Recipe(metrics=["two-point", {"name": "lineal-path", "max_lag": 3}, VolumeFraction()])
    assert [choice.name for choice in recipe.metrics] == [
        "two-point",
        "lineal-path",
        "volume-fraction",
    ]
    assert recipe.metrics[1].options == {"max_lag": 3}


def test_a_table_without_a_name_is_of_the_default():
    assert Recipe(harmonizer={"rounds": 1}).harmonizer == Choice("spectral", {"rounds": 1})


def test_values_are_coerced_as_from_a_file():
    recipe = Recipe(shape=np.array([4, 5, 6]).tolist(), seed=np.int64(3), weights=Path("a.b"))
    assert recipe.shape == (4, 5, 6) and recipe.weights == "a.b"
    assert type(recipe.seed) is int and recipe.seed == 3
    with pytest.raises(ReconError, match="recipe: steps must be int, got '60'"):
        Recipe(steps="60")


@pytest.mark.parametrize("value", [3, None, ["gamma-blend"], VolumeFraction(), GammaBlend])
def test_what_is_no_plugin_of_the_kind_is_refused_by_what_was_received(value):
    with pytest.raises(ReconError, match="recipe: harmonizer must be a name, .*, got "):
        Recipe(harmonizer=value)


def test_a_fitted_denoiser_is_refused_where_only_its_options_would_stay():
    denoiser = Gaussian()
    assert Recipe(denoiser=denoiser).denoiser.name == "gaussian"
    images = np.random.default_rng(0).random((2, 24, 24)) < 0.4
    denoiser.fit(Micrographs({"xy": images, "xz": images, "yz": images}))
    with pytest.raises(ReconError, match="denoiser must not be fitted"):
        Recipe(denoiser=denoiser)


def test_bad_files_are_refused(tmp_path):
    with pytest.raises(ReconError, match="cannot read recipe"):
        read_toml(tmp_path / "none.toml", "recipe")
    for content in (b"seed = ", b"\xff\xfe", b"a = " + b"[" * 5000):
        (tmp_path / "bad.toml").write_bytes(content)
        with pytest.raises(ReconError, match="not valid TOML"):
            read_toml(tmp_path / "bad.toml", "recipe")


def test_refiners_follow_the_harmonizer_unless_they_are_given():
    def names(**table):
        return [choice.name for choice in Recipe.from_table(table).choices("refiner")]

    assert names() == names(harmonizer="spectral") == ["islands", "patterns"]
    assert names(harmonizer="gamma-blend") == []
    assert names(refiner=[]) == []
    assert names(harmonizer="none", refiner=["patterns", {"name": "islands"}]) == [
        "patterns",
        "islands",
    ]
    assert "refiner" not in Recipe().to_table()
    with pytest.raises(ReconError, match="recipe: refiner must be a list of names"):
        Recipe.from_table({"refiner": "islands"})
