"""A metric of another package joins comparison, verdict and report when it is installed."""

import numpy as np
import pytest
from scipy import ndimage

from recon.core import Micrographs, ReconError, Volume, catalog
from recon.validation.comparison.compare import compare
from recon.validation.comparison.metric_spec import list_compared
from recon.validation.report.page import render

HEAD = "import attrs, numpy as np, xarray as xr\nfrom recon.core import *\n"
SPECKS = (
    HEAD
    + """
@attrs.frozen
class LonePixels(Metric):
    '''Pixels of a phase without a neighbour of it in their slice, per pixel.'''
    name = "lone-pixels"
    title = "Lone pixels"
    compared = (
        Compared(phrase="the density of lone pixels", unit="1/pixel", micrographs=True),
    )

    def measure(self, sample):
        slices = [sample.labels] if hasattr(sample, "labels") else sample.planes.values()
        images = [np.asarray(image) for stack in slices for image in stack]
        return xr.DataArray(
            [np.mean([lone(image == k) for image in images]) for k in range(len(sample.phases))],
            dims="phase",
        )


def lone(mask):
    padded = np.pad(mask, 1)
    near = padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
    return (mask & ~near).mean()


@hookimpl
def recon_metrics():
    return [LonePixels]
"""
)
FAILING = (
    HEAD
    + """
@attrs.frozen
class Failing(Metric):
    '''Fails.'''
    name = "failing"
    compared = (Compared(micrographs=True),)
    def measure(self, sample):
        {body}

@hookimpl
def recon_metrics():
    return [Failing]
"""
)


def material(shape, seed):
    noise = np.random.default_rng(seed).normal(size=shape)
    return (ndimage.gaussian_filter(noise, 1.5, mode="wrap") > 0).astype(np.uint8)


NAMES = ("pore", "solid")


@pytest.fixture(scope="module")
def micrographs():
    labels = material((64, 64, 64), 1)
    stacks = {"xy": list(labels[::6]), "yz": list(np.moveaxis(labels[:, :, ::6], 2, 0))}
    return Micrographs(stacks, phases=NAMES)


@pytest.fixture(scope="module")
def speckled():
    """A volume of the material with single voxels sown into it."""
    labels = material((24, 24, 24), 2)
    sown = np.random.default_rng(3).uniform(size=labels.shape) < 0.02
    return Volume(np.where(sown, 1 - labels, labels), phases=NAMES)


@pytest.mark.slow
def test_it_joins_comparison_verdict_and_report(installed, micrographs, speckled):
    installed("recon-lone", SPECKS)
    assert list_compared(micrographs)[-1] == list_compared(speckled)[-1] == "lone-pixels"
    comparison = compare([speckled], micrographs)
    agreement = comparison.metrics["lone-pixels"]
    assert (agreement.title, agreement.unit) == ("Lone pixels", "1/pixel")
    finding = next(f for f in comparison.verdict.findings if f.statistic == "lone-pixels")
    assert finding.level == "not equivalent" and finding.where in ("xy", "yz")
    assert finding.text.startswith(f"the density of lone pixels on plane {finding.where}: ")
    assert comparison.to_table()["lone-pixels"]["ratio"] == pytest.approx(
        agreement.headline["ratio"]
    )
    measured = {"lone-pixels": catalog().build("metric", "lone-pixels").measure(speckled)}
    page = render([speckled], measured, micrographs, comparison)
    value = float(agreement.curves.sel(phase=1, plane="xy")[0])
    assert "<h2>Lone pixels</h2>" in page and "<h3>Lone pixels (1/pixel)</h3>" in page
    assert f"{value:.4g}" in page and finding.text in page


def test_it_is_compared_by_the_command(installed, recon, micrographs, speckled):
    installed("recon-lone", SPECKS)
    micrographs.save("micrographs.zarr")
    speckled.save("volume.zarr")
    against = ("--against", "micrographs.zarr", "--metric", "two-point", "--no-classifier")
    result = recon("measure", "volume.zarr", *against, "--fail-on", "lone-pixels>2", code=1)
    assert "the density of lone pixels on plane" in result.stdout


def test_one_that_does_not_say_so_is_measured_only(installed, micrographs, speckled):
    installed("recon-lone", SPECKS.replace("    compared = (", "    other = ("))
    assert "lone-pixels" not in list_compared(micrographs)
    asked = compare([speckled], micrographs, ["lone-pixels"]).metrics["lone-pixels"]
    assert asked.title == "Lone pixels" and asked.headline["ratio"] > 2


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            "return sample.labls",
            "failed in the comparison: AttributeError: 'Micrographs' object has no",
        ),
        ("return 'x'", "metric failing must return a number"),
        ("return xr.DataArray(np.ones((2, 3)), dims=('a', 'b'))", "at most one dim beside phase"),
        ("raise ReconError('needs salt')", "metric failing: needs salt"),
        (
            "n = next(iter(sample.planes.values()))[0].sum() % 5 + 1; "
            "return xr.DataArray(np.ones(n), dims='lag')",
            "results of samples of one size must have one shape to be compared",
        ),
    ],
)
def test_one_that_fails_is_named_in_one_line(installed, micrographs, speckled, body, reason):
    installed("recon-failing", FAILING.format(body=body))
    with pytest.raises(ReconError) as told:
        compare([speckled], micrographs, classifier=False)
    assert reason in str(told.value) and "metric failing" in str(told.value)
    assert "\n" not in str(told.value)
    if "AttributeError" in reason:
        assert "(recon_failing.py, line " in str(told.value)
        assert "RECON_DISABLED_PLUGINS=recon-failing" in str(told.value)


MASS = """
import attrs
import xarray as xr
from recon.core import Property, hookimpl


@attrs.frozen
class Mean(Property):
    "Mean label."

    name = "mean"

    def solve(self, volume):
        return float(volume.labels.mean())


@attrs.frozen
class Mass(Property):
    "The same with a unit."

    name = "mass"

    def solve(self, volume):
        return xr.DataArray(volume.labels.mean(), attrs={"units": "kg"})


@attrs.frozen
class Masses(Property):
    "The same as one of several."

    name = "masses"

    def solve(self, volume):
        return xr.Dataset({"x": xr.DataArray(volume.labels.mean())})


@hookimpl
def recon_properties():
    return [Mean, Mass, Masses]
"""


def test_a_property_is_compared_whatever_it_returns(installed, recon):
    installed("recon-mass", MASS)
    Volume(material((24, 24, 24), 2), phases=NAMES).save("volume.zarr")
    Volume(material((48, 48, 48), 3), phases=NAMES).save("real.zarr")
    properties = [word for name in ("mean", "mass", "masses") for word in ("--property", name)]
    against = ("--against", "real.zarr", "--metric", "volume-fraction", "--no-classifier")
    lines = recon("measure", "volume.zarr", *properties, *against).stdout.splitlines()
    compared = [text for text in lines if "real subvolumes" in text]
    for begin in ("mean: ", "mass (kg): ", "masses x: "):
        assert any(text.startswith(f"  {begin}") for text in compared)
