"""Plugin packages that do not keep their contract, installed with real entry points.

That a broken package is left out and the others work is in tests/core/test_catalog.py too.
"""

import attrs
import numpy as np
import pytest
import torch

from recon.core import (
    Denoiser,
    Harmonizer,
    Metric,
    Property,
    Recipe,
    ReconError,
    Schedule,
    Volume,
    catalog,
    sample_steps,
)
from recon.core.recipe import Choice
from recon.core.testing import check_plugin
from recon.plugins.denoisers.gaussian import Gaussian

HEAD = "import attrs, sys, numpy as np, torch, xarray as xr\nfrom recon.core import *\n"
METRIC = """
@attrs.frozen
class Probe(Metric):
    '''A probe.'''
    name = "probe"
    def measure(self, sample):
        return {value}

@hookimpl
def recon_metrics():
    return {answer}
"""


def metric(value="1.0", answer="[Probe]"):
    return HEAD + METRIC.format(value=value, answer=answer)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise ValueError('two\\nlines')", "ValueError: two lines"),
        ("def f(): f()\nf()", "RecursionError"),
        (metric(answer="None"), "recon_metrics must return a list of classes, got None"),
        (metric(answer="Probe"), "must return a list of classes, got <class"),
        (metric(answer="'Probe'"), "must return a list of classes, got 'Probe'"),
        (metric(answer="3"), "must return a list of classes, got 3"),
        (metric(answer="[Probe()]"), "must return classes of Metric, got Probe()"),
        (metric(answer="[Property]"), "must return classes of Metric"),
        (metric(answer="[Metric]"), "must have a name"),
        (metric().replace('"probe"', '"Two words"'), "must have a name of a-z, 0-9 and -"),
        (metric().replace('"probe"', '""'), "must have a name of a-z, 0-9 and -"),
        (metric().replace('name = "probe"', 'name, kind = "probe", "x"'), "must be of kind metric"),
        (metric().replace('name = "probe"', 'name = "probe"\n    a: int'), "a default for a"),
    ],
)
def test_a_package_that_breaks_is_left_out(installed, source, reason):
    installed("recon-broken", source)
    with pytest.warns(UserWarning, match="plugin recon-broken is left out") as warned:
        plugins = catalog()
    assert reason in plugins.broken["recon-broken"] and "\n" not in str(warned[0].message)
    plugins.build("metric", "two-point")


def test_two_of_one_name_in_one_package(installed):
    installed("recon-foo", metric(answer="[Probe, Probe]"))
    with pytest.raises(ReconError, match="two plugins of kind metric for 'probe'"):
        catalog().build("metric", "probe")


def test_a_default_of_another_type_is_told_when_it_is_built(installed):
    source = metric().replace('name = "probe"', 'name = "probe"\n    a: int = option("x", "A.")')
    installed("recon-foo", source)
    with pytest.raises(ReconError, match="metric probe: a must be int, got 'x'"):
        catalog().build("metric", "probe")


@pytest.mark.parametrize(
    ("value", "got"),
    [
        ("None", "NoneType"),
        ("[1, 2]", "list"),
        ("object()", "object"),
        ("np.zeros(3)", "ndarray"),
        ("xr.DataArray([None])", "object"),
        ("xr.DataArray(['a'])", "<U1"),
        ("xr.DataArray(1j)", "complex128"),
        ("xr.Dataset({'a': ('x', [None])})", "object"),
    ],
)
def test_a_metric_that_returns_no_numbers_is_refused(installed, recon, tmp_path, value, got):
    installed("recon-foo", metric(value))
    Volume(np.eye(8, dtype=np.uint8)[None]).save(tmp_path / "v.zarr")
    result = recon("measure", "v.zarr", "--metric", "probe", "--json", "a.json", code=2)
    assert "metric probe must return a number, or a DataArray or Dataset of real" in result.stderr
    assert got in result.stderr and result.stderr.count("\n") == 1
    assert not (tmp_path / "a.json").exists()


