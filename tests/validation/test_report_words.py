"""What the page says in words and tables: advice, methods, units, what was judged, CSV."""

import base64
import csv
import io

import attrs
import numpy as np
import pytest
from scipy import ndimage

from recon.core import Micrographs, Volume
from recon.validation.comparison.cells import EVERY
from recon.validation.comparison.compare import compare
from recon.validation.comparison.verdict import Finding, Verdict
from recon.validation.report.advice import AMOUNT, MORE, NOTHING, ORDER, SHAPE, give_advice
from recon.validation.report.csv_link import link_csv
from recon.validation.report.judged import FAILS, HEADS, PASSES, tabulate_judged
from recon.validation.report.methods import write_methods
from recon.validation.report.numbers import Table
from recon.validation.report.physical import choose_scale

SIZE = (4e-7,) * 3


def labels(shape, seed):
    noise = np.random.default_rng(seed).normal(size=shape)
    return (ndimage.gaussian_filter(noise, 1, mode="wrap") > 0).astype(np.uint8)


@pytest.fixture(scope="module")
def micrographs():
    whole = labels((64, 64, 64), 1)
    planes = {
        "xy": list(whole[::4]),
        "xz": list(whole[:, ::4].swapaxes(0, 1)),
        "yz": list(np.moveaxis(whole[:, :, ::4], 2, 0)),
    }
    return Micrographs(planes, SIZE, ("pore", "solid"))


@pytest.fixture(scope="module")
def eroded(micrographs):
    inside = labels((24, 24, 24), 2)
    sample = Volume(ndimage.binary_erosion(inside).astype(np.uint8), SIZE, micrographs.phases)
    return sample, compare([sample], micrographs, ("volume-fraction", "chord-length.mean"))


@pytest.mark.parametrize(
    ("unit", "size", "expected"),
    [
        ("voxel", SIZE, (0.4, "µm")),
        ("1/voxel", SIZE, (2.5, "1/µm")),
        ("1/voxel^2", SIZE, (6.25, "1/µm²")),
        ("1/voxel^3", SIZE, (15.625, "1/µm³")),
        ("degree", SIZE, (1, "degree")),
        ("", SIZE, (1, "")),
        ("voxel", (1.0,) * 3, (1, "voxel")),
        ("voxel", (2e-6, 1e-6, 1e-6), (1, "voxel")),
    ],
)
def test_what_is_counted_in_voxels_has_a_physical_unit(unit, size, expected):
    factor, name = choose_scale(unit, size)
    assert (pytest.approx(factor), name) == expected


def test_what_was_judged_stands_with_value_reference_errors_and_limit(eroded):
    sample, comparison = eroded
    table = tabulate_judged(comparison, SIZE)
    rows = {(row[0], row[1]): row for row in table.rows}
    assert table.heads == HEADS and len(rows) == len(table.rows) == 2 * 3 + 4
    row = rows["Volume fraction", "xy"]
    assert row[-1] == FAILS and float(row[4]) > float(row[6]) > float(row[5])
    share = (sample.labels == 1).mean()
    value, _, phase = row[2].partition(" ")
    assert phase in ("(pore)", "(solid)")
    assert float(value) == pytest.approx(share if phase == "(solid)" else 1 - share, abs=1e-4)
    chords = rows["Mean chord length, µm", "yz"]
    agreement = comparison.metrics["chord-length.mean"]
    voxels = agreement.reference.sel(plane="yz").values
    assert np.abs(0.4 * voxels - float(chords[3])).min() < 1e-3
    assert ("Classifier, area under the ROC curve", EVERY) in rows


def test_a_mark_says_what_the_verdict_says(eroded):
    _, comparison = eroded
    failing = sum(f.level in ("close", "not equivalent") for f in comparison.verdict.findings)
    marks = [row[-1] for row in tabulate_judged(comparison, SIZE).rows]
    assert marks.count(FAILS) == failing > 0 and marks.count(PASSES) == len(marks) - failing


def find(*statistics, level="not equivalent"):
    findings = [Finding(name, "xy", None, 3, 1, level, "") for name in statistics]
    return Verdict(level, "", tuple(findings))


def test_advice_follows_what_fails_worst_first_and_once():
    assert give_advice(find("classifier", "straight-chord.mean", "volume-fraction")) == [
        SHAPE,
        AMOUNT,
    ]
    assert give_advice(find("two-point", "lineal-path")) == [ORDER]
    assert give_advice(find("of-another-package")) == [SHAPE]
    assert give_advice(attrs.evolve(find(), level="indistinguishable")) == []
    assert give_advice(attrs.evolve(find(), level="no difference found")) == [MORE]
    assert give_advice(attrs.evolve(find(), level="unknown")) == [NOTHING]


def test_methods_name_what_was_done_and_number_their_references(eroded, micrographs):
    sample, comparison = eroded
    made = {"recipe": {"steps": 60, "seed": 3, "denoiser": {"name": "unet-ddpm"}}}
    text, references = write_methods([sample], micrographs, comparison, made, "1.2")
    assert "in 60 steps (seed 3)" in text and "recon 1.2 [1, 2]" in text
    assert "mean chord length [3]" in text and "two-sample test [4]" in text
    assert f"The verdict was: {comparison.verdict.level}." in text and len(references) == 4
    text, references = write_methods([sample], None, None, None, "1.2")
    assert text == "A volume of 24 × 24 × 24 voxels was examined with recon 1.2."
    assert references == []


def test_the_csv_holds_every_cell_of_every_table():
    tables = [Table("first, of two", ["a", "b"], [["1", 'say "x"']]), Table("two", ["c"], [["µ"]])]
    content = base64.b64decode(link_csv(tables).partition("base64,")[2]).decode()
    rows = [row for row in csv.reader(io.StringIO(content)) if row]
    assert rows == [
        ["table", "a", "b"],
        ["first, of two", "1", 'say "x"'],
        ["table", "c"],
        ["two", "µ"],
    ]
