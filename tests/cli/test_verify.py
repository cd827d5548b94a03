"""`recon plugins --verify`, the version of the plugin interface, and faults inside a plugin."""

import numpy as np
import pytest

import recon as face
from recon.core import Volume, catalog

PACKAGE = """
import attrs
from recon.core import Metric, Property, Reader, hookimpl, option

@attrs.frozen
class Probe(Metric):
    '''A probe.'''
    name = "probe"
    lag: int = option(1, "A lag.", min=0)
    def measure(self, sample):
        return {value}

@attrs.frozen
class Mass(Property):
    '''Mass.'''
    name = "mass"
    def solve(self, volume):
        return float(volume.labels.sum())

@attrs.frozen
class Own(Reader):
    '''A format.'''
    name = "own"
    suffixes = (".own",)
    def read(self, path):
        return None

@hookimpl
def recon_metrics():
    return [Probe]

@hookimpl
def recon_properties():
    return [Mass]

@hookimpl
def recon_readers():
    return [Own]
"""


@pytest.fixture
def volume(recon):
    Volume(np.eye(8, dtype=np.uint8)[None].repeat(8, 0)).save("v.zarr")
    return "v.zarr"


def test_a_sound_package_passes_line_by_line(recon, installed):
    installed("recon-foo", PACKAGE.format(value="1.0"))
    lines = recon("plugins", "--verify", "recon-foo").stdout.splitlines()
    assert lines[:2] == ["metric probe: ok", "property mass: ok"]
    assert lines[2].startswith("reader own: ok, except for reading")


@pytest.mark.parametrize(
    ("value", "reason"),
    [("__import__('random').random()", "measuring twice must give the same"), ("1 / 0", "ZeroDiv")],
)
def test_a_plugin_that_breaks_its_contract_fails(recon, installed, value, reason):
    installed("recon-foo", PACKAGE.format(value=value))
    result = recon("plugins", "--verify", "recon-foo", code=2)
    assert f"metric probe: FAILED, {reason}" in result.stdout
    assert result.stderr == "Error: 1 of 3 plugins of recon-foo failed: metric probe\n"


@pytest.mark.filterwarnings("ignore:plugin recon-foo is left out")
def test_a_package_that_is_not_there_or_does_not_load(recon, installed):
    installed("recon-foo", "raise ValueError('no')")
    result = recon("plugins", "--verify", "recon-foo", code=2)
    assert "package recon-foo does not load: ValueError: no" in result.stderr
    result = recon("plugins", "--verify", "microrecom", code=2)
    assert "unknown package with plugins 'microrecom'; did you mean 'microrecon'?" in result.stderr


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        ("RECON_API = 0\n", "made for version 0 of recon's plugin interface, and this recon has"),
        ("from recon.core import Gone\n", "it was made for another version of recon"),
    ],
)
def test_a_package_for_another_interface_says_so(installed, head, reason):
    installed("recon-foo", head + PACKAGE.format(value="1.0"))
    with pytest.warns(UserWarning, match="left out"):
        assert reason in catalog().broken["recon-foo"]


def test_the_interface_of_today_is_accepted(installed):
    installed("recon-foo", "RECON_API = 1\n" + PACKAGE.format(value="1.0"))
    assert catalog().entry("metric", "probe").package == "recon-foo"


def test_an_exception_inside_a_plugin_names_the_plugin(recon, installed, volume, monkeypatch):
    installed("recon-foo", PACKAGE.format(value="sample.labels / None"))
    result = recon("measure", volume, "--metric", "probe", code=2)
    assert result.stderr.startswith("Error: metric probe of package recon-foo failed: TypeError: ")
    assert "(recon_foo.py, line 11)" in result.stderr and result.stderr.count("\n") == 1
    monkeypatch.setenv("RECON_TRACEBACK", "1")
    with pytest.raises(TypeError):
        recon("measure", volume, "--metric", "probe")


def test_an_exception_of_recon_keeps_its_traceback(recon, volume, monkeypatch):
    def fail(self, sample):
        raise TypeError("a defect")

    monkeypatch.setattr(catalog().entry("metric", "two-point").cls, "measure", fail)
    with pytest.raises(TypeError, match="a defect"):
        recon("measure", volume, "--metric", "two-point")


@pytest.mark.slow
def test_a_class_of_a_notebook_joins_the_comparison():
    import attrs

    from recon.core import Compared, Metric

    class Half(Metric):
        """Share of the last phase in every other layer."""

        name = "half"
        compared = (Compared(phrase="every other layer"),)

        def measure(self, sample):
            return float((sample.labels[::2] == 1).mean())

    try:
        face.register(attrs.frozen(Half))
        labels = np.random.default_rng(0).integers(0, 2, (32, 24, 24), np.uint8)
        volume, material = Volume(labels[:8, :8, :8]), Volume(labels)
        named = face.compare(volume, material, metrics=["half"], classifier=False)
        assert list(named.metrics) == ["half"]
        by_itself = face.compare(volume, material, classifier=False)
        assert "half" in by_itself.metrics
    finally:
        catalog.cache_clear()