@pytest.mark.parametrize(
    "value",
    ["np.nan", "True", "np.float32(2)", "xr.DataArray(np.zeros((0, 3)))", "xr.Dataset()"]
    + ["xr.DataArray(np.ones((2, 3, 4)))", "xr.DataArray([np.nan, 1], dims='lag')"],
)
def test_a_metric_of_unusual_dims_is_shown_and_written(installed, recon, tmp_path, value):
    installed("recon-foo", metric(value))
    Volume(np.eye(8, dtype=np.uint8)[None]).save(tmp_path / "v.zarr")
    recon("measure", "v.zarr", "--metric", "probe", "--json", "a.json")
    assert (tmp_path / "a.json").exists()


@attrs.frozen
class Astray(Schedule):
    """Names a plane that there is none."""

    name = "astray"

    def planes(self, step, steps, rng):
        return (("xy", "zx"), (), "xy", None)[step % 4]


@attrs.frozen
class Shrinking(Harmonizer):
    """Returns less than it was given."""

    name = "shrinking"

    def advance(self, x, step, clean, noise, scene):
        return x[:, 1:]


@attrs.define(eq=False)
class Halving(Gaussian):
    """Returns half of the slices."""

    name = "halving"

    def clean(self, slices, step, plane):
        return Gaussian.clean(self, slices, step, plane)[: len(slices) // 2]


@attrs.define(eq=False)
class Vandal(Gaussian):
    """Writes into what it is given."""

    name = "vandal"

    def clean(self, slices, step, plane):
        estimate = Gaussian.clean(self, slices, step, plane)
        slices.zero_()
        return estimate


RECIPE = Recipe(shape=(6, 7, 8), steps=3, denoiser=Choice("gaussian"), harmonizer=Choice("none"))


def used(monkeypatch, kind, cls):
    """A plugin in place of what the recipe names."""
    build = type(catalog()).build

    def instead(self, wanted, name, **options):
        return cls() if wanted == kind else build(self, wanted, name, **options)

    monkeypatch.setattr(type(catalog()), "build", instead)


@pytest.mark.parametrize(
    ("kind", "cls", "message"),
    [
        ("schedule", Astray, r"schedule astray must return a tuple of planes among xy, xz, yz, go"),
        ("harmonizer", Shrinking, r"must return a tensor of shape \(1, 6, 7, 8\), got \(1, 5, 7"),
        ("denoiser", Halving, r"denoiser halving must return a tensor of shape \(\d, 1, \d, \d\)"),
    ],
)
def test_what_the_sampler_cannot_go_on_with_is_refused(monkeypatch, kind, cls, message):
    used(monkeypatch, kind, cls)
    with pytest.raises(ReconError, match=message):
        list(sample_steps(RECIPE))


def test_a_denoiser_that_changes_its_input_does_no_harm(monkeypatch):
    *_, sound = sample_steps(RECIPE)
    used(monkeypatch, "denoiser", Vandal)
    *_, last = sample_steps(RECIPE)
    assert torch.equal(last.x, sound.x)


def test_labels_cannot_be_changed_by_a_property():
    @attrs.frozen
    class Eraser(Property):
        """Writes into the volume."""

        name = "eraser"

        def solve(self, volume):
            volume.labels[0] = 0

    volume = Volume(np.ones((3, 3, 3), np.uint8))
    with pytest.raises(ValueError, match="read-only"):
        Eraser().solve(volume)
    assert volume.labels.all()


@pytest.mark.parametrize(
    ("cls", "message"),
    [(Astray, "planes must be"), (Vandal, "must not change"), (Halving, None), (Shrinking, None)],
)
def test_check_plugin_finds_them(cls, message):
    with pytest.raises(AssertionError, match=message):
        check_plugin(cls)


def test_kinds_cannot_be_built_without_what_they_must_do():
    for kind in (Denoiser, Schedule, Harmonizer, Metric, Property):
        with pytest.raises(TypeError, match="abstract"):
            kind()
