"""recon view without napari: which page, and what is on it."""

import webbrowser
from pathlib import Path

import numpy as np
import pytest

from recon.core import Micrographs, Volume


@pytest.fixture
def files(recon):
    labels = np.random.default_rng(2).integers(0, 2, (12, 14, 16))
    Volume(labels, (5e-7, 4e-7, 2e-7), ("epoxy", "<glass>")).save("volume.zarr")
    planes = {"xy": labels[:2], "yz": [labels[:, :, 0]]}
    Micrographs(planes, (5e-7, 4e-7, 2e-7), ("epoxy", "<glass>")).save("micrographs.zarr")


@pytest.mark.slow
def test_page_of_a_volume_and_its_micrographs(recon, files):
    (path,) = recon("view", "volume.zarr", "--browser", "--no-open").stdout.split()
    page = Path(path).read_text(encoding="utf-8")
    assert Path(path).name == "volume.html" and "two-point" in page and "&lt;glass&gt;" in page
    recon("view", "volume.zarr", "micrographs.zarr", "--out", "both.html", "--no-open")
    assert "micrographs" in Path("both.html").read_text(encoding="utf-8")


def test_page_of_micrographs(recon, files):
    recon("view", "micrographs.zarr", "--out", "page.html", "--no-open")
    page = Path("page.html").read_text(encoding="utf-8")
    assert page.count("<img") == 3 and "yz slice 0, 12 x 14" in page
    assert "&lt;glass&gt;" in page and "<glass>" not in page


def test_a_run_is_its_report_and_a_folder_its_volumes(recon, files, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or True)
    run = Path("run")
    run.mkdir()
    Path("volume.zarr").rename(run / "volume.zarr")
    assert recon("view", "run", "--out", "a.html").stdout.strip() == "a.html"
    assert "two-point" in Path("a.html").read_text(encoding="utf-8")
    (run / "report.html").write_text("mine")
    assert recon("view", "run", "--browser").stdout.strip() == str(run / "report.html")
    assert [Path(url).name for url in opened] == ["a.html", "report.html"]


def test_no_browser_is_said(recon, files, monkeypatch):
    monkeypatch.setattr(webbrowser, "open", lambda url: False)
    result = recon("view", "micrographs.zarr", "--out", "page.html")
    assert "no browser could be started" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing.zarr",), "nothing.zarr does not exist"),
        ((".", "--out", "taken.html"), "taken.html exists already"),
        (("empty",), "empty holds no *.zarr and no report.html"),
        (("micrographs.zarr", "more.zarr"), "one set of micrographs"),
        (("reported", "--out", "a.html"), "has its page already"),
        ((), "Missing argument 'PATH...'"),
    ],
)
def test_refuses_in_one_line(recon, files, arguments, message):
    Path("empty").mkdir()
    Micrographs.open("micrographs.zarr").save("more.zarr")
    Path("taken.html").write_text("mine")
    Path("reported").mkdir()
    Path("reported/report.html").write_text("mine")
    error = recon("view", *arguments, "--no-open", code=2).stderr
    assert message in error and len(error.strip().splitlines()) == 1
    assert Path("taken.html").read_text() == "mine"
