"""Targets, what may be varied, and which trials are best."""

import numpy as np
import pytest
import xarray as xr

from recon.core import ReconError, Volume
from recon.core.data.material import Material
from recon.core.data.micrographs import Micrographs
from recon.core.measure import measure_all
from recon.workflow.design.outcome import verify
from recon.workflow.design.search import Design, Trial, find_best, find_front
from recon.workflow.design.space import Parameter, make_values
from recon.workflow.design.targets import Target

PHASES = ("pore", "solid", "binder")


@pytest.fixture(scope="module")
def material():
    images = np.random.default_rng(0).choice(3, (4, 30, 30), p=(0.5, 0.3, 0.2))
    return Material.of(Micrographs({p: images for p in ("xy", "xz", "yz")}, phases=PHASES))


def test_a_target_reads_a_number_by_axis_phase_and_name():
    volume = Volume(np.arange(60).reshape(3, 4, 5) % 3, (1e-6,) * 3, PHASES)
    metrics = ["volume-fraction", "two-point", "surface-density"]
    measurements = measure_all(volume, metrics, ["diffusivity"])
    surface = Target.parse("surface-density.specific_surface.pore=1")
    expected = measurements["surface-density"]["specific_surface"].sel(phase=0).item()
    assert surface.read(measurements["surface-density"]) == expected
    assert (
        Target.parse("volume-fraction.binder=0.2").read(measurements["volume-fraction"]) == 20 / 60
    )
    assert Target.parse("volume-fraction.2=0.2").read(measurements["volume-fraction"]) == 20 / 60
    target = Target.parse("two-point.pore.x.0=0.3")
    assert target.read(measurements["two-point"]) == pytest.approx(20 / 60)
    relative = measurements["diffusivity"]["relative"]
    read = Target.parse("diffusivity.relative.z=0.5").read(measurements["diffusivity"])
    assert read == relative.sel(axis="z").item()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("diffusivity.relative.z", "PLUGIN.VALUE=NUMBER"),
        ("diffusivity.relative.z=much", "PLUGIN.VALUE=NUMBER"),
        ("diffusivity.relative.z=nan", "PLUGIN.VALUE=NUMBER"),
        ("difusivity.relative.z=1", "unknown metric or property 'difusivity'"),
    ],
)
def test_other_targets_are_refused(text, message):
    with pytest.raises(ReconError, match=message):
        Target.parse(text)


def test_what_a_result_does_not_have_is_told_with_what_it_has():
    result = xr.Dataset({"E": ("axis", [1.0, 2.0])}, {"axis": ["x", "y"]})
    for text, message in (
        ("homogenization.F.x=1", "unknown value of homogenization 'F'; known: E"),
        ("homogenization.E=1", "must name a axis, one of x, y"),
        ("homogenization.E.q=1", "unknown coordinate .* 'q'; known: x, y"),
    ):
        with pytest.raises(ReconError, match=message):
            Target.parse(text).read(result)


def test_fractions_leave_the_rest_to_the_others_as_they_usually_share_it(material):
    values = make_values({"fraction.pore": 0.2, "stretch.z": 1.5, "steps": 20.0}, material)
    assert set(values) == {"harmonizer.fraction", "denoiser.stretch", "steps"}
    assert values["denoiser.stretch"] == [1.5, 1.0, 1.0]
    usual = material.statistics.fractions
    assert values["harmonizer.fraction"][0] == 0.2
    assert values["harmonizer.fraction"][1] / values["harmonizer.fraction"][2] == pytest.approx(
        usual[1] / usual[2]
    )
    assert sum(values["harmonizer.fraction"]) == pytest.approx(1)
    blend = make_values({"blend:other.safetensors": 0.25, "stretch.x": 2.0}, material)
    assert blend == {
        "harmonizer.blend": "other.safetensors",
        "harmonizer.blend_share": [0.25],
        "denoiser.stretch": [1.0, 1.0, 2.0],
    }
    with pytest.raises(ReconError, match="fraction must name a phase"):
        make_values({"fraction": 0.2}, material)
    with pytest.raises(ReconError, match="must leave something"):
        make_values({"fraction.pore": 0.6, "fraction.solid": 0.5}, material)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fraction.pore=0.2", "KEY=LOW:HIGH"),
        ("fraction.pore=0.5:0.2", "KEY=LOW:HIGH"),
        ("fraction.pore=0:0.2", "between 0 and 1"),
        ("blend:=0:1", "blend:WEIGHTS=LOW:HIGH"),
        ("blend:fibres=0:2", r"bounds in \[0, 1\]"),
        ("stretch.w=0.5:2", "stretch.z, .y or .x"),
        ("stretch.z=0:2", "bounds above 0"),
        ("colour=1:2", "unknown key of the recipe"),
    ],
)
def test_other_parameters_are_refused(text, message):
    with pytest.raises(ReconError, match=message):
        Parameter.parse(text)


def test_the_best_trial_and_the_front():
    targets = (Target.parse("volume-fraction.pore=1"), Target.parse("volume-fraction.solid=2"))
    values = ([[1.0, 3.0]], [[1.1, 2.1]], [[1.2, 2.4]], [[2.0, 2.0]])
    trials = [Trial({}, np.array(value)) for value in values]
    assert find_best(trials, targets) is trials[1]
    lost = [Trial({}, np.array(value)) for value in ([[np.inf, 2.0]], [[np.nan, 2.0]])]
    assert find_best([*lost, *trials], targets) is trials[1]  # what is not finite is far
    assert all(trial.loss(targets) == 100 for trial in lost)
    assert find_front(trials, targets) == [True, True, False, True]


def test_a_target_is_reached_within_the_interval_of_the_mean():
    target = Target.parse("volume-fraction.pore=0.30")
    design = Design({}, (target,), ())
    trial = np.array([0.3])
    near = np.array([[0.28], [0.30], [0.29], [0.31]])
    (one,) = verify(design, trial, near)
    # t(.975, 3) = 3.182; the interval of the mean
    half = 3.1824 * near.std(ddof=1) * np.sqrt(0.25)
    assert one.reached and one.low == pytest.approx(0.295 - half, abs=1e-5)
    (far,) = verify(design, trial, near + 0.2)
    assert not far.reached


def test_what_does_not_scatter_is_reached_when_close():
    settings = Design({}, (Target.parse("volume-fraction.solid=0.42"),), ())
    trial = np.array([0.42])
    (near,) = verify(settings, trial, np.array([[0.4201], [0.4201]]))
    (far,) = verify(settings, trial, np.array([[0.41], [0.41]]))
    assert near.reached and not far.reached
