"""Discovery through real entry points of real (if tiny) installed distributions."""

import pytest

from recon.core import ReconError, catalog

METRIC = """
import attrs
from recon.core import Metric, hookimpl, option

@attrs.frozen
class Probe(Metric):
    '''A probe.'''
    name = "{name}"
    def measure(self, sample):
        return 1.0

@hookimpl
def recon_metrics():
    return [Probe]
"""


def test_the_built_in_plugins_come_through_the_entry_point():
    entry = catalog().entry("harmonizer", "gamma-blend")
    assert entry.package == "microrecon"
    assert entry.cls.__module__ == "recon.plugins.harmonizers.gamma_blend"


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("denoiser", {"unet-ddpm", "gaussian"}),
        ("schedule", {"cyclic", "random", "simultaneous"}),
        ("harmonizer", {"none", "gamma-blend"}),
        (
            "metric",
            {"volume-fraction", "two-point", "lineal-path", "chord-length", "two-point-cluster"}
            | {"surface-density", "percolation", "local-thickness", "orientation-tensor"}
            | {
                "straight-chord",
                "bent-chord",
                "minkowski",
                "components",
                "contact",
                "local-percolation",
            },
        ),
    ],
)
def test_the_bundled_names_are_there(kind, names):
    assert names <= set(catalog().names(kind))


def test_a_foreign_plugin_is_found_and_built(installed):
    installed("recon-foo", METRIC.format(name="probe"))
    entry = catalog().entry("metric", "probe")
    assert (entry.package, entry.version) == ("recon-foo", "1.2")
    assert catalog().build("metric", "probe").measure(None) == 1.0


def test_an_unknown_name_gets_a_suggestion():
    with pytest.raises(ReconError) as caught:
        catalog().build("metric", "lineal-pth")
    assert str(caught.value) == "unknown metric 'lineal-pth'; did you mean 'lineal-path'?"
    with pytest.raises(ReconError, match="unknown kind of plugin 'metrik'; did you mean 'metric'"):
        catalog().names("metrik")


def test_a_clash_of_names_names_both_and_spares_the_rest(installed):
    installed("recon-foo", METRIC.format(name="lineal-path"))
    with pytest.raises(ReconError) as caught:
        catalog().build("metric", "lineal-path")
    assert str(caught.value) == (
        "two plugins of kind metric for 'lineal-path': lineal-path of microrecon and lineal-path "
        "of recon-foo; uninstall one or set RECON_DISABLED_PLUGINS"
    )
    catalog().build("metric", "two-point")


def test_a_package_can_be_disabled(installed, monkeypatch):
    monkeypatch.setenv("RECON_DISABLED_PLUGINS", "recon-foo,recon-bar")
    installed("recon-foo", METRIC.format(name="lineal-path"))
    assert catalog().entry("metric", "lineal-path").package == "microrecon"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise OSError('no license')", "OSError: no license"),
        ("import not_there", "ModuleNotFoundError"),
        ("def f(:", "SyntaxError"),
        (METRIC.format(name="probe").replace("[Probe]", "[3]"), "recon_metrics must return"),
        (METRIC.format(name="probe").replace("def measure", "def mesure"), "implement measure"),
        (
            METRIC.format(name="probe").replace("def recon_metrics", "def recon_metric"),
            "recon_metric",
        ),
        (METRIC.format(name="probe").replace("@attrs.frozen\n", ""), "be decorated"),
        (
            METRIC.format(name="probe").replace("    def m", "    k = option(1, 'K.')\n    def m"),
            "Probe must annotate option k with its type",
        ),
        (
            METRIC.format(name="probe").replace("    def m", "    compared = 1\n    def m"),
            "Probe must have a tuple as compared",
        ),
    ],
)
def test_a_broken_package_is_left_out_and_the_others_work(installed, source, reason):
    installed("recon-broken", source)
    with pytest.warns(UserWarning, match="plugin recon-broken is left out"):
        plugins = catalog()
    assert reason in plugins.broken["recon-broken"]
    plugins.build("metric", "two-point")
    with pytest.raises(ReconError, match="unknown metric 'probe'.*not loaded: plugin recon-broken"):
        plugins.build("metric", "probe")


def test_the_index_of_bundled_plugins_is_what_their_classes_say():
    from recon.plugins import INDEX
    from recon.plugins.index import list_plugins

    assert INDEX.read_text(encoding="utf-8") == list_plugins()
