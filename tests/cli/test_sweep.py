"""`recon sweep` through the real command, with the closed-form denoiser and tiny networks."""

import csv
import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from recon.core import Micrographs, Volume, weights
from recon.workflow.folder import Folder

TINY = ("--denoiser", "gaussian", "--steps", 4, "--shape", 12, 10, 16, "--no-report")
BLEND = (*TINY, "--harmonizer", "gamma-blend")
VARY = ("--vary", "harmonizer.gamma=0.2,1", "--vary", "harmonizer.rounds=0,1")
NAMES = [f"gamma={gamma},rounds={rounds}" for gamma in ("0.2", "1") for rounds in (0, 1)]


def line(result):
    """The one line that an error is."""
    return result.stderr.strip().splitlines()[-1].removeprefix("Error: ")


def table(out):
    """Rows of the table by folder, without the seconds, which are those of the machine."""
    rows = list(csv.DictReader(Path(out, "table.csv").read_text().splitlines()))
    assert all(float(row.pop("seconds")) > 0 for row in rows)
    return {row["folder"]: row for row in rows}


@pytest.fixture
def micrographs(tmp_path):
    """micrographs.zarr of a random two-phase texture on three planes."""
    rng = np.random.default_rng(0)
    stacks = {plane: rng.random((1, 40, 30)) < 0.4 for plane in ("xy", "xz", "yz")}
    path = tmp_path / "micrographs.zarr"
    Micrographs(stacks, (4e-7,) * 3, ["pore", "solid"]).save(path)
    return path


def test_every_combination_is_the_run_of_its_values(recon):
    result = recon("sweep", *BLEND, *VARY, "--out", "out")
    assert {path.name for path in Path("out").iterdir()} == {
        *NAMES,
        "table.csv",
        "sweep.png",
        "sweep.toml",
    }
    rows = table("out")
    assert list(rows) == NAMES
    for gamma, rounds in ((0.2, 1), (1, 0)):
        name = f"gamma={gamma},rounds={rounds}"
        options = ("--set", f"harmonizer.gamma={gamma}", "--set", f"harmonizer.rounds={rounds}")
        recon("run", *BLEND, *options, "--out", "alone")
        alone, swept = Volume.open("alone/volume.zarr"), Volume.open(f"out/{name}/volume.zarr")
        assert np.array_equal(alone.labels, swept.labels)
        assert float(rows[name]["harmonizer.gamma"]) == gamma
        share = float(rows[name]["volume-fraction.1"])
        assert share == pytest.approx(alone.labels.mean(), rel=1e-5)
        Path("alone").rename(name)
    with Image.open("out/sweep.png") as image:
        assert image.width > 400 and len(image.convert("RGB").getcolors(1 << 20)) > 50
    assert all(len(text) < 80 for text in result.stdout.splitlines())
    assert [text.split()[:2] for text in result.stdout.splitlines()[2:6]] == [
        ["0.2", "0"],
        ["0.2", "1"],
        ["1", "0"],
        ["1", "1"],
    ]


@pytest.mark.slow
def test_against_micrographs_one_training_serves_all(recon, micrographs):
    recipe = "[harmonizer]\nname = 'gamma-blend'\nrounds = 1\n"
    Path("recipe.toml").write_text(f"samples = 2\nmicrographs = 'micrographs.zarr'\n{recipe}")
    vary = ("--vary", "steps=2,4", "--vary", "harmonizer.gamma=0.2,1")
    quick = ("--no-classifier", "--out")
    result = recon("sweep", "recipe.toml", *TINY[:2], *TINY[4:], *vary, *quick, "out")
    assert [path.name for path in Path("out/weights").iterdir()] == ["all.safetensors"]
    rows = table("out")
    assert list(rows)[1] == "steps=2,gamma=1"
    assert "sampling error (estimated from 2D)" in result.stdout and "spread" in result.stdout
    for row in rows.values():
        # The planes of these small images that have a sampling error are compared with it.
        floors = {p: row[f"two-point.floor.{p}"] for p in ("xy", "xz", "yz")}
        error = np.mean([float(row[f"two-point.error.{p}"]) for p in floors if floors[p]])
        floor = np.mean([float(value) for value in floors.values() if value])
        assert float(row["two-point.ratio"]) == pytest.approx(error / floor, rel=1e-4)
        planes = [float(row[f"lineal-path.error.{plane}"]) for plane in ("xy", "xz", "yz")]
        assert float(row["lineal-path.error"]) == pytest.approx(np.mean(planes), rel=1e-4)
        assert float(row["two-point.deviation"]) > 0 and float(row["two-point.spread"]) > 0
        share = float(row["volume-fraction.pore"]) + float(row["volume-fraction.solid"])
        assert share == pytest.approx(1, abs=1e-5)
    flags = (*TINY, "--harmonizer", "gamma-blend", "--samples", 2, "--set", "harmonizer.rounds=1")
    recon(
        *("run", *flags, "--set", "harmonizer.gamma=1"),
        *("--micrographs", micrographs, *quick, "a"),
    )
    for name in ("000.zarr", "001.zarr"):
        alone, swept = Volume.open(f"a/{name}"), Volume.open(f"out/steps=4,gamma=1/{name}")
        assert np.array_equal(alone.labels, swept.labels)


