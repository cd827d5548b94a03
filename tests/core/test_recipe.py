import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.core import Recipe, ReconError
from recon.core.recipe import Choice, read_table

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
    metrics=st.lists(choices, max_size=2).map(tuple),
    properties=st.lists(choices, max_size=2).map(tuple),
)


@given(recipes)
def test_a_recipe_survives_toml(tmp_path_factory, recipe):
    path = tmp_path_factory.mktemp("recipe") / "recipe.toml"
    recipe.save(path)
    assert Recipe.from_table(read_table(path)) == recipe


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
        ({"denoiser": "unet-ddpm"}, "recipe: denoiser must be a table"),
        ({"denoiser": {"name": 3}}, "recipe: denoiser must have a name"),
        ({"metric": {"name": "two-point"}}, "recipe: metric must be tables"),
        ({"metric": [{}]}, "recipe: metric must have a name"),
    ],
)
def test_a_bad_recipe_is_refused(table, message):
    with pytest.raises(ReconError, match=message):
        Recipe.from_table(table)


def test_bad_files_are_refused(tmp_path):
    with pytest.raises(ReconError, match="cannot read recipe"):
        read_table(tmp_path / "none.toml")
    for content in (b"seed = ", b"\xff\xfe", b"a = " + b"[" * 5000):
        (tmp_path / "bad.toml").write_bytes(content)
        with pytest.raises(ReconError, match="not valid TOML"):
            read_table(tmp_path / "bad.toml")
