import shutil

import attrs
import nrrd
import numpy as np
import pytest
import xarray as xr
from PIL import Image

from recon.core import (
    Exporter,
    ImageFile,
    Metric,
    Reader,
    ReconError,
    Refiner,
    catalog,
    export,
    option,
)
from recon.core.sampling.slabs import map_slabs
from recon.core.testing import check_plugin, sample_volume

from .postponed import Postponed

NEEDED = {name: {"materials": "glass-epoxy"} for name in ("homogenization", "conductivity")}
NEEDED["target-diffusivity"] = {"value": 0.3}


SLOW = ("drainage", "target-diffusivity")
"""Plugins whose libraries compile again in every process, or that solve time and again."""


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(entry, marks=[pytest.mark.slow] if entry.cls.name in SLOW else [])
        for entry in catalog()
    ],
    ids=lambda entry: f"{entry.cls.kind}-{entry.cls.name}",
)
def test_every_shipped_plugin_keeps_its_contract(entry):
    check_plugin(entry.cls, **NEEDED.get(entry.cls.name, {}))


@pytest.fixture
def samples(tmp_path):
    """Reader -> a file that it reads, of the labels of the sample volume or its first slice."""
    volume = sample_volume()
    export(volume, *(tmp_path / f"a.{suffix}" for suffix in ("tif", "npy", "raw", "h5", "vti")))
    nrrd.write(str(tmp_path / "a.nrrd"), volume.labels, index_order="C")
    for suffix in ("png", "bmp", "jpg"):
        Image.fromarray(volume.labels[0] * 255).save(tmp_path / f"a.{suffix}", quality=100)
    header = np.zeros(256, "<i4")
    header[:4] = *volume.shape[::-1], 0  # columns, rows, sections of single bytes
    (tmp_path / "a.mrc").write_bytes(header.tobytes() + volume.labels.tobytes())
    volume.save(tmp_path / "a.zarr")
    shutil.make_archive(str(tmp_path / "a"), "zip", tmp_path / "a.zarr")
    return {name: tmp_path / f"a.{name}" for name in catalog().names("reader")}


@pytest.mark.parametrize("name", catalog().names("reader"))
def test_every_shipped_reader_gives_back_what_was_written(samples, name):
    entry = catalog().entry("reader", name)
    check_plugin(entry.cls, samples[name])
    slices = entry.cls().read(samples[name]).slices
    labels = sample_volume().labels
    if name in ("png", "bmp", "jpg"):
        assert np.array_equal(np.stack(slices) > 127, labels[:1])
    else:
        assert np.array_equal(np.stack(slices), labels)


def test_check_plugin_finds_an_exporter_that_writes_what_it_does_not_list():
    @attrs.frozen
    class Littering(Exporter):
        """Leaves a second file."""

        name = "littering"
        suffixes = (".a",)

        def write(self, volume, path):
            path.write_text("a")
            path.with_suffix(".b").write_text("b")

    with pytest.raises(AssertionError, match="must make the files that list_outputs tells"):
        check_plugin(Littering)


def test_check_plugin_finds_a_reader_of_no_numbers(tmp_path):
    @attrs.frozen
    class Wordy(Reader):
        """Reads words."""

        name = "wordy"
        suffixes = (".txt",)

        def read(self, path):
            return ImageFile(path, np.array([[path.read_text()]]))

    (tmp_path / "a.txt").write_text("a")
    check_plugin(Wordy)
    with pytest.raises(ReconError, match="must hold integers or real numbers"):
        check_plugin(Wordy, tmp_path / "a.txt")


@pytest.mark.parametrize("value", [[1.0], None, "x", xr.Dataset({"a": 1j})])
def test_check_plugin_finds_results_that_are_no_numbers(value):
    @attrs.frozen
    class Wrong(Metric):
        """Gives what is no number."""

        name = "wrong"

        def measure(self, sample):
            return value

    with pytest.raises(ReconError, match="metric wrong must return a number, or a DataArray"):
        check_plugin(Wrong)


def test_annotations_may_be_postponed():
    check_plugin(Postponed, count=3)
    with pytest.raises(ReconError, match="metric postponed: count must be >= 1, got 0"):
        Postponed(count=0)
    with pytest.raises(ReconError, match="metric postponed: count must be int, got 1.5"):
        Postponed(count=1.5)


def test_check_plugin_finds_a_metric_that_changes_its_input():
    @attrs.frozen
    class Vandal(Metric):
        """Writes into the volume."""

        name = "vandal"

        def measure(self, sample):
            source = sample.labels.base
            source[0] = 1 - source[0]
            return 0.0

    with pytest.raises(AssertionError, match="must not change"):
        check_plugin(Vandal)


def test_check_plugin_finds_an_unsteady_metric():
    state = np.random.default_rng(0)

    @attrs.frozen
    class Unsteady(Metric):
        """Never the same."""

        name = "unsteady"
        scale: float = option(1.0, "Factor.")

        def measure(self, sample):
            return self.scale * state.random()

    with pytest.raises(AssertionError, match="twice"):
        check_plugin(Unsteady)


@attrs.frozen
class Bad(Refiner):
    """Breaks the contract in the way that the option says."""

    name = "bad"
    in_slabs = True
    fault: str = option("none", "What it does.")
    turns: list = attrs.field(factory=list, init=False)

    def refine(self, field, scene):
        self.turns.append(1)
        match self.fault:
            case "anchors":
                return map_slabs(lambda part: -part, field)
            case "shape":
                return field[:, 1:]
            case "unsteady":
                return field * (1 + len(self.turns))
            case "slabs":
                return map_slabs(lambda part: part - part.mean(), field) * 0.1 + field
            case "infinite":
                return field / 0
        return field * 0.5


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("anchors", "anchors must stay"),
        ("shape", "keep its shape"),
        ("unsteady", "twice"),
        ("slabs", "in slabs"),
        ("infinite", "stay finite"),
    ],
)
def test_check_plugin_finds_refiners_that_break_their_contract(fault, message):
    check_plugin(Bad)
    with pytest.raises(AssertionError, match=message):
        check_plugin(Bad, fault=fault)
