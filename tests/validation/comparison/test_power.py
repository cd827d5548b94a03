import json

import attrs
import numpy as np
import pytest
from scipy import ndimage

from recon.core import Micrographs, Volume
from recon.validation.comparison.cells import EVERY
from recon.validation.comparison.compare import compare
from recon.validation.comparison.power import Power, count_noticed, is_weak, list_limits
from recon.validation.comparison.verdict import ALPHA, INDISTINGUISHABLE, NO_DIFFERENCE

METRICS = ("surface-density.faces",)


def material(shape, seed):
    """Two-phase labels, isotropic."""
    noise = np.random.default_rng(seed).normal(size=shape)
    return (ndimage.gaussian_filter(noise, 2, mode="wrap") > 0).astype(np.uint8)


def cut(labels, step):
    return Micrographs(
        {
            "xy": list(labels[::step]),
            "xz": list(labels[:, ::step].swapaxes(0, 1)),
            "yz": list(np.moveaxis(labels[:, :, ::step], 2, 0)),
        }
    )


@pytest.fixture(scope="module")
def whole():
    return material((120, 120, 120), 1)


@pytest.fixture(scope="module")
def fresh():
    return Volume(material((40, 40, 40), 2))


@pytest.fixture(scope="module")
def strong(whole, fresh):
    return compare([fresh], cut(whole, 4), METRICS)


@pytest.fixture(scope="module")
def weak(whole, fresh):
    """Eight small images a plane, far apart."""
    planes = {
        plane: [image[:40, :40] for image in stack]
        for plane, stack in cut(whole, 15).planes.items()
    }
    return compare([fresh], Micrographs(planes), METRICS)


def rates(comparison):
    return {(one.fault, one.amount, one.plane): one.found for one in comparison.power}


def test_much_material_shows_large_faults_on_every_plane_and_no_mirror(strong):
    result = rates(strong)
    for plane in ("xy", "xz", "yz"):
        assert result["smoothed", "3 x 3 pixels", plane] >= 0.75
        assert result["specks", "1 % of the pixels", plane] >= 0.75
        assert result["magnified", "1.3 times", plane] >= 0.75
        assert result["mirrored", "left to right", plane] <= 0.25


def test_planes_together_notice_what_each_does_not(strong):
    result = rates(strong)
    noticed = count_noticed(strong.power)
    assert noticed[EVERY][0] > max(noticed[plane][0] for plane in ("xy", "xz", "yz"))
    assert result["mirrored", "left to right", EVERY] == 0


def test_little_material_shows_less(strong, weak):
    assert sum(rates(weak).values()) < sum(rates(strong).values())


def test_no_difference_is_only_indistinguishable_where_the_test_could_have_found_one(strong, weak):
    assert strong.verdict.level == INDISTINGUISHABLE
    assert weak.verdict.level == NO_DIFFERENCE
    assert "the test is weak: on plane xy it notices" in weak.verdict.headline
    assert "8 windows of 40 x 40 pixels" in weak.verdict.headline
    unknown = attrs.evolve(strong, power=())
    assert unknown.verdict.level == NO_DIFFERENCE and "not known" in unknown.verdict.headline


def test_power_is_in_the_json(strong):
    table = strong.to_table()["power"]
    assert len(table) == 8 * 4 and set(table[0]) == {"fault", "amount", "plane", "found"}
    json.dumps(table, allow_nan=False)
    assert "known faults that would be noticed: xy " in strong.to_text()


def test_without_the_classifier_statistics_find_what_they_measure(whole, fresh):
    comparison = compare([fresh], cut(whole, 8), ("components.number",), classifier=False)
    result = rates(comparison)
    assert comparison.classifier is None and "classifier" not in comparison.to_table()
    assert all(result["specks", "1 % of the pixels", plane] >= 0.5 for plane in ("xy", "xz", "yz"))


def test_against_a_volume_the_classifier_tells_the_power(whole, fresh):
    comparison = compare([fresh], Volume(whole), METRICS[:1])
    assert {one.plane for one in comparison.power} == {"xy", "xz", "yz", EVERY}
    assert comparison.verdict.level == INDISTINGUISHABLE
    blind = compare([fresh], Volume(whole), METRICS[:1], classifier=False)
    assert blind.power == () and blind.verdict.level == NO_DIFFERENCE


def test_every_judged_cell_has_a_limit(strong):
    limits = list_limits(strong, ALPHA)
    assert set(limits) == {
        *((name, plane) for name in (*METRICS, "classifier") for plane in ("xy", "xz", "yz")),
        ("classifier", EVERY),
    }
    assert min(limits.values()) >= 1


def test_planes_are_weak_by_the_share_of_harmful_faults_that_they_notice():
    powers = [
        Power("a", "1", "xy", 0.5),
        Power("b", "1", "xy", 0.25),
        Power("mirrored", "1", "xy", 0.0, harmful=False),
        Power("a", "1", "xz", 0.25),
    ]
    noticed = count_noticed(powers)
    assert noticed == {"xy": (1, 2), "xz": (0, 1)}
    assert [is_weak(*one) for one in noticed.values()] == [False, True]
