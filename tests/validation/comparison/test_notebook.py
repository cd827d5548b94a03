from html.parser import HTMLParser

import numpy as np
import pytest
from scipy import ndimage

from recon.core import ReconError, Volume, catalog
from recon.validation.comparison.compare import compare

NAMES = ("pore", "<b>solid")


class Rows(HTMLParser):
    """Cells of the rows of a table; an unbalanced tag is an error."""

    def __init__(self, page):
        super().__init__()
        self.open, self.rows = [], []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] in (["td"], ["th"]):
            self.rows[-1][-1] += data


@pytest.fixture(scope="module")
def comparison():
    noise = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=(32, 48, 48)), 1.5)
    labels = (noise > 0).astype(np.uint8)
    solver = catalog().build("property", "diffusivity", axes=["z"], tolerance=1e-2)
    samples = [
        Volume(labels[:16, :16, :16], phases=NAMES),
        Volume(np.random.default_rng(2).integers(0, 2, (16, 16, 16)), phases=NAMES),
    ]
    solved = [(solver, [solver.solve(volume) for volume in samples])]
    metrics = ("two-point", "chord-length.mean", "percolation")
    return compare(samples, Volume(labels, phases=NAMES), metrics, properties=solved)


def test_a_notebook_shows_the_verdict_and_a_row_for_every_statistic(comparison):
    page = comparison._repr_html_()
    assert comparison.verdict.level in page and "http" not in page and len(page) < 1e4
    head, *rows = Rows(page).rows
    assert head[1:] == ["value", "reference", "error", "sampling error"]
    shown = {row[0].lstrip("✓≈✕? "): row[1:] for row in rows}
    assert shown["Two-point correlation"][:2] == ["", ""]
    agreement = comparison.metrics["chord-length.mean"]
    value, reference, error, sampling = shown["Mean chord length"]
    mean = agreement.curves.mean(("sample", "direction"))
    assert value == f"pore {mean[0]:.3g}, <b>solid {mean[1]:.3g} voxel"
    assert reference.startswith(f"pore {agreement.reference.mean('direction')[0]:.3g}, ")
    assert error == f"{agreement.headline['error']:.3f}"
    assert sampling == f"{agreement.headline['floor']:.3f}"
    assert len(shown["diffusivity relative z"]) == 4
    failed = {f.statistic for f in comparison.verdict.findings if f.level == "not equivalent"}
    marked = {row[0].lstrip("✕ ") for row in rows if row[0].startswith("✕")}
    titles = {one.title for name, one in comparison.metrics.items() if name in failed}
    assert failed and titles == marked


def test_the_figure_has_a_row_a_curve_and_a_column_a_phase(comparison):
    figure = comparison.plot()
    two_point = [axes for axes in figure.axes if axes.get_title(loc="left")]
    assert [axes.get_title(loc="left") for axes in two_point] == [
        "Two-point correlation, pore",
        "Two-point correlation, <b>solid",
    ]
    lines = two_point[1].get_lines()
    assert len(lines) == 3 * (2 + 1)  # directions, samples and the reference
    agreement = comparison.metrics["two-point"]
    at = {"phase": 1, "direction": agreement.curves["direction"].values[0]}
    np.testing.assert_array_equal(lines[0].get_ydata(), agreement.curves.sel(at)[0])
    np.testing.assert_array_equal(lines[2].get_ydata(), agreement.reference.sel(at))
    assert two_point[0].get_xlabel() == "lag, voxels" and two_point[0].get_ylabel() == "S2"


def test_without_curves_there_is_nothing_to_draw(comparison):
    small = Volume(np.indices((4, 4, 4)).sum(0) % 2)
    numbers = compare([small], small, ("volume-fraction",))
    page = numbers._repr_html_()
    assert "? unknown" in page and "? Volume fraction" in page
    with pytest.raises(ReconError, match="no curves were compared"):
        numbers.plot()
