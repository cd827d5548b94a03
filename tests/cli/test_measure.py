import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from recon.core import Micrographs, Volume, catalog


@pytest.fixture
def volume(tmp_path):
    """volume.zarr: blocks of three phases."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, (14, 12, 10), np.uint8).repeat(2, 0).repeat(2, 1).repeat(2, 2)
    Volume(labels, (4e-7,) * 3, ["pore", "grain", "binder"]).save(tmp_path / "volume.zarr")
    return Volume(labels)


def test_results_go_to_the_terminal_and_to_json(recon, volume):
    result = recon("measure", "volume.zarr", "--metric", "two-point", "--json", "out.json")
    assert "two-point:" in result.stdout and "lineal-path" not in result.stdout
    told = xr.DataArray.from_dict(json.loads(Path("out.json").read_text())["two-point"])
    expected = catalog().build("metric", "two-point").measure(volume)
    assert np.allclose(told, expected)


def test_without_names_it_measures_the_three_and_set_reaches_a_metric(recon, volume):
    recon("measure", "volume.zarr", "--set", "two-point.max_lag=3", "--json", "out.json")
    told = json.loads(Path("out.json").read_text())
    assert list(told) == ["volume-fraction", "two-point", "lineal-path"]
    assert xr.DataArray.from_dict(told["two-point"]).sizes["lag"] == 4


BEYOND = ("chord-length", "two-point-cluster", "surface-density", "percolation")
BEYOND += ("local-thickness", "orientation-tensor", "straight-chord", "bent-chord")
BEYOND += ("minkowski", "components", "contact", "local-percolation")


@pytest.mark.slow
def test_metrics_of_several_results_are_legible_and_on_the_page(recon, volume):
    names = [word for name in BEYOND for word in ("--metric", name)]
    result = recon("measure", "volume.zarr", *names, "--json", "out.json", "--report", "page.html")
    assert [line for line in result.stdout.splitlines() if line[0] != " " and line[-1] == ":"] == [
        f"{name}:" for name in BEYOND
    ]
    assert " values" not in result.stdout  # nothing is too large to be shown
    assert "specific_surface (1/voxel): 0 0." in result.stdout
    assert "components: 0 " in result.stdout and "eigenvalues: 1 0." in result.stdout
    told = json.loads(Path("out.json").read_text())
    for name in BEYOND:
        values = catalog().build("metric", name).measure(volume)
        kind = xr.Dataset if isinstance(values, xr.Dataset) else xr.DataArray
        named = kind.from_dict(told[name])
        xr.testing.assert_allclose(named.drop_vars("phase_name", errors="ignore"), values)
    page = Path("page.html").read_text()
    assert "chord-length" in page and "two-point-cluster" in page
    assert "specific_surface" in page and "spanning_share" in page


@pytest.mark.slow
def test_a_volume_of_one_phase_is_measured_by_all(recon):
    Volume(np.zeros((6, 7, 8), int), phases=["pore", "solid"]).save("one.zarr")
    names = [word for name in BEYOND for word in ("--metric", name)]
    recon("measure", "one.zarr", *names, "--json", "out.json", "--report", "page.html")
    assert list(json.loads(Path("out.json").read_text())) == list(BEYOND)


@pytest.mark.slow
def test_against_a_volume_and_against_micrographs(recon, volume):
    quick = ("measure", "volume.zarr", "--no-classifier", "--against")
    result = recon(*quick, "volume.zarr", "--report", "page.html")
    assert "two-point: error 0.000" in result.stdout
    assert "<html" in Path("page.html").read_text()
    planes = {"xy": volume.labels[::4], "xz": volume.labels[:, ::4].swapaxes(0, 1)}
    Micrographs(planes, (4e-7,) * 3, ["pore", "grain", "binder"]).save("m.zarr")
    result = recon(*quick, "m.zarr")
    assert "two-point: error" in result.stdout and "volume fractions: pore" in result.stdout


@pytest.fixture
def reference(recon):
    """real.zarr: blocks of three phases; other.zarr: more of them; fine.zarr: finer ones."""
    names = ["pore", "grain", "binder"]

    def blocks(seed, side, size):
        labels = np.random.default_rng(seed).integers(0, 3, (side,) * 3, np.uint8)
        return Volume(np.kron(labels, np.ones((size,) * 3, np.uint8)), (4e-7,) * 3, names)

    blocks(2, 18, 2).save("real.zarr")
    blocks(3, 8, 2).save("other.zarr")
    blocks(4, 16, 1).save("fine.zarr")


@pytest.mark.slow
def test_fail_on_leaves_with_1_after_everything_was_written(recon, reference):
    against = ("--against", "real.zarr", "--metric", "two-point")
    passed = ("--fail-on", "close", "--fail-on", "two-point>9")
    fine = recon("measure", "other.zarr", *against, *passed)
    assert fine.stdout.startswith("verdict: no difference found")  # of 8 voxels no one can tell
    weak = recon("measure", "other.zarr", *against, "--fail-on", "no-difference-found", code=1)
    assert "no-difference-found: no difference found: " in weak.stderr.splitlines()[-1]
    result = recon(
        *("measure", "fine.zarr", *against, "--fail-on", "not-equivalent"),
        *("--json", "out.json", "--report", "page.html"),
        code=1,
    )
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("Failed --fail-on not-equivalent: not equivalent: ")
    assert result.stdout.startswith("verdict: not equivalent.")
    told = json.loads(Path("out.json").read_text())["comparison"]["verdict"]
    assert told["level"] == "not equivalent" and told["headline"] in last
    assert Path("page.html").exists()


@pytest.mark.slow
def test_fail_on_the_ratio_of_a_statistic(recon, reference):
    planes = {"xy": Volume.open("real.zarr").labels[::4]}
    Micrographs(planes, (4e-7,) * 3, ["pore", "grain", "binder"]).save("m.zarr")
    against = ("--against", "m.zarr", "--metric", "two-point")
    result = recon("measure", "other.zarr", *against, "--fail-on", "two-point>0.01", code=1)
    assert "the error of two-point is" in result.stderr.splitlines()[-1]
    result = recon("measure", "other.zarr", *against, "--fail-on", "two-pont>1", code=2)
    assert "did you mean 'two-point'?" in result.stderr


def test_what_cannot_be_judged_fails(recon, volume):
    same = ("--against", "volume.zarr", "--metric", "two-point")
    result = recon("measure", "volume.zarr", *same, "--fail-on", "not-equivalent", code=1)
    assert "no verdict" in result.stderr.splitlines()[-1]
    result = recon("measure", "volume.zarr", *same, "--fail-on", "two-point>1", code=1)
    assert "two-point has no sampling error" in result.stderr.splitlines()[-1]


@pytest.mark.slow
def test_a_property_is_solved_for_real_subvolumes_too(recon, reference):
    result = recon(
        *("measure", "other.zarr", "--against", "real.zarr", "--property", "diffusivity"),
        *("--set", "diffusivity.phases=[0,1]", "--subvolumes", "17", "--json", "out.json"),
    )
    told = json.loads(Path("out.json").read_text())["comparison"]["properties"]["diffusivity"]
    constant = told["constants"]["relative z"]
    assert len(constant["subvolumes"]) >= 17 and len(constant["samples"]) == 1
    assert 0 < constant["p_value"] <= 1
    assert "diffusivity relative z: " in result.stdout and "real subvolumes " in result.stdout


@pytest.mark.slow
def test_metrics_asked_for_are_compared_where_they_can_be(recon, reference):
    result = recon(
        *("measure", "other.zarr", "--against", "real.zarr", "--metric", "orientation-tensor"),
        *("--metric", "two-point", "--json", "out.json"),
    )
    compared = json.loads(Path("out.json").read_text())["comparison"]
    assert {"two-point", "lineal-path", "orientation-tensor.eigenvalues"} <= set(compared)
    planes = {"xy": Volume.open("real.zarr").labels[::4]}
    Micrographs(planes, (4e-7,) * 3, ["pore", "grain", "binder"]).save("m.zarr")
    result = recon("measure", "other.zarr", "--against", "m.zarr", "--metric", "percolation")
    assert "percolation is not compared: metric percolation needs a volume" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.zarr",), "volume none.zarr does not exist"),
        (("https://host/v.zarr",), "volume https://host/v.zarr is an address, and recon reads"),
        (("s3://bucket/v.zarr",), "volume s3://bucket/v.zarr is an address, and recon reads"),
        (
            (".",),
            "volume . is not a readable zarr store but a folder that holds some; give one of them, "
            "such as volume.zarr",
        ),
        (("volume.zarr", "--metric", "lineal-pth"), "unknown metric 'lineal-pth'; did you mean"),
        (("volume.zarr", "--property", "colour"), "unknown property 'colour'"),
        (("volume.zarr", "--against", "none.zarr"), "volume none.zarr does not exist"),
        (("volume.zarr", "--set", "two-pont.max_lag=3"), "unknown metric or property in --set"),
        (("volume.zarr", "--set", "two-point.max_lag=0"), "metric two-point: max_lag must be >= 1"),
        (("volume.zarr", "--json", "none/out.json"), "cannot write none/out.json"),
        (("volume.zarr", "--fail-on", "close"), "--fail-on judges a comparison; give --against"),
        (
            ("volume.zarr", "--fail-on", "bad"),
            "Invalid value for '--fail-on': must be no-difference-found, close, ",
        ),
        (
            ("volume.zarr", "--subvolumes", "3"),
            "Invalid value for '--subvolumes': 3 is not in the range",
        ),
    ],
)
def test_bad_input_is_one_line(recon, volume, arguments, message):
    result = recon("measure", *arguments, code=2)
    assert result.stderr.strip().splitlines()[-1].startswith(f"Error: {message}")
    assert [path.name for path in Path().iterdir()] == ["volume.zarr"]


def test_phases_are_named_in_options(recon, reference):
    shown = []
    for phases in ("[pore,binder]", '["pore","binder"]', "[0,2]"):
        command = ("measure", "other.zarr", "--property", "diffusivity", "--json", "out.json")
        recon(*command, "--set", f"diffusivity.phases={phases}")
        told = json.loads(Path("out.json").read_text())["diffusivity"]["data_vars"]
        shown.append((told["relative"]["data"], told["volume_fraction"]["data"]))
    assert shown[0] == shown[1] == shown[2]
    bad = ("measure", "other.zarr", "--property", "diffusivity")
    result = recon(*bad, "--set", "diffusivity.phases=[bindr]", code=2)
    assert result.stderr == "Error: unknown phase 'bindr'; did you mean 'binder'?\n"


def test_the_flow_is_pictured_in_the_report_and_not_in_the_terminal(recon):
    labels = (np.random.default_rng(0).random((8, 8, 8)) < 0.8).astype(np.uint8)
    Volume(labels, phases=("grain", "pore")).save("rock.zarr")
    names = ("--property", "permeability", "--report", "r.html", "--json", "r.json")
    said = recon("measure", "rock.zarr", *names).stdout
    assert "darcy" in said and "speed:" in said and "speed_x" not in said
    page = Path("r.html").read_text(encoding="utf-8")
    assert page.count("data:image/png") >= 3 and "speed over its mean on the middle slice" in page
    measured = json.loads(Path("r.json").read_text())["permeability"]["data_vars"]
    assert np.shape(measured["speed_z"]["data"]) == (8, 8)


def test_a_result_without_a_number_is_told_as_such(recon):
    Volume(np.eye(4, dtype=np.uint8)[None].repeat(3, 0)).save("two.zarr")
    said = recon("measure", "two.zarr", "--metric", "triple-phase-boundary").stdout
    assert "note: a volume of two phases has no triple-phase boundary" in said
    assert "length" not in said and "percolating_share" not in said


def test_what_json_has_no_word_for_is_null(recon):
    """Nothing percolates on a checkerboard: its tortuosity is infinite."""
    board = np.indices((6, 6, 6)).sum(0) % 2
    Volume(board).save("v.zarr")
    names = ("--property", "diffusivity", "--property", "permeability", "--metric", "two-point")
    recon("measure", "v.zarr", *names, "--json", "a.json")

    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    table = json.loads(Path("a.json").read_text(), parse_constant=refuse)
    value = table["diffusivity"]["data_vars"]
    assert value["tortuosity_factor"]["data"] == [None] * 3
    assert value["relative"]["data"] == [0.0] * 3
    assert value["percolates"]["data"] == [False] * 3
