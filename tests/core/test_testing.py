import attrs
import numpy as np
import pytest

from recon.core import Metric, ReconError, catalog, option
from recon.core.testing import check_plugin

from .postponed import Postponed

NEEDED = {"homogenization": {"materials": "glass-epoxy"}}


@pytest.mark.parametrize(
    "entry", list(catalog()), ids=lambda entry: f"{entry.cls.kind}-{entry.cls.name}"
)
def test_every_shipped_plugin_keeps_its_contract(entry):
    check_plugin(entry.cls, **NEEDED.get(entry.cls.name, {}))


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
