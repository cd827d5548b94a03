import json

import attrs
import numpy as np
import pytest
import xarray as xr
from scipy import ndimage

from recon.core import Micrographs, Volume, catalog
from recon.validation.comparison.boxes import (
    compute_overlap_factors,
    count_independent,
    place_boxes,
)
from recon.validation.comparison.cells import Block, Cell
from recon.validation.comparison.compare import compare
from recon.validation.comparison.null import bound_spread, calibrate
from recon.validation.comparison.property_agreement import PropertyAgreement, list_constants
from recon.validation.comparison.verdict import (
    CLOSE,
    INDISTINGUISHABLE,
    LEVELS,
    NO_DIFFERENCE,
    NOT_EQUIVALENT,
    UNKNOWN,
)

NAMES = ("pore", "solid")
FINE = (INDISTINGUISHABLE, NO_DIFFERENCE)


def material(shape, grain, seed):
    """Two-phase labels with a correlation length along (z, y, x)."""
    noise = np.random.default_rng(seed).normal(size=shape)
    return (ndimage.gaussian_filter(noise, grain, mode="wrap") > 0).astype(np.uint8)


def cut_subvolume(seed):
    """24^3 voxels of another volume of the layered material."""
    return material((40, 40, 40), (1, 1, 2), seed)[:24, :24, :24]


@pytest.fixture(scope="module")
def layered():
    """A material that is coarser along x than along y and z."""
    return Volume(material((48, 72, 72), (1, 1, 2), 1), phases=NAMES)


@pytest.fixture(scope="module")
def micrographs(layered):
    labels = layered.labels
    planes = {
        "xy": list(labels[::6]),
        "xz": list(labels[:, ::9].swapaxes(0, 1)),
        "yz": list(np.moveaxis(labels[:, :, ::9], 2, 0)),
    }
    return Micrographs(planes, phases=NAMES)


@pytest.fixture(scope="module")
def fresh():
    """One that is about in the middle of what real subvolumes do."""
    return cut_subvolume(4)


FLAT = ("two-point", "chord-length.mean", "surface-density.faces", "volume-fraction")


def judged(labels, reference, metrics=FLAT):
    return compare([Volume(labels, phases=NAMES)], reference, metrics).verdict


def apart(comparison):
    """The verdict on each sample by itself; the sampling error is found once for all of them."""
    return (one.verdict for one in comparison.each())


@pytest.fixture(scope="module")
def verdicts(layered, micrographs, fresh):
    """(name of a sample, "volume" or "micrographs") -> verdict"""
    samples = {
        "fresh": fresh,
        "eroded": ndimage.binary_erosion(fresh, border_value=1).astype(np.uint8),
        "turned": fresh.transpose(2, 1, 0),  # coarse along z
        "shuffled": np.random.default_rng(0).permutation(fresh.ravel()).reshape(fresh.shape),
    }
    volumes = [Volume(labels, phases=NAMES) for labels in samples.values()]
    flat = (*FLAT, "chord-length.density")
    return {
        (name, kind): verdict
        for kind, entry in (
            ("volume", compare(volumes, layered, (*flat, "two-point-cluster"))),
            ("micrographs", compare(volumes, micrographs, flat)),
        )
        for name, verdict in zip(samples, apart(entry), strict=True)
    }


BOTH = pytest.mark.parametrize("kind", ["volume", "micrographs"])


@BOTH
def test_another_subvolume_of_the_material_differs_in_nothing(verdicts, kind):
    verdict = verdicts["fresh", kind]
    assert verdict.level in FINE and not verdict.findings
    assert verdict.value <= verdict.limit and verdict.p_value >= 0.05


@BOTH
def test_a_phase_that_lost_a_voxel_all_around_is_told_by_its_amount_and_its_chords(verdicts, kind):
    verdict = verdicts["eroded", kind]
    assert verdict.level in (CLOSE, NOT_EQUIVALENT) and verdict.p_value < 0.01
    assert {f.statistic for f in verdict.findings} >= {"volume-fraction", "chord-length.mean"}


