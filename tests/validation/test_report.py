import base64
import io
import os
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import xarray as xr
from PIL import Image
from scipy import ndimage

from recon.core import Micrographs, ReconError, Volume, measure_all
from recon.core.data.colours import pick_colours
from recon.validation.comparison.compare import compare
from recon.validation.report import write_report
from recon.validation.report.numbers import list_fractions
from recon.validation.report.page import render
from recon.validation.report.tiles import SIDE, build_gallery, choose_evenly, format_length

METRICS = ("two-point", "lineal-path")
VOID = {"meta", "link", "img", "source", "br", "input"}


class Page(HTMLParser):
    """Tags, images and text of a page; an unbalanced tag is an error."""

    def __init__(self, page):
        super().__init__()
        self.open, self.images, self.links, self.ids, self.text = [], [], [], [], []
        self.drawings, self.scripts = [], []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.links += [v for k, v in attributes.items() if k in ("src", "srcset") or "href" in k]
        if "id" in attributes and "svg" not in self.open:
            self.ids.append(attributes["id"])
        if tag == "img":
            self.images.append(attributes)
        if tag == "svg":
            self.drawings.append({"said": attributes["aria-label"], "text": []})
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "svg" in self.open:
            self.drawings[-1]["text"].append(data.strip())
        elif self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif self.open and self.open[-1] != "style":
            self.text.append(data.strip())


def labels(shape, phases=2, seed=0):
    noise = np.random.default_rng(seed).normal(size=shape)
    smooth = ndimage.gaussian_filter(noise, 1.5, mode="wrap")
    levels = np.quantile(smooth, np.arange(1, phases) / phases)
    return np.digitize(smooth, levels).astype(np.uint8)


def pictured(source):
    content = base64.b64decode(source.removeprefix("data:image/png;base64,"))
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


@pytest.fixture(scope="module")
def material():
    """A volume of two phases with a name that would break a careless page, and its slices."""
    names, size = ("pore", "<b>$solid & co"), (4e-7, 4e-7, 4e-7)
    whole = labels((48, 48, 48))
    planes = {"xy": list(whole[::4]), "yz": list(np.moveaxis(whole[:, :, ::4], 2, 0))}
    made = {"recipe": {"seed": 7, "weights": None}, "by": "</pre><script>alert(1)</script>"}
    samples = [Volume(whole[:16, :24, at : at + 24], size, names, made) for at in (0, 24)]
    return samples, Micrographs(planes, size, names), Volume(whole, size, names)


@pytest.fixture(scope="module")
def comparison(material):
    samples, micrographs, _ = material
    return compare(samples, micrographs, METRICS)


@pytest.fixture(scope="module")
def page(material, comparison):
    samples, micrographs, _ = material
    results = measure_all(samples[0], ("volume-fraction", "two-point", "lineal-path"))
    return render(samples, results, micrographs, comparison)


def test_the_page_is_whole_and_needs_nothing_but_itself(page):
    parsed = Page(page)
    assert parsed.links and all(link.startswith(("data:", "#")) for link in parsed.links)
    assert not re.search(r"https?://|@import|url\((?!#)|fetch\(|XMLHttpRequest", page)
    assert all(image["alt"] for image in parsed.images)
    assert len(set(parsed.ids)) == len(parsed.ids)
    assert len(parsed.scripts) == 2  # the labels, and what draws them


def test_what_users_wrote_stays_text(page):
    text = " ".join(Page(page).text)
    assert "<b>$solid & co" in text
    assert "</pre><script>alert(1)</script>" in text
    assert "seed = 7" in text and "weights" not in text


def test_the_page_shows_the_numbers_of_the_comparison(page, comparison):
    text = Page(page).text
    for agreement in comparison.metrics.values():
        assert agreement.title in text
        for name in ("error", "floor"):
            assert f"{agreement.headline[name]:.3f}" in text
        for value in agreement.table["error"].values.ravel():
            assert f"{value:.3f}" in text
    assert "estimated from 2D" in " ".join(text)
    assert "no micrographs of this plane" in text  # xz was not given


