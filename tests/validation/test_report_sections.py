import numpy as np
import pytest
import xarray as xr

from recon.core import Compared, Volume
from recon.validation.comparison.agreement import Agreement
from recon.validation.comparison.comparison import Comparison
from recon.validation.comparison.property_agreement import PropertyAgreement
from recon.validation.comparison.sampling_error import SamplingError
from recon.validation.report import box_plots
from recon.validation.report.curves import Curves, draw_charts, select_curves
from recon.validation.report.numbers import tabulate_agreements
from recon.validation.report.sections import build_properties, build_sections, locate_statistics

PHASES = ("pore", "solid")
RNG = np.random.default_rng(0)


def array(dims, **coords):
    sizes = {"sample": 3, "subvolume": 8, **{k: len(v) for k, v in coords.items()}}
    return xr.DataArray(RNG.uniform(1, 2, [sizes[d] for d in dims]), coords, dims)


def agreement(name, over="plane", axis=(), phases=(0, 1), sampling=True):
    rest = {"phase": list(phases), over: ["xy", "yz"] if over == "plane" else ["all"]}
    rest |= {"lag": np.arange(1, 6)} if axis else {}
    errors = {key: value for key, value in rest.items() if key != "lag"}
    # Subvolumes last, as it comes from sums with the mean.
    subvolumes = SamplingError(
        array((*rest, "subvolume"), **rest), array(("subvolume", *errors), **errors), (), 8
    )
    return Agreement(
        name,
        array(("sample", *rest), **rest),
        array(tuple(rest), **rest),
        subvolumes if sampling else None,
        (),
        Compared(axis="chord length") if name.startswith("chord-length") else Compared(),
    )


def volume():
    return Volume(np.indices((4, 4, 4)).sum(0) % 2, (1e-6,) * 3, PHASES)


def compared(**properties):
    metrics = [
        agreement("two-point", axis="lag"),
        agreement("chord-length.density", axis="lag"),
        agreement("chord-length.mean"),
        agreement("orientation.order", "direction", phases=(-1,), sampling=False),
    ]
    fractions = xr.DataArray(np.full((3, 2), 0.5), dims=("sample", "phase"))
    by_name = {one.name: one for one in metrics}
    return Comparison("micrographs", PHASES, by_name, fractions, fractions[0], properties)


def solved():
    constants = ["E x", "E y", "E z", "nu xy", "shear_bounds lower", "volume_fraction"]
    coords = {"constant": constants, "units": ("constant", ["GPa"] * 3 + [""] * 3)}
    own, real = (
        xr.DataArray(RNG.uniform(1, 2, (n, 6)), coords, (d, "constant"))
        for d, n in (("sample", 3), ("subvolume", 16))
    )
    errors = abs(real / real.mean("subvolume") - 1)
    return PropertyAgreement("homogenization", own, real, errors)


def test_statistics_of_one_metric_share_a_section():
    sections = build_sections([volume()] * 3, {}, compared())
    assert [(s.id, [p.name for p in s.parts]) for s in sections] == [
        ("two-point", ["two-point"]),
        ("chord-length", ["chord-length.density", "chord-length.mean"]),
        ("orientation", ["orientation.order"]),
    ]
    density, mean = sections[1].parts
    assert [chart.phase for chart in density.charts] == [0, 1]
    assert all(len(chart.panels) == 2 for chart in density.charts)
    assert not density.boxes and mean.boxes and mean.real and len(mean.charts[0].panels) == 2
    assert not sections[2].parts[0].real


def test_every_statistic_is_found_on_the_page():
    comparison = compared(homogenization=solved())
    shown = locate_statistics(build_sections([volume()] * 3, {}, comparison), comparison)
    assert shown["chord-length.mean"] == "chord-length"
    assert shown["homogenization"] == "properties"
    assert set(comparison.metrics) <= set(shown)


def test_a_measured_curve_is_drawn_once_when_it_is_compared_too():
    density = array(
        ("sample", "phase", "direction", "lag"), phase=[0, 1], direction=list("xyz"), lag=range(5)
    )
    results = {"chord-length": xr.Dataset({"density": density}), "other": density}
    sections = build_sections([volume()] * 3, results, compared())
    assert [s.name for s in sections] == ["two-point", "chord-length", "orientation", "other"]
    assert len(sections[1].parts) == 2


def test_a_curve_lies_where_its_numbers_are():
    one = agreement("chord-length.density", axis="lag")
    curves = Curves.compared(one, (2e-6,) * 3, PHASES)
    along, unit = curves.horizontal(one.curves["lag"])
    assert unit == "µm" and along.tolist() == [2, 4, 6, 8, 10]
    assert curves.axis == "chord length"
    assert "relative error" in draw_charts(curves)[0].panels[0]
    _, unit = Curves.compared(one, (1e-6, 1e-6, 2e-6), PHASES).horizontal(one.curves["lag"])
    assert unit == "voxels"