def test_exchanged_axes_are_told_on_the_planes_and_directions_that_changed(verdicts):
    verdict = verdicts["turned", "volume"]
    assert verdict.level == NOT_EQUIVALENT
    assert {f.where for f in verdict.findings if f.statistic != "classifier"} == {"x", "z"}
    verdict = verdicts["turned", "micrographs"]
    assert verdict.level in (CLOSE, NOT_EQUIVALENT)
    others = {f.where for f in verdict.findings if f.statistic != "classifier"}
    assert others == {"xy", "yz"}
    # which the mean over both axes of a plane does not show
    assert ("classifier", "xz") in {(f.statistic, f.where) for f in verdict.findings}
    assert "on all planes together, most on x" in verdict.headline


@BOTH
def test_shuffled_voxels_keep_their_amount_and_nothing_else(verdicts, kind):
    verdict = verdicts["shuffled", kind]
    assert verdict.level == NOT_EQUIVALENT
    failed = {f.statistic for f in verdict.findings}
    assert failed >= {"chord-length.mean", "chord-length.density", "surface-density.faces"}
    assert "volume-fraction" not in failed
    excess = [f.value / f.limit for f in verdict.findings]
    assert excess == sorted(excess, reverse=True)


def test_what_every_plane_says_a_little_adds_up(micrographs, fresh):
    comparison = compare([Volume(fresh, phases=NAMES)], micrographs, FLAT[3:])
    limits = comparison.verdict.limits["classifier"]

    def shift(share):
        """With the distance on every plane at a share of that plane's own limit."""
        planes = {
            plane: attrs.evolve(entry, distances=np.array([share * limits[plane] * entry.floor]))
            for plane, entry in comparison.classifier.planes.items()
        }
        test = attrs.evolve(comparison.classifier, planes=planes)
        return attrs.evolve(comparison, classifier=test).verdict

    assert not shift(0.2).findings
    verdict = shift(0.9)
    assert verdict.level in (CLOSE, NOT_EQUIVALENT) and verdict.p_value < 0.01
    assert [(f.statistic, f.where) for f in verdict.findings] == [("classifier", "every plane")]
    assert "on all planes together, most on " in verdict.headline


def test_without_a_sampling_error_there_is_no_verdict(fresh):
    verdict = judged(fresh, Volume(fresh, phases=NAMES))
    assert verdict.level == UNKNOWN and "not larger than the sample" in verdict.headline
    assert LEVELS.index(verdict.level) == 4


def test_a_plane_without_a_sampling_error_is_told_and_the_others_are_judged(micrographs, fresh):
    planes = {**micrographs.planes, "xz": micrographs.planes["xz"][:1]}
    few = Micrographs({**planes, "xz": [planes["xz"][0][:30, :30]]}, phases=NAMES)
    verdict = judged(fresh, few, FLAT[2:])
    assert verdict.level == NO_DIFFERENCE and "plane xz cannot be judged" in verdict.headline
    assert {(f.level, f.where) for f in verdict.findings} == {("unknown", "xz")}
    assert "Not judged, for want of a sampling error: xz" in verdict.headline


@pytest.mark.slow
def test_a_phase_that_the_material_lacks_is_infinitely_wrong(fresh, layered):
    names = (*NAMES, "binder")
    spoilt = fresh.copy()
    spoilt[:4] = 2
    verdict = compare(
        [Volume(spoilt, phases=names)], Volume(layered.labels, phases=names), FLAT
    ).verdict
    assert verdict.level == NOT_EQUIVALENT and np.isinf(verdict.value) and verdict.p_value == 0
    assert verdict.findings[0].phase == "binder" and "infinitely" in verdict.headline
    json.dumps(verdict.to_table(), allow_nan=False)


def test_what_scatters_less_than_half_a_per_cent_is_not_told():
    """Real subvolumes are in one cluster but for some voxels, the sample but for a few more."""
    labels = material((48, 48, 48), 2, 3)
    comparison = compare(
        [Volume(material((24, 24, 24), 2, 4), phases=NAMES)],
        Volume(labels, phases=NAMES),
        ("percolation.largest_share",),
    )
    agreement = comparison.metrics["percolation.largest_share"]
    curves = xr.full_like(agreement.curves, 0.999)
    real = xr.full_like(agreement.sampling_error.curves, 1.0)
    sampling = attrs.evolve(
        agreement.sampling_error, curves=real, errors=0 * agreement.sampling_error.errors
    )
    almost = attrs.evolve(
        agreement, curves=curves, sampling_error=sampling, reference=curves[0] * 0 + 1
    )
    changed = attrs.evolve(comparison, metrics={agreement.name: almost})
    assert changed.verdict.level in FINE
    worse = attrs.evolve(almost, curves=xr.full_like(curves, 0.9))
    changed = attrs.evolve(comparison, metrics={agreement.name: worse})
    assert changed.verdict.level == NOT_EQUIVALENT