def test_every_chart_is_drawn_in_the_colours_of_the_page(page):
    parsed = Page(page)
    assert len(parsed.drawings) == 2 * 2 * 2  # metrics, phases, planes given
    for number, chart in enumerate(parsed.drawings):
        plane = ("xy", "yz")[number % 2]
        assert f"plane {plane}" in chart["text"] and "lag, µm" in chart["text"]
        assert ("95 % of real subvolumes" in chart["text"]) == (plane == "xy")  # one legend a row
        assert f"plane {plane}, beside the reference; relative error 0." in chart["said"]
    drawn = "".join(re.findall("<svg.*?</svg>", page, re.S))
    assert set(re.findall(r"var\((--\w+)\)", drawn)) == {"--ink", "--faint", "--accent", "--real"}
    assert "<style" not in drawn and "#0102" not in drawn


def test_the_top_names_material_voxel_version_and_date(page):
    text = " ".join(Page(page).text)
    assert "material of 2 phases: pore, <b>$solid & co" in text
    assert "voxels of 400nm" in text and re.search(r"recon \d+\.\d+.* \d{4}-\d\d-\d\d", text)


def test_regions_of_tables_have_names_of_their_own(page):
    names = re.findall(r'role="region" aria-label="([^"]*)"', page)
    assert len(set(names)) == len(names) >= 4 and all(name.endswith(", table") for name in names)


def test_links_lead_to_sections_of_the_page(page):
    parsed = Page(page)
    targets = {link[1:] for link in parsed.links if link.startswith("#") and link[1:] in page}
    shown = [link for link in re.findall(r'<a href="#([^"]*)"', page)]
    assert {"slices", "solids", "two-point", "lineal-path", "numbers", "provenance"} <= set(shown)
    assert set(shown) <= set(parsed.ids) and set(shown) <= targets


@pytest.mark.slow
def test_the_same_input_gives_the_same_page(page, material):
    samples, micrographs, _ = material
    results = measure_all(samples[0], ("volume-fraction", "two-point", "lineal-path"))
    assert render(samples, results, micrographs, compare(samples, micrographs, METRICS)) == page


@pytest.mark.slow
def test_a_reference_volume_is_compared_along_directions(material):
    samples, _, whole = material
    compared = compare(samples[:1], whole, ("two-point",))
    text = " ".join(Page(render(samples[:1], {}, whole, compared)).text)
    assert "direction" in text and "a reference volume of 48 × 48 × 48 voxels" in text
    assert "estimated from 2D" not in text


def test_without_a_reference_the_page_shows_the_volume_and_its_curves(material):
    sample = material[0][0]
    parsed = Page(render([sample], measure_all(sample, ("two-point",))))
    assert len(parsed.images) == 9 + 2 and len(parsed.drawings) == 2 * 3
    text = " ".join(parsed.text)
    assert "sampling error" not in text and "No verdict" in text and "--against" in text


def test_short_results_of_properties_are_written_out(material):
    sample = material[0][0]
    stiffness = xr.Dataset(
        {"E": ("axis", [1.5, 2.5, 3.25]), "iterations": 12}, {"axis": ["x", "y", "z"]}
    )
    text = Page(render([sample], {"homogenization": stiffness})).text
    assert "homogenization" in text and "1.5, 2.5, 3.25" in text and "axis: x, y, z" in text


def test_the_verdict_and_its_findings_stand_on_top_and_lead_to_sections(material):
    samples, micrographs, _ = material
    other = Volume(np.zeros((16, 24, 24), int), micrographs.voxel_size, micrographs.phases)
    compared = compare([other], micrographs, METRICS)
    page = render([other], {}, micrographs, compared)
    level, findings = compared.verdict.level, compared.verdict.findings
    assert level == "not equivalent" and findings
    assert page.index('<section class="card verdict"') < page.index("<nav")
    assert f'data-level="{level}"' in page
    text = " ".join(Page(page).text)
    headline = compared.verdict.headline.removeprefix("Not equivalent: ")
    assert "Not equivalent" in text and headline[1:] in text
    for finding in findings:
        assert finding.text in text
        assert f'<a href="#{finding.statistic}"' in page


def test_a_reference_without_a_sampling_error_gives_no_verdict_and_says_why(material):
    samples = material[0]
    compared = compare(samples[:1], samples[1], METRICS)
    text = " ".join(Page(render(samples[:1], {}, samples[1], compared)).text)
    assert "No verdict" in text and "the reference is not larger than the sample" in text
    assert "No verdict: " not in text


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(4e-7, 1.0), pytest.param((1.0, 4e-7), marks=pytest.mark.slow)])
def test_a_reference_of_unknown_voxel_size_is_shown_voxel_by_voxel(sizes):
    own, real = sizes
    volume = Volume(labels((6, 8, 10)), (own,) * 3)
    for reference in (
        Micrographs({"xy": [labels((8, 10))]}, (real,) * 3),
        Volume(labels((12, 8, 10)), (real,) * 3),
    ):
        page = render([volume], {}, reference)
        widths = [float(width) for width in re.findall(r"width: ([\d.]+)px; height", page)]
        assert len(set(widths[:4])) == 1 and max(widths) <= SIDE


