"""Power beside bundled weights: used for their own micrographs and test, and for nothing else."""

import numpy as np
import pytest
from scipy import ndimage

from recon.core import Micrographs, Volume
from recon.validation.comparison import shipped_power
from recon.validation.comparison.cells import EVERY
from recon.validation.comparison.compare import compare
from recon.validation.comparison.power import Power, list_limits
from recon.validation.comparison.reference_cache import digest_micrographs
from recon.validation.comparison.shipped_power import list_shipped, read_shipped, write_shipped
from recon.validation.comparison.verdict import ALPHA
from recon.workflow.library.power import SIDE, measure_shipped

METRICS = ("surface-density.faces",)
SHAPE = (20, 20, 20)
MARK = Power("eroded", "0.5 pixels", "xy", 0.125)
LIMITS = {("two-point", "xy"): 2.0, ("classifier", EVERY): 4.0}


def make_labels(shape, seed):
    noise = np.random.default_rng(seed).normal(size=shape)
    return (ndimage.gaussian_filter(noise, 1.2, mode="wrap") > 0).astype(np.uint8)


def cut(labels):
    return Micrographs({"xy": list(labels[::4]), "xz": list(labels[:, ::4].swapaxes(0, 1))})


@pytest.fixture
def file(tmp_path):
    return tmp_path / "mine.power.json"


def test_it_is_read_for_the_same_micrographs_shape_and_limits_alone(file):
    write_shipped(file, "a" * 64, SHAPE, LIMITS, [MARK])
    assert read_shipped("a" * 64, SHAPE, LIMITS, [file]) == (MARK,)
    rounded = {key: limit * 1.0001 for key, limit in LIMITS.items()}
    assert read_shipped("a" * 64, SHAPE, rounded, [file]) == (MARK,)
    assert read_shipped("b" * 64, SHAPE, LIMITS, [file]) is None
    assert read_shipped("a" * 64, (20, 20, 24), LIMITS, [file]) is None
    other = {key: limit * 1.01 for key, limit in LIMITS.items()}
    assert read_shipped("a" * 64, SHAPE, other, [file]) is None
    without_classifier = {("two-point", "xy"): 2.0}
    assert read_shipped("a" * 64, SHAPE, without_classifier, [file]) is None
    assert read_shipped("a" * 64, SHAPE, LIMITS, [file.with_name("absent.power.json")]) is None


def test_a_comparison_takes_it_for_its_micrographs_and_measures_for_others(
    file, monkeypatch, tmp_path
):
    labels = make_labels((48, 48, 48), 0)
    sample, material = Volume(make_labels(SHAPE, 1)), cut(labels)
    monkeypatch.setenv("RECON_CACHE", "off")
    measured = compare([sample], material, METRICS)
    limits = list_limits(measured, ALPHA)
    write_shipped(file, digest_micrographs(material), SHAPE, limits, [MARK])
    monkeypatch.setattr(shipped_power, "list_shipped", lambda: {"mine": file})
    monkeypatch.setenv("RECON_CACHE", "on")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert compare([sample], material, METRICS).power == (MARK,)
    labels[0, 0, 0] ^= 1
    power = compare([sample], cut(labels), METRICS).power
    assert MARK not in power and len(power) == len(measured.power) > 1


def test_every_bundled_material_has_it_for_the_default_size():
    for name, path in list_shipped().items():
        assert path.is_file(), f"python -m recon.workflow.library.power {name}"
        text = path.read_text(encoding="utf-8")
        assert f'"shape": [{SIDE}, {SIDE}, {SIDE}]' in text and len(text) < 10_000


@pytest.mark.slow
@pytest.mark.parametrize("name", list_shipped())
def test_it_is_what_the_code_computes(name):
    micrographs, limits, power = measure_shipped(name)
    digest = digest_micrographs(micrographs)
    assert read_shipped(digest, (SIDE,) * 3, limits, [list_shipped()[name]]) == power
