"""--stretch and --blend: what they stand for in a recipe, and what they refuse."""

from pathlib import Path

import pytest

from recon.cli.recipe import parse_blend, parse_stretch, read_recipe
from recon.core import ReconError


def test_stretch_is_by_axis():
    assert parse_stretch("z=2") == [2, 1, 1]
    assert parse_stretch("x=0.5, z=3") == [3, 1, 0.5]


def test_blend_is_everywhere_or_along_an_axis():
    share = {"harmonizer.blend": "a=b.safetensors", "harmonizer.blend_share": [0.3]}
    assert parse_blend("a=b.safetensors=0.3") == share
    along = parse_blend("fibres=y:0..0..1")
    assert along["harmonizer.blend_share"] == [0, 0, 1] and along["harmonizer.blend_axis"] == "y"


@pytest.mark.parametrize("text", ["2", "w=2", "z=", "z=much"])
def test_other_stretches_are_refused(text):
    with pytest.raises(ReconError, match="--stretch must be factors by axis"):
        parse_stretch(text)


@pytest.mark.parametrize("text", ["fibres", "=0.3", "fibres=z:0..one", "fibres=w:0..1"])
def test_other_blends_are_refused(text):
    with pytest.raises(ReconError, match="--blend must be WEIGHTS=SHARE"):
        parse_blend(text)


def test_a_recipe_names_the_other_weights_from_its_folder(tmp_path):
    (tmp_path / "other.safetensors").touch()
    path = tmp_path / "recipe.toml"
    path.write_text('[harmonizer]\nname = "spectral"\nblend = "other.safetensors"\n')
    recipe = read_recipe(path)["harmonizer"]
    assert recipe["blend"] == str(tmp_path / "other.safetensors")


@pytest.mark.parametrize("name", ["electrode", "missing.safetensors"])
def test_a_blend_that_cannot_be_is_refused_before_anything_is_written(recon, name):
    run = ("run", "--weights", "porous", "--shape", 8, 8, 8, "--steps", 1, "--out", "out")
    error = recon(*run, "--blend", f"{name}=0.3", code=2).stderr
    assert name in error and error.count("\n") == 1
    assert not Path("out").exists()