def test_checks_are_sentences_with_or_without_titles():
    sample = Volume(np.ones((4, 4, 4), int))
    page = render([sample], {}, checks={"Copying": "<b>none</b>", "Planes": ["one.", "two."]})
    text = Page(page).text
    assert "Checks" in text and "Copying" in text and "<b>none</b>" in text and "two." in text
    assert '<a href="#checks">' in page
    assert "All is well." in Page(render([sample], {}, checks=["All is well."])).text
    assert "Checks" not in Page(render([sample], {})).text


def test_the_page_replaces_an_older_one_and_appears_whole(tmp_path, material):
    path = tmp_path / "report.html"
    path.write_text("old")
    write_report(path, material[0][:1], {})
    assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert os.listdir(tmp_path) == ["report.html"]


def test_an_unwritable_place_is_told_in_one_line(tmp_path, material):
    with pytest.raises(ReconError, match="cannot write"):
        write_report(tmp_path, material[0][:1], {})
    assert not any(name.endswith(".partial") for name in os.listdir(tmp_path.parent))


@pytest.mark.slow
def test_a_large_volume_of_many_phases_stays_below_a_megabyte():
    whole = labels((64, 64, 128), phases=4)
    samples = [Volume(whole[:, :, at : at + 64], phases="abcd") for at in (0, 32, 64)]
    reference = Micrographs({"xy": list(whole)}, phases="abcd")
    assert len(render(samples, {}, reference)) < 1e6


def test_tiles_show_the_labels_in_the_colours_of_the_phases():
    volume = Volume(labels((8, 12, 16), phases=3))
    tile = build_gallery([volume], None).rows[0].volume[1]
    rgb = np.array([list(bytes.fromhex(c[1:])) for c in pick_colours(3)])
    np.testing.assert_array_equal(pictured(tile.source), rgb[volume.labels[4]])


def test_tiles_of_all_planes_and_sides_have_one_physical_scale():
    size = (2e-6, 1e-6, 1e-6)
    volume = Volume(labels((16, 32, 48)), size)
    micrographs = Micrographs({"xz": [labels((10, 100))]}, size)
    shown = build_gallery([volume], micrographs)
    expected = {"xy": (48e-6, 32e-6), "xz": (48e-6, 32e-6), "yz": (32e-6, 32e-6)}
    scale = shown.rows[0].volume[0].width / 48e-6
    for row in shown.rows:
        for tile in row.volume:
            assert (tile.width / scale, tile.height / scale) == pytest.approx(expected[row.plane])
    real = shown.rows[1].reference[0]
    assert (real.width / scale, real.height / scale) == pytest.approx((48e-6, 20e-6))
    assert SIDE / 2 < 48e-6 * scale <= SIDE
    assert shown.length == "10 µm" and shown.bar == pytest.approx(10e-6 * scale)


def test_slices_come_from_different_volumes_when_there_are_several():
    volumes = [Volume(np.full((4, 4, 4), k), phases="abc") for k in range(3)]
    row = build_gallery(volumes, None).rows[0]
    assert [pictured(tile.source)[0, 0].tolist() for tile in row.volume] == [
        list(bytes.fromhex(c[1:])) for c in pick_colours(3)
    ]
    assert row.caption == "volumes 0, 1, 2 at z = 1, 2, 3"


@pytest.mark.parametrize(
    "length, voxel, text", [(5e-6, 4e-7, "5 µm"), (2e-8, 1e-9, "20 nm"), (20, 1.0, "20 voxels")]
)
def test_lengths_have_units(length, voxel, text):
    assert format_length(length, (voxel,) * 3) == text


def test_chosen_are_evenly_spread():
    assert choose_evenly(range(9), 3) == [1, 4, 7]
    assert choose_evenly("ab", 3) == ["a", "b"]
    assert choose_evenly("a", 3, repeat=True) == ["a", "a", "a"]


def test_volume_fractions_are_pooled_over_the_volumes():
    zero, one = Volume(np.zeros((2, 2, 2), int), phases="ab"), Volume(np.ones((2, 2, 2), int))
    assert [row["volume"] for row in list_fractions([zero, one], None)] == ["0.500", "0.500"]