def test_a_phase_that_spans_unlike_real_subvolumes_is_noted():
    slab = np.zeros((32, 32, 40), np.uint8)
    slab[:, :, ::4] = 1  # spans along y and z
    sample = np.zeros((16, 16, 16), np.uint8)
    sample[:, ::4] = 1
    spanning = ("two-point", "percolation.spanning_share")
    verdict = judged(sample, Volume(slab, phases=NAMES), spanning)
    notes = {(f.phase, f.where): f.text for f in verdict.findings if f.level == "note"}
    assert set(notes) == {("solid", "x"), ("solid", "y"), ("pore", "x"), ("pore", "y")}
    assert notes["solid", "x"].startswith(
        "solid percolates along x in all of 1 samples and in none"
    )
    assert {f.statistic for f in verdict.findings if f.level != "note"} == {"two-point"}


@pytest.mark.slow
def test_samples_that_are_all_alike_are_told_without_a_lower_level(layered):
    others = [Volume(cut_subvolume(10 + i), phases=NAMES) for i in range(6)]
    assert compare(others, layered, FLAT[1:]).verdict.findings == ()
    almost = [others[0]] * 5 + [others[1]]
    verdict = compare(almost, layered, FLAT[1:]).verdict
    note = verdict.findings[-1]
    assert note.level == "note" and note.statistic == "spread" and "scatter less" in note.text


def gaussian_blocks(rng, subvolumes, cells, planes):
    """Errors as real ones are: distances of normal numbers, and of many together."""
    made = []
    for plane in range(planes):
        common = rng.normal(size=(subvolumes + 1, 1, 1))
        many = [1 if k % 2 else 20 for k in range(cells)]
        errors = np.stack(
            [np.abs(common[:, 0] + rng.normal(size=(subvolumes + 1, m))).mean(1) for m in many], 1
        )
        mean = errors[:-1].mean(0)
        names = tuple(Cell(str(k), "plane", str(plane), None, None) for k in range(cells))
        made.append(Block(names, errors[-1] / mean, errors[:-1] / mean, subvolumes))
    return made


@pytest.mark.parametrize(("cells", "planes"), [(1, 1), (12, 1), (6, 3)])
def test_a_real_subvolume_differs_significantly_in_about_one_of_twenty_cases(cells, planes):
    rng = np.random.default_rng(7)
    chances = [
        calibrate(gaussian_blocks(rng, 16, cells, planes), 1, 0.05).chance for _ in range(300)
    ]
    assert 0.01 <= np.mean(np.array(chances) < 0.05) <= 0.09
    assert 0.35 < np.mean(np.array(chances) < 0.5) < 0.6


def test_limit_and_chance_agree():
    blocks = gaussian_blocks(np.random.default_rng(8), 16, 5, 2)
    result = calibrate(blocks, 1, 0.05)
    for alpha in (0.01, 0.05, 0.3, 0.9):
        limits = calibrate(blocks, 1, alpha).limits
        exceeded = any((b.ratios > one).any() for b, one in zip(blocks, limits, strict=True))
        assert exceeded == (result.chance < alpha)


def test_the_mean_of_many_samples_has_a_tighter_limit_than_one():
    blocks = gaussian_blocks(np.random.default_rng(9), 30, 5, 1)
    alone, many = calibrate(blocks, 1, 0.05).limits[0], calibrate(blocks, 16, 0.05).limits[0]
    assert (many < alone).all() and (many > 1).all()


