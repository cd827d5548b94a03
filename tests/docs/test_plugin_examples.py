"""The examples of docs/writing-plugins.md, taken from the page and used as its readers would."""

import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch

from recon.core import Micrographs, Volume, catalog
from recon.core.data.planes import NORMAL, PLANES
from recon.core.sampling.noise import respace
from recon.core.testing import check_plugin, sample_volume

PAGE = Path(__file__).parents[2] / "docs" / "writing-plugins.md"
CODE = {
    kind: code
    for kind, code in re.findall(
        r"<!-- plugin: (\w+) -->\n```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
    )
}
NAMES = {
    "metric": "small-parts",
    "property": "density",
    "schedule": "weighted",
    "harmonizer": "mean-of-turns",
    "refiner": "no-specks",
    "denoiser": "local-mean",
    "exporter": "points",
    "reader": "pgm",
    "command": "fractions",
}


NOTEBOOK = re.search(
    r"<!-- register -->\n```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
)[1]


@pytest.fixture(scope="module", autouse=True)
def installed(tmp_path_factory, forget_packages):
    """The modules as an installed package recon-mine."""
    site = tmp_path_factory.mktemp("site")
    folder = site / "recon_mine-0.1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: recon-mine\nVersion: 0.1\n")
    points = "".join(f"{kind} = mine_{kind}\n" for kind in CODE)
    (folder / "entry_points.txt").write_text(f"[recon]\n{points}")
    for kind, code in CODE.items():
        (site / f"mine_{kind}.py").write_text(code, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        forget_packages()
        yield
    forget_packages()


@pytest.fixture
def volume(recon):
    """volume.zarr: 16 x 12 x 14 voxels, two phases; one part of 8 voxels and one of 2."""
    labels = np.zeros((16, 12, 14), np.uint8)
    labels[2:4, 2:4, 2:4] = labels[8, 8, 8:10] = 1
    Volume(labels).save("volume.zarr")


@pytest.fixture
def micrographs(recon):
    """micrographs.zarr of a small volume."""
    labels = sample_volume().labels
    planes = {p: list(np.moveaxis(labels, NORMAL[p], 0)) for p in PLANES}
    Micrographs(planes).save("micrographs.zarr")


def test_there_is_one_for_each_kind():
    assert list(CODE) == list(NAMES)


@pytest.mark.parametrize("kind", [kind for kind in NAMES if kind != "command"])
def test_it_keeps_the_contract_of_its_kind(kind):
    entry = catalog().entry(kind, NAMES[kind])
    assert entry.package == "recon-mine"
    check_plugin(entry.cls)


def test_the_metric(recon, volume):
    recon("measure", "volume.zarr", "--metric", "small-parts", "--json", "out.json")
    assert json.loads(Path("out.json").read_text())["small-parts"]["data"] == pytest.approx(0.2)
    bad = recon(
        "measure", "volume.zarr", "--metric", "small-parts", "--set", "small-parts.phase=-1", code=2
    )
    assert "metric small-parts: phase must be >= 0, got -1" in bad.stderr


def test_the_property(recon, volume):
    share = 10 / (16 * 12 * 14)
    density = ("measure", "volume.zarr", "--property", "density", "--set")
    out = recon(*density, "density.densities=[100,300]").stdout
    assert f"density (kg/m3): {100 + 200 * share:.6g}" in out
    assert "one for each phase, got 1" in recon(*density, "density.densities=[1]", code=2).stderr


def test_schedule_harmonizer_and_denoiser_make_a_volume(recon, micrographs):
    train = ("train", "micrographs.zarr", "--denoiser", "local-mean", "--out", "mine.safetensors")
    recon(*train, "--set", "denoiser.side=5")
    kinds = ("denoiser", "schedule", "harmonizer")
    chosen = [word for kind in kinds for word in (f"--{kind}", NAMES[kind])]
    chosen += ["--refiner", NAMES["refiner"], "--set", "refiner.no-specks.share=1.5"]
    run = ("run", *chosen, "--weights", "mine.safetensors", "--steps", 6, "--shape", 12, 10, 8)
    run = (*run, "--no-report")
    recon(*run, "--set", "harmonizer.turns=2", "--out", "first")
    table = tomllib.loads(Path("first/recipe.toml").read_text())
    assert table["denoiser"]["side"] == 5 and table["harmonizer"]["turns"] == 2
    assert table["refiner"] == [{"name": "no-specks", "share": 1.5}]
    assert table["schedule"] == {"name": "weighted", "weights": [2.0, 1.0, 1.0]}
    first = Volume.open("first/volume.zarr")
    assert first.provenance["versions"]["recon-mine"] == "0.1"
    assert 0 < first.labels.mean() < 1
    recon("run", "first/recipe.toml", "--no-report", "--out", "second")
    assert np.array_equal(first.labels, Volume.open("second/volume.zarr").labels)


def test_its_estimate_is_the_mean_under_noise_and_the_slice_without(micrographs):
    denoiser = catalog().build("denoiser", "local-mean", side=1)
    denoiser.fit(Micrographs.open("micrographs.zarr"))
    first, *_, last = respace(denoiser.alpha_bar, 100)
    slices = torch.randn(2, 1, 8, 9, generator=torch.Generator().manual_seed(0))
    mean = float(denoiser.material.statistics.mean[0])
    assert denoiser.clean(slices, first, "xy") == pytest.approx(mean, abs=0.1)
    assert torch.allclose(denoiser.clean(slices, last, "xy"), slices, atol=0.02)


def test_the_exporter(recon, volume):
    recon("export", "volume.zarr", "volume.csv", "--set", "points.unit=1")
    rows = np.loadtxt("volume.csv", delimiter=",", skiprows=1)
    labels = Volume.open("volume.zarr").labels
    assert np.array_equal(rows[:, 3], labels.ravel())
    z, y, x = labels.nonzero()
    assert np.array_equal(rows[rows[:, 3] == 1, :3], np.stack([x, y, z], 1) + 0.5)


def test_the_reader(recon):
    grey = np.random.default_rng(0).integers(0, 256, (20, 30), np.uint8)
    Path("slice.pgm").write_bytes(b"P5\n30 20\n255\n" + grey.tobytes())
    check_plugin(catalog().entry("reader", "pgm").cls, Path("slice.pgm"))
    arguments = ("--xy", "slice.pgm", "--isotropic", "--thresholds", 128, "--out", "m.zarr")
    recon("import", *arguments, "--preview", "none")
    assert np.array_equal(Micrographs.open("m.zarr").planes["xz"][0], grey >= 128)
    Path("slice.pgm").write_bytes(b"P5\n30 20\n255\n" + grey.tobytes()[:-1])
    error = recon("import", "--xy", "slice.pgm", "--out", "n.zarr", code=2).stderr
    assert "image slice.pgm is damaged" in error


def test_the_command(recon, volume):
    share = 10 / (16 * 12 * 14)
    out = recon("fractions", "volume.zarr", "--digits", 4).stdout
    assert out == f"volume.zarr {1 - share:.4f} {share:.4f}\n"
    error = recon("fractions", "volume.zarr", "--digits", 0, code=2).stderr
    assert error == "Error: --digits must be >= 1, got 0\n"


def test_a_class_of_a_notebook_is_measured_and_compared_by_its_name():
    labels = np.random.default_rng(0).integers(0, 2, (32, 24, 24), np.uint8)
    names = {"volume": Volume(labels[:8, :8, :8]), "material": Volume(labels)}
    exec(compile(NOTEBOOK, PAGE.name, "exec"), names)
    assert catalog().entry("metric", "even-layers").cls is names["EvenLayers"]