@pytest.mark.slow
def test_an_ablation_trains_a_network_for_each_value_that_training_depends_on(recon, micrographs):
    small = ("--set", "denoiser.steps=2", "--set", "denoiser.batch=2", "--set", "denoiser.crop=16")
    quick = ("--micrographs", micrographs, "--steps", 2, "--shape", 8, 8, 8)
    vary = ("--vary", "denoiser.width=8,16", "--vary", "denoiser.guidance=1,2")
    recon("sweep", *quick, *small, *vary, "--no-report", "--out", "out")
    assert not list(Path("out").glob("*/report.html"))
    files = sorted(Path("out/weights").iterdir())
    assert [path.name for path in files] == ["width=16.safetensors", "width=8.safetensors"]
    assert [weights.read(path).header["options"]["width"] for path in files] == [16, 8]
    for guidance in (1, 2):
        made = tomllib.loads(Path(f"out/width=8,guidance={guidance}/recipe.toml").read_text())
        assert made["denoiser"]["guidance"] == guidance
        assert Path(made["weights"]).name == "width=8.safetensors"


@pytest.mark.slow
def test_plugins_can_be_varied_and_options_hold_for_all(recon):
    vary = ("--vary", "harmonizer=gamma-blend,spectral", "--vary", "schedule=cyclic,random")
    recon("sweep", *TINY[:-1], "--set", "harmonizer.rounds=1", *vary, "--out", "out")
    assert len(list(Path("out").glob("*/report.html"))) == 4
    made = tomllib.loads(Path("out/harmonizer=spectral,schedule=random/recipe.toml").read_text())
    assert made["harmonizer"]["name"] == "spectral" and made["harmonizer"]["rounds"] == 1
    assert made["schedule"]["name"] == "random"


class Stop(Exception):
    """Stands for the end of the process."""


@pytest.mark.slow
def test_without_the_classifier_nothing_is_said_of_it(recon, micrographs):
    once = ("--vary", "harmonizer.gamma=0.5", "--micrographs", micrographs)
    recon("sweep", *BLEND, *once, "--no-classifier", "--out", "out")
    said = json.loads(Path("out/gamma=0.5/comparison.json").read_text())
    assert "classifier" not in said and "volume-fraction" in said


@pytest.mark.slow
def test_a_broken_sweep_goes_on_where_it_was(recon, monkeypatch, micrographs):
    sweep = ("sweep", *BLEND, *VARY, "--micrographs", micrographs, "--no-classifier")
    recon(*sweep, "--out", "whole")
    begun, end = [], Folder.end

    def stop_at(number):
        def stop(self):
            begun.append(self.path.name)
            if len(begun) == number:
                raise Stop
            end(self)

        monkeypatch.setattr(Folder, "end", stop)

    stop_at(2)
    with pytest.raises(Stop):
        recon(*sweep, "--out", "broken", "--resume")
    assert not Path("broken/sweep.png").exists()
    assert "holds an unfinished sweep; --resume" in line(recon(*sweep, "--out", "broken", code=2))
    other = recon(*sweep, "--steps", 3, "--out", "broken", "--resume", code=2)
    assert "holds another sweep, it differs in set" in line(other)
    kept = Path(f"broken/{NAMES[0]}/measurements.json").stat().st_mtime_ns
    # As if the process had died between the end of the first run and its row.
    Path(f"broken/.state/{NAMES[0]}.row.json").unlink()
    stop_at(None)
    result = recon("sweep", "--out", "broken", "--resume", "--no-classifier")
    assert begun == [NAMES[0], NAMES[1], *NAMES[1:], "broken"]
    assert Path(f"broken/{NAMES[0]}/measurements.json").stat().st_mtime_ns == kept
    assert table("broken") == table("whole")
    assert result.stdout.splitlines()[-1].startswith("broken: 4 runs")
    names = [sorted(path.name for path in Path(out).iterdir()) for out in ("whole", "broken")]
    assert names[0] == names[1]


