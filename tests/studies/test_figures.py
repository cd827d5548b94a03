"""The commands of the study, on an embedded material and volumes of a few voxels."""

import json
import tomllib

import attrs
import click
import numpy as np
import properties
import pytest
import study as study_module
from ablation import ablation
from denoising import denoising_error
from grid import grid
from materials import NAMES
from matplotlib.figure import Figure
from PIL import Image
from reconstructions import reconstructions
from sizes import seam, sizes
from solids import cube
from study import RECIPES, Study, held_out
from timing import timing
from transfer import few, transfer

from recon.core import Micrographs, Recipe, Volume
from recon.core.bundled import find_weights

TABLE = {
    "material": "porous",
    "shape": [16, 16, 16],
    "seeds": 2,
    "training": {"width": 8, "steps": 3, "batch": 2, "crop": 16},
    "sampler": {"spectral": {"steps": 2}, "paper": {"steps": 2, "seeds": 1}},
}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return Study("small", TABLE, None, tmp_path_factory.mktemp("study"))


def left(study):
    """The numbers and the text of a figure, whose picture is one."""
    folder = study.out / "figures"
    Image.open(folder / f"{study.name}.png").verify()
    text = (folder / f"{study.name}.md").read_text()
    return json.loads((folder / f"{study.name}.json").read_text()), text


@pytest.mark.slow
def test_a_reconstruction_leaves_figure_table_and_numbers(small, monkeypatch):
    reconstructions(small)
    numbers, text = left(small)
    assert numbers["scores"]["spectral"]["seeds"] == 2
    assert numbers["scores"]["paper"]["seeds"] == 1
    error = numbers["scores"]["spectral"]["two-point"]["error"]
    assert error > 0 and f"{error:.3f}" in text
    assert set(numbers["planes"]["paper"]) == {"training", "held out"}
    monkeypatch.delattr(study_module, "train")  # the second time nothing is left to do
    reconstructions(small)
    assert left(small) == (numbers, text)


@pytest.mark.slow
def test_properties_of_real_pieces_and_volumes_are_kept(small, monkeypatch):
    monkeypatch.setattr(properties, "REAL", 4)
    study = attrs.evolve(small, name="transport")
    properties.transport(study)
    numbers, text = left(study)
    assert numbers["fraction of pore"]["real"]["n"] == 4
    assert numbers["fraction of pore"]["spectral"]["n"] == 2
    assert "0 comparisons" in text  # two volumes are too few for a test
    monkeypatch.delattr(properties, "catalog")
    properties.transport(study)
    assert left(study) == (numbers, text)


@pytest.mark.slow
def test_elasticity_has_a_table_for_each_set_of_materials(small, monkeypatch):
    monkeypatch.setattr(properties, "REAL", 4)
    materials = {"glass": {"materials": "glass-epoxy"}}
    study = attrs.evolve(small, name="elasticity", table=TABLE | {"materials": materials})
    properties.elasticity(study)
    numbers, text = left(study)
    assert 4.2 < numbers["glass: E x"]["real"]["median"] < 74
    assert "| E x |" in text and "overlap" in text


@pytest.mark.slow
def test_orientation_is_shown_as_properties_are(small, monkeypatch):
    monkeypatch.setattr(properties, "REAL", 4)
    study = attrs.evolve(small, name="orientation")
    properties.orientation(study)
    numbers, _ = left(study)
    trace = sum(numbers[f"a {i}"]["real"]["median"] for i in ("xx", "yy", "zz"))
    assert 0.9 < trace < 1.1


@pytest.mark.slow
def test_an_ablation_has_a_row_for_each_value(small):
    study = attrs.evolve(small, name="ablation", table=TABLE | {"vary": {"width": [8, 16]}})
    study.table["sampler"] = {"spectral": {"steps": 2}}
    ablation(study)
    rows, _ = left(study)
    assert [row["value"] for row in rows] == [8, 16]
    assert rows[0]["parameters"] < rows[1]["parameters"]


@pytest.mark.slow
def test_a_grid_is_a_sweep(small):
    table = {
        "material": "porous",
        "shape": [16, 16, 16],
        "seeds": 1,
        "training": TABLE["training"],
        "settings": {"harmonizer": "gamma-blend", "steps": 2},
        "vary": {"harmonizer.gamma": [0.5], "harmonizer.rounds": [1, 2]},
    }
    study = attrs.evolve(small, name="grid", table=table)
    grid(study)
    rows, text = left(study)
    assert [row["harmonizer.rounds"] for row in rows] == ["1", "2"]
    assert "sampling error" in text