def test_phases_without_numbers_have_no_chart():
    values = array(("sample", "phase", "lag"), phase=[0, 1], lag=range(5)).copy()
    values[:, 0] = np.nan
    curves = select_curves(values)
    assert curves.dims == ("sample", "phase", "direction", "lag")
    drawn = draw_charts(Curves.measured("thickness", curves, (1.0,) * 3, PHASES))
    assert [chart.phase for chart in drawn] == [1] and len(drawn[0].panels) == 1


@pytest.mark.parametrize(
    "dims, coords",
    [
        (("phase", "direction"), {"phase": [0, 1], "direction": list("xyz")}),
        (("lag",), {"lag": range(5)}),
        (("phase", "a", "b", "lag"), {"phase": [0], "a": [0], "b": [0], "lag": range(5)}),
        (("phase", "bound"), {"phase": [0, 1], "bound": [0, 1]}),
    ],
)
def test_what_is_no_curve_is_not_drawn_as_one(dims, coords):
    assert select_curves(array(dims, **coords)) is None


def test_constants_of_a_property_stand_in_one_panel_beside_real_subvolumes():
    one = solved()
    groups = box_plots.group_constants(one)
    assert [(g.name, g.units, g.places) for g in groups] == [
        ("E", "GPa", ["x", "y", "z"]),
        ("nu", "", ["xy"]),
        ("volume_fraction", "", [""]),
    ]
    np.testing.assert_array_equal(groups[0].samples, one.samples.values[:, :3])
    np.testing.assert_array_equal(groups[0].subvolumes, one.subvolumes.values[:, :3])
    results = {"homogenization": xr.Dataset({"E": ("axis", [1.0, 2, 3])}, {"axis": list("xyz")})}
    (part,) = build_properties(results, compared(homogenization=one))
    assert part.real and len(part.charts[0].panels) == 3
    median = f"x: volumes {np.median(one.samples.values[:, 0]):.4g}, real subvolumes"
    assert "in GPa" in part.charts[0].panels[0] and median in part.charts[0].panels[0]


def test_properties_have_a_table_of_difference_and_sampling_error():
    one = solved()
    table = tabulate_agreements(compared(homogenization=one), (1.0,) * 3)[-1]
    assert table.name == "homogenization"
    assert [row[0] for row in table.rows] == ["E x", "E y", "E z", "nu xy", "volume_fraction"]
    own, real = float(one.samples[:, 0].mean()), float(one.subvolumes[:, 0].mean())
    assert table.rows[0][1:3] == [f"{own:.4g}", f"{real:.4g}"]
    assert table.rows[0][3] == f"{own / real - 1:+.1%}".replace("-", "\u2212")
    assert table.heads[-1] == "spread"


def test_numbers_of_a_metric_have_a_panel_a_phase_and_subvolumes_in_order():
    one = agreement("chord-length.mean")
    first, second = box_plots.group_numbers(one, PHASES, (1.0,) * 3)
    assert (first.title, second.title, first.places) == ("pore", "solid", ["xy", "yz"])
    np.testing.assert_array_equal(second.samples, one.curves.values[:, 1])
    np.testing.assert_array_equal(second.subvolumes, one.sampling_error.curves.values[1].T)
    whole = agreement("percolation.largest_share", "direction")
    (group,) = box_plots.group_numbers(whole, PHASES, (1.0,) * 3)
    assert group.title == "largest share" and group.places == ["pore", "solid"]
    np.testing.assert_array_equal(group.subvolumes, whole.sampling_error.curves.values[:, 0].T)


def test_a_plane_without_subvolumes_has_the_volumes_alone():
    one = agreement("chord-length.mean")
    less = SamplingError(
        one.sampling_error.curves.sel(plane=["yz"]), one.sampling_error.errors, (), 8
    )
    fewer = Agreement(one.name, one.curves, one.reference, less, ())
    group = box_plots.group_numbers(fewer, PHASES, (1.0,) * 3)[0]
    assert np.isnan(group.subvolumes[:, 0]).all() and np.isfinite(group.subvolumes[:, 1]).all()
    assert (
        "xy: volumes" in box_plots.draw_panels([group])[0]
        and "real subvolumes none" in box_plots.draw_panels([group])[0]
    )


def test_one_volume_alone_has_no_box_plots():
    alone = xr.Dataset({"E": ("axis", [1.0, 2, 3])}, {"axis": list("xyz")})
    assert build_properties({"homogenization": alone}, None) == []
    several = xr.concat([alone, alone + 1, alone + 2], "sample")
    (part,) = build_properties({"homogenization": several}, None)
    assert not part.real and "x: volumes 2;" in part.charts[0].panels[0]
    infinite = several * np.inf
    assert build_properties({"homogenization": infinite}, None) == []


def test_small_numbers_are_written_with_a_power():
    group = box_plots.Group("cte", "1/K", ["xx"], np.array([[1.2e-5], [1.3e-5]]), np.empty((0, 1)))
    assert "thermal expansion, 10⁻⁶ 1/K" in box_plots.draw_panels([group])[0]
