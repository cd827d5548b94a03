"""What is kept of a material: names, sizes, and the arrays that plugins measure."""

import attrs
import numpy as np
import pytest

from recon.core import Material, Micrographs, ReconError, Refiner
from recon.core.data.material import check_arrays
from recon.core.data.planes import PLANES
from recon.plugins.harmonizers.none import Nothing
from recon.plugins.refiners.islands import Islands


@attrs.frozen
class Areas(Refiner):
    """Needs the areas of parts."""

    name = "areas"

    @classmethod
    def measure_micrographs(cls, micrographs):
        return {"area": np.array([1.0, 2.0])}

    def refine(self, field, scene):
        return field


@pytest.fixture
def material():
    labels = np.random.default_rng(0).integers(0, 2, (2, 9, 11))
    return Material.of(Micrographs({plane: list(labels) for plane in PLANES}))


def test_every_installed_plugin_that_measures_is_asked(material):
    arrays = material.statistics.arrays
    assert set(arrays) == {"harmonizer.spectral", "refiner.islands", "refiner.patterns"}
    assert arrays["refiner.islands"].keys() == {"isolated"}
    assert arrays["refiner.patterns"].keys() == {f"{p}.{n}" for p in PLANES for n in (1, 2)}
    assert material.statistics.arrays_of(Islands()) is arrays["refiner.islands"]
    assert material.statistics.arrays_of(Areas()) == {}


def test_a_plugin_that_was_not_asked_is_refused(material):
    material.check_measured(Islands())
    material.check_measured(Nothing())  # it needs nothing
    with pytest.raises(ReconError, match="refiner areas needs what it measures on micrographs"):
        material.check_measured(Areas())


@pytest.mark.parametrize(
    "value",
    [
        None,
        [np.ones(3)],
        {3: np.ones(3)},
        {"a": [1.0, 2.0]},
        {"a": np.array([1.0, np.nan])},
        {"a": np.array([1j])},
        {"a": np.array(["b"])},
        {"a": np.ones(3, np.float16)},
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_cannot_be_kept_is_the_plugins_fault(value):
    with pytest.raises(ReconError, match="refiner areas must measure a dict of finite arrays"):
        check_arrays(Areas, value)


def test_one_phase_alone_is_no_material():
    with pytest.raises(ReconError, match="at least two phases, got one"):
        Material.of(Micrographs({"xy": [np.zeros((5, 5), np.uint8)]}))