@pytest.mark.slow
def test_transfer_starts_from_other_weights(small):
    more = {"slices": [3], "steps": [2], "from": ["", "fibres"]}
    training = TABLE["training"] | {"steps": 3}
    samplers = {"fast": {"steps": 2}}
    study = attrs.evolve(
        small, name="transfer", table=TABLE | more | {"training": training, "sampler": samplers}
    )
    transfer(study)
    numbers, _ = left(study)
    scratch, other = numbers["rows"]
    assert (scratch["from"], other["from"]) == ("", "fibres")
    assert scratch["denoising"] != other["denoising"]


@pytest.mark.slow
def test_sizes_give_the_seam_of_a_periodic_volume(small):
    volumes = {
        "16^3, periodic": {"shape": [16, 16, 16], "steps": 2, "periodic": ["z", "y", "x"]},
        "24^3": {"shape": [24, 24, 24], "steps": 2},
    }
    study = attrs.evolve(small, name="sizes", table=TABLE | {"volumes": volumes})
    sizes(study)
    numbers, _ = left(study)
    assert set(numbers["scores"]) == set(volumes) and list(numbers["seams"]) == ["16^3, periodic"]


@pytest.mark.slow
def test_timing_makes_each_volume_anew_and_keeps_none(small):
    volumes = {
        "one": {"shape": [16, 16, 16], "steps": 2, "repeat": 2},
        "two": {"shape": [16, 16, 16], "steps": 4, "repeat": 1},
    }
    study = attrs.evolve(small, name="timing", table=TABLE | {"volumes": volumes})
    kept = list((study.out / "volumes").rglob("*.zarr"))
    timing(study)
    rows = json.loads((study.out / "figures" / "timing.json").read_text())
    assert [len(row["seconds"]) for row in rows] == [2, 1]
    assert 0 < rows[0]["passes"] < rows[1]["passes"]
    assert list((study.out / "volumes").rglob("*.zarr")) == kept


def test_a_tomogram_that_is_not_there_is_named(tmp_path):
    with pytest.raises(click.UsageError, match="berea.tif, which does not exist; see --data"):
        Study.of("control", tmp_path, tmp_path).material  # noqa: B018


def test_a_single_slice_stands_for_all_planes(small):
    every = small.material.train.planes["xy"]
    single = attrs.evolve(small, table=TABLE | {"single": True})
    for stack in single.material.train.planes.values():
        (image,) = stack
        assert (image == every[len(every) // 2]).all()


def test_the_seam_is_what_differs_across_the_border():
    labels = np.zeros((4, 4, 4), np.uint8)
    labels[2:] = 1
    assert seam([Volume(labels)]) == [(1.0, pytest.approx(1 / 3)), (0.0, 0.0), (0.0, 0.0)]


def test_held_out_slices_are_not_those_of_the_training(small):
    what = small.material
    known = {image.tobytes() for stack in what.train.planes.values() for image in stack}
    others = held_out(what)
    assert not known & {image.tobytes() for stack in others.planes.values() for image in stack}


def test_few_slices_are_spread_evenly():
    images = Micrographs({"xy": [np.full((4, 4), k % 2, np.uint8) for k in range(9)]})
    assert [int(image[0, 0]) for image in few(images, 3).planes["xy"]] == [0, 0, 0]
    assert len(few(images, 20).planes["xy"]) == 9


@pytest.mark.slow
def test_a_network_denoises_its_own_material_better_than_noise(small):
    rng = np.random.default_rng(0)
    slices = held_out(small.material)
    noise = {
        plane: [rng.permuted(image.ravel()).reshape(image.shape) for image in stack]
        for plane, stack in slices.planes.items()
    }
    weights = find_weights("unet-ddpm", "porous")
    own = denoising_error(weights, slices)
    assert 0 < own < 0.4 < denoising_error(weights, Micrographs(noise))


def test_a_cube_shows_the_faces_of_the_volume():
    labels = np.random.default_rng(0).integers(0, 2, (3, 4, 5), np.uint8)
    axes = Figure().subplots()
    cube(axes, Volume(labels))
    front, top, side = (face.get_array().reshape(-1) for face in axes.collections)
    assert (front == labels[::-1, 0].ravel()).all()
    assert (top == labels[0].ravel()).all()
    assert (side == labels[::-1, :, -1].ravel()).all()


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_recipe_can_be_read(path):
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    if "phase" in table:  # of materials, not of a figure
        return
    study = Study.of(path.stem, None, path.parent)
    for settings in study.table.get("sampler", {}).values():
        Recipe.from_table({key: value for key, value in settings.items() if key != "seeds"})
    assert study.table["material"] in NAMES and min(study.shape) >= 16 and study.table["seeds"] > 1
