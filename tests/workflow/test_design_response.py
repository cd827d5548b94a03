"""The settings of a design: chosen on surfaces through all trials, not by the luck of one."""

import numpy as np
import pytest

from recon.workflow.design.response import choose_settings, fit_surface
from recon.workflow.design.search import Design, Trial, is_close
from recon.workflow.design.space import Parameter
from recon.workflow.design.targets import Target

DESIGN = Design(
    {},
    (Target.parse("diffusivity.relative.z=0.2"), Target.parse("homogenization.E.z=15")),
    (Parameter.parse("fraction.pore=0.3:0.6"), Parameter.parse("stretch.z=0.5:2")),
)


COUNTS = np.full(12, 2)


def truth(pore, stretch):
    """Means of both targets; 0.2 and 15 at fraction .45 and stretch 1.4."""
    conductivity = 0.2 * (pore / 0.45) ** 2 * (stretch / 1.4) ** 0.5
    stiffness = 15 * np.exp(-6 * (pore - 0.45)) * (stretch / 1.4) ** 0.8
    return np.array([conductivity, stiffness])


def trials(rng, count=16, scatter=0.2):
    made = []
    for _ in range(count):
        pore, stretch = rng.uniform(0.3, 0.6), 0.5 * 4 ** rng.uniform()
        values = truth(pore, stretch) * (1 + scatter * rng.standard_normal((2, 2)))
        made.append(Trial({"fraction.pore": pore, "stretch.z": stretch}, values))
    return made


def test_without_scatter_the_settings_are_those_of_the_targets():
    settings = choose_settings(DESIGN, trials(np.random.default_rng(0), scatter=0.0))
    assert settings.chosen["fraction.pore"] == pytest.approx(0.45, abs=0.01)
    assert settings.chosen["stretch.z"] == pytest.approx(1.4, rel=0.05)
    assert settings.predicted == pytest.approx([0.2, 15], rel=0.02)


def test_scatter_is_averaged_over_trials():
    """The mean error of the settings found is well below that of a trial's two volumes."""
    errors = []
    for seed in range(20):
        settings = choose_settings(DESIGN, trials(np.random.default_rng(seed)))
        errors.append(truth(*settings.chosen.values()) / [0.2, 15] - 1)
    deviation = np.sqrt(np.mean(np.square(errors)))
    assert deviation < 0.6 * 0.2 / np.sqrt(2)


def test_too_few_trials_leave_the_best_of_them():
    few = trials(np.random.default_rng(0), count=7)
    best = min(few, key=lambda trial: trial.loss(DESIGN.targets))
    settings = choose_settings(DESIGN, few)
    assert settings.chosen == best.chosen
    assert settings.predicted == pytest.approx(best.values.mean(0))


def test_whole_numbers_stay_whole_and_lost_trials_are_left_out():
    design = Design({}, (Target.parse("volume-fraction.1=0.5"),), (Parameter.parse("steps=5:40"),))
    known = [Trial({"steps": float(n)}, np.full((2, 1), n / 50)) for n in range(5, 41, 5)]
    lost = Trial({"steps": 25.0}, np.array([[np.inf], [0.5]]))
    settings = choose_settings(design, [*known, lost])
    assert settings.chosen == {"steps": 25.0}
    assert settings.predicted == pytest.approx([0.5], rel=0.02)


def test_a_surface_of_values_above_zero_stays_above_zero():
    rng = np.random.default_rng(0)
    places, values = rng.random((12, 2)), 10.0 ** rng.uniform(-3, 0, 12)
    assert (fit_surface(places, values, COUNTS)(3 * rng.random((200, 2)) - 1) > 0).all()
    signed = fit_surface(places, values - 0.1, COUNTS)
    assert not signed.logarithmic


def test_a_search_does_not_end_by_luck():
    lucky = Trial({}, np.array([[0.1, 10.0], [0.3, 20.0]]))
    sure = Trial({}, np.array([[0.2, 15.0], [0.2001, 15.01]]))
    assert not is_close(lucky, DESIGN) and is_close(sure, DESIGN)


def test_many_volumes_count_for_more_than_few():
    places = np.linspace(0, 1, 9)[:, None]
    values = 1 + np.array([0.3, -0.3, 0.3, -0.3, 0.5, -0.3, 0.3, -0.3, 0.3])
    few = fit_surface(places, values, np.full(9, 2))(places[4:5])
    many = fit_surface(places, values, np.where(np.arange(9) == 4, 2000, 2))(places[4:5])
    assert abs(many - 1.5) < 0.1 < abs(few - 1.5)
