"""recon compare: several runs or volumes, each judged against what all share."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from recon.core import Micrographs, Volume

PHASES = ("pore", "<i>active</i>")
SIZE = (4e-7, 4e-7, 4e-7)


def labels(shape, seed, length):
    noise = np.random.default_rng(seed).normal(size=shape)
    smooth = ndimage.gaussian_filter(noise, length, mode="wrap")
    return (smooth > np.quantile(smooth, 0.6)).astype(np.uint8)


@pytest.fixture
def files(recon):
    """Micrographs; volumes of their texture, of another size and coarser; a run of two."""
    material = labels((48, 48, 48), 0, 1.2)
    stacks = {
        plane: list(np.moveaxis(material, axis, 0)[::6])
        for axis, plane in enumerate(("xy", "xz", "yz"))
    }
    Micrographs(stacks, SIZE, PHASES).save("m.zarr")
    for name, shape, seed, length in (
        ("alike", (16, 18, 20), 1, 1.2),
        ("larger", (20, 20, 20), 2, 1.2),
        ("coarse", (16, 18, 20), 3, 3.0),
    ):
        recipe = {"recipe": {"seed": seed, "micrographs": str(Path("m.zarr").absolute())}}
        Volume(labels(shape, seed, length), SIZE, PHASES, recipe).save(f"{name}.zarr")
    run = Path("run")
    run.mkdir()
    for number in (0, 1):
        made = labels((16, 18, 20), 4 + number, 1.2)
        Volume(made, SIZE, PHASES).save(str(run / f"00{number}.zarr"))
    (run / "recipe.toml").write_text('micrographs = "m.zarr"\nseed = 4\n')


@pytest.mark.slow
def test_each_has_the_verdict_that_it_has_alone_and_a_place_on_the_page(recon, files):
    """Among others of its size, of another size, and as a run of two that names its micrographs."""
    asked = ("alike.zarr", "larger.zarr", "coarse.zarr", "run")
    said = recon("compare", *asked, "--json", "a.json", "--report", "page.html").stdout
    content = json.loads(Path("a.json").read_text())
    assert tuple(content) == asked
    assert content["coarse.zarr"]["verdict"]["level"] == "not equivalent"
    assert "coarse.zarr: not equivalent. " in said
    assert {name: table["samples"] for name, table in content.items()} == {
        "alike.zarr": 1,
        "larger.zarr": 1,
        "coarse.zarr": 1,
        "run": 2,
    }
    recon("measure", "alike.zarr", "--against", "m.zarr", "--json", "one.json")
    alone = json.loads(Path("one.json").read_text())["comparison"]
    assert content["alike.zarr"]["verdict"] == alone["verdict"]
    assert content["alike.zarr"]["classifier"] == alone["classifier"]
    page = Path("page.html").read_text(encoding="utf-8")
    assert page.count('class="card verdict"') == 4 and "Mean chord length, µm" in page
    assert "&lt;i&gt;active&lt;/i&gt;" in page and "<i>active</i>" not in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("alike.zarr",), "two runs or volumes at least are needed, got 1"),
        (("alike.zarr", "alike.zarr"), "alike.zarr is given twice"),
        (("alike.zarr", "m.zarr", "--against", "m.zarr"), "m.zarr holds micrographs"),
        (("alike.zarr", "run/000.zarr"), "does not record its micrographs; give a reference"),
        (("alike.zarr", "other.zarr"), "all must be of the same micrographs"),
        (("alike.zarr", "empty"), "empty does not record its micrographs"),
        (("alike.zarr", "gone.zarr"), "run or volume gone.zarr does not exist"),
        (("alike.zarr", "empty", "--against", "m.zarr"), "empty holds no *.zarr"),
        (("alike.zarr", "coarse.zarr", "--report", "no/page.html"), "no is no folder"),
    ],
)
def test_what_cannot_be_compared_is_one_line(recon, files, arguments, message):
    Path("empty").mkdir()
    recipe = {"recipe": {"micrographs": "other-m.zarr"}}
    Volume(labels((16, 18, 20), 1, 1.2), SIZE, PHASES, recipe).save("other.zarr")
    result = recon("compare", *arguments, code=2)
    assert message in result.stderr and len(result.stderr.strip().splitlines()) == 1
    assert not Path("page.html").exists()