def test_overlapping_subvolumes_are_as_far_from_the_others_as_a_new_one_once_scaled():
    rng = np.random.default_rng(10)
    whole, size = (20, 8, 8), (10, 6, 6)
    boxes = place_boxes(whole, size, 12)
    factors = compute_overlap_factors(boxes)
    assert 1 < count_independent(boxes) < 5 < len(boxes)
    scaled, new = [], []
    for _ in range(3000):
        field = rng.normal(size=whole)
        means = np.array([field[box].mean() for box in boxes])
        others = (means.sum() - means) / (len(boxes) - 1)
        scaled.append(((means - others) * factors) ** 2)
        new.append((rng.normal(size=size).mean() - means.mean()) ** 2)
    assert np.mean(scaled, 0) == pytest.approx(np.full(len(boxes), np.mean(new)), rel=0.15)


def test_subvolumes_side_by_side_are_worth_their_number():
    assert count_independent(place_boxes((40, 20, 20), (10, 10, 10), 16)) == pytest.approx(16)


def test_the_range_of_a_spread_is_wide_for_two_samples_and_narrow_for_many():
    assert bound_spread(2, 16)[0] < 0.1 and bound_spread(2, 16)[1] > 2
    low, high = bound_spread(200, 200)
    assert 0.8 < low < 1 < high < 1.2


@pytest.mark.slow
def test_properties_are_solved_for_real_subvolumes_and_judged(layered, fresh):
    solver = catalog().build("property", "diffusivity", phases=[0], tolerance=1e-3)
    seen = []
    dense = np.where(np.arange(24) % 2, 1, fresh).astype(np.uint8)
    samples = [Volume(labels, phases=NAMES) for labels in (fresh, dense)]
    comparison = compare(
        samples,
        layered,
        ("two-point",),
        properties=[(solver, [solver.solve(sample) for sample in samples])],
        progress=lambda what, done, total, state: seen.append((what, done, total)),
    )
    json.dumps(comparison.to_table(), allow_nan=False)
    value = comparison.properties["diffusivity"]
    assert (
        value.samples.dims == ("sample", "constant") and value.subvolumes.sizes["subvolume"] == 18
    )
    assert ("diffusivity of real subvolumes", 17, 18) in seen
    direct = solver.solve(Volume(layered.labels[:24, :24, :24], phases=NAMES))["relative"]
    first = value.subvolumes.sel(subvolume=0, constant=["relative x", "relative y", "relative z"])
    assert np.allclose(first, direct.sel(axis=["x", "y", "z"]))
    good, bad = apart(comparison)
    assert good.level in FINE and bad.level == NOT_EQUIVALENT
    failed = [f for f in bad.findings if f.statistic == "diffusivity"]
    assert failed and failed[0].where.split()[0] in ("relative", "tortuosity_factor")


def agreement_of(samples, subvolumes):
    def named(values, dim):
        return xr.DataArray(
            np.array(values, float)[:, None], {"constant": ["E z"]}, (dim, "constant")
        )

    real = named(subvolumes, "subvolume")
    return PropertyAgreement("homogenization", named(samples, "sample"), real, 0 * real)


def test_chances_of_a_property():
    subvolumes = np.arange(1.0, 16.0)
    assert agreement_of([99], subvolumes).p_value.item() == pytest.approx(2 / 16)
    assert agreement_of([8], subvolumes).p_value.item() == 1
    assert agreement_of([99, 98, 97, 96], subvolumes).p_value.item() < 0.01
    assert agreement_of([4, 8, 12], subvolumes).p_value.item() > 0.5
    assert agreement_of([8.8], subvolumes).difference.item() == pytest.approx(0.1)
    assert np.isnan(agreement_of([np.inf, np.nan], subvolumes).p_value.item())


def test_constants_are_the_short_results_without_diagnostics():
    result = xr.Dataset(
        {
            "E": ("axis", [1.0, 2.0, 3.0], {"units": "GPa"}),
            "residual": ((), 1e-7),
            "percolates": ("axis", [True, True, True]),
            "stiffness": (("voigt", "voigt2"), np.eye(6)),
        },
        {"axis": ["x", "y", "z"]},
    )
    constants = list_constants(result)
    assert list(constants["constant"].values) == ["E x", "E y", "E z"]
    assert list(constants["units"].values) == ["GPa"] * 3 and list(constants.values) == [1, 2, 3]