def test_a_finished_sweep_is_not_done_again(recon):
    sweep = ("sweep", *TINY, "--vary", "harmonizer.eta=0,1")
    recon(*sweep)
    before = Path("recon-sweep/sweep.png").stat().st_mtime_ns
    for arguments in (sweep, ("sweep",)):
        result = recon(*arguments, "--out", "recon-sweep", "--resume")
        assert "is finished" in result.stderr
    assert Path("recon-sweep/sweep.png").stat().st_mtime_ns == before
    refused = recon(*sweep, "--out", "recon-sweep", code=2)
    assert "holds a finished sweep" in line(refused)
    other = ("sweep", *TINY, "--vary", "harmonizer.eta=0,0.5", "--out", "recon-sweep", "--resume")
    assert "holds another sweep, it differs in vary" in line(recon(*other, code=2))


def test_a_combination_that_fails_does_not_stop_the_others(recon):
    Path("out/eta=0.5").mkdir(parents=True)
    sweep = ("sweep", *TINY, "--vary", "harmonizer.eta=0,0.5,1", "--out", "out")
    assert "out holds something already" in line(recon(*sweep, code=2))
    Path("out/eta=0.5").rmdir()
    begun = Folder(Path("out/eta=0.5"))
    result = None

    def other_holds(self, recipe, resume, keep=Folder.begin):
        if self.path == begun.path:
            (self.path / "precious.txt").write_text("keep")
        keep(self, recipe, resume)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Folder, "begin", other_holds)
        result = recon(*sweep, code=2)
    assert "1 of 3 combinations failed: eta=0.5: out/eta=0.5 holds something" in line(result)
    assert list(table("out")) == ["eta=0", "eta=1"]
    Path("out/eta=0.5/precious.txt").unlink()
    recon(*sweep, "--resume")
    assert list(table("out")) == ["eta=0", "eta=0.5", "eta=1"]


BAD = [
    (("--vary", "harmonizer.runds=1,2"), "unknown option of harmonizer spectral 'runds'; did"),
    (("--vary", "harmonizer.eta=0.5,1.5"),
     "harmonizer spectral: eta must be in [0, 1], got 1.5"),
    (("--vary", "harmoniser.gamma=1"), "unknown table in --vary 'harmoniser'; did you mean"),
    (("--vary", "gamma=1"), "unknown key of the recipe in --vary 'gamma'"),
    (("--vary", "steps="), "--vary steps must have at least one value, got none"),
    (("--vary", "steps=2,,3"), "--vary steps must have a value between commas, got '2,,3'"),
    (("--vary", "steps=2,2"), "--vary steps gives 2 twice"),
    (("--vary", "steps=2,0"), "recipe: steps must be in [1, 1000], got 0"),
    (("--vary", "seed=1", "--vary", "seed=2"), "--vary gives seed twice"),
    (("--vary", "shape=[8,8,8],[8,8]"), "recipe: shape must be"),
    (("--vary", "steps"), "--vary must be KEY=VALUE,VALUE,..., got 'steps'"),
    (("--vary", "harmonizer=none,gama-blend"), "unknown harmonizer 'gama-blend'; did you mean"),
    (("--vary", "harmonizer.gamma=1", "--set", "harmonizer.gamma=1"), "harmonizer.gamma is varied"),
    (("--vary", "weights=nothing.safetensors"), "weights nothing.safetensors do not exist"),
    (("--vary", "micrographs=none.zarr"), "micrographs none.zarr does not exist"),
    (("none.toml", "--vary", "seed=1"), "cannot read recipe none.toml"),
    (("--vary", "seed=1", "--resume"), "--resume needs the --out"),
    ((), "a sweep needs something to vary"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_input_is_one_line_and_leaves_nothing(recon, arguments, message):
    result = recon("sweep", "--denoiser", "gaussian", *arguments, code=2)
    assert line(result).startswith(message)
    assert list(Path().iterdir()) == []


def test_width_of_trained_weights_and_missing_planes_are_refused_first(recon):
    result = recon("sweep", "--vary", "denoiser.width=8,16", "--out", "out", code=2)
    assert "cannot be 8; train again to change it" in line(result)
    Micrographs({"xy": np.arange(800).reshape(1, 20, 40) % 2}).save(Path("flat.zarr"))
    flat = ("sweep", *TINY, "--micrographs", "flat.zarr", "--vary", "seed=0,1", "--out", "out")
    assert "the micrographs show xy only" in line(recon(*flat, code=2))
    assert not Path("out").exists()
