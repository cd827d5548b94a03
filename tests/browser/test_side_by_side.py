"""The page of recon compare in headless Chromium, from a file, as a reader opens it."""

import base64
import re

import numpy as np
import pytest
from scipy import ndimage
from selenium.webdriver.common.by import By

from recon.core import Micrographs, Volume
from recon.validation.comparison.compare import compare
from recon.validation.report.side_by_side import Judged, write_side_by_side

pytestmark = pytest.mark.browser

PHASES = ("pore", "<i>active</i>")
NAMES = ("first", "a name that is rather long/of a volume", "coarse")


def labels(shape, seed, length=1.2):
    noise = np.random.default_rng(seed).normal(size=shape)
    smooth = ndimage.gaussian_filter(noise, length, mode="wrap")
    return (smooth > np.quantile(smooth, 0.6)).astype(np.uint8)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Three volumes, one of another size and one of a coarser texture."""
    whole, size = labels((48, 48, 48), 0), (4e-7,) * 3
    stacks = {
        plane: list(np.moveaxis(whole, axis, 0)[::6])
        for axis, plane in enumerate(("xy", "xz", "yz"))
    }
    reference = Micrographs(stacks, size, PHASES)
    judged = []
    for number, (name, shape, length) in enumerate(
        zip(NAMES, ((16, 18, 20), (20, 20, 20), (16, 18, 20)), (1.2, 1.2, 3.0), strict=True)
    ):
        recipe = {"recipe": {"seed": number, "steps": 60}}
        volume = Volume(labels(shape, number + 1, length), size, PHASES, recipe)
        judged.append(Judged(name, [volume], compare([volume], reference)))
    path = tmp_path_factory.mktemp("page") / "compare.html"
    write_side_by_side(path, judged, reference)
    return path.as_uri(), judged


def open_page(browser, address, width):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    browser.get(address)


@pytest.mark.parametrize("width", [420, 1400])
def test_all_is_side_by_side_without_an_error_of_the_console(browser, page, width):
    address, judged = page
    open_page(browser, address, width)
    cards = browser.find_elements(By.CSS_SELECTOR, ".runs .verdict")
    levels = [card.get_attribute("data-level") for card in cards]
    assert levels == [one.comparison.verdict.level for one in judged]
    assert levels[2] in ("close", "not equivalent")
    tops = {card.rect["y"] for card in cards}
    assert len(tops) == (1 if width == 1400 else 3)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    wide = browser.execute_script(
        "return [...document.querySelectorAll('.card')]"
        ".filter(card => card.scrollWidth > card.clientWidth + 1).map(card => card.id)"
    )
    assert wide == []
    images = browser.find_elements(By.CSS_SELECTOR, "#slices img")
    assert len(images) == 3 * (3 + 1) * 2
    assert all(int(image.get_property("naturalWidth")) > 0 for image in images)
    severe = [one for one in browser.get_log("browser") if one["level"] == "SEVERE"]
    assert severe == []


def test_errors_have_a_column_a_run_and_what_fails_is_marked(browser, page):
    address, judged = page
    open_page(browser, address, 1400)
    heads = browser.find_elements(By.CSS_SELECTOR, "#errors th")
    assert [head.text for head in heads] == ["statistic", "where", *NAMES]
    failing = browser.find_elements(By.CSS_SELECTOR, "#errors td.fails")
    beyond = sum(
        multiple > 1 for one in judged for multiple in one.comparison.list_multiples().values()
    )
    assert len(failing) == beyond > 0
    settings = browser.find_element(By.ID, "settings").text
    assert "seed" in settings and "steps" not in settings


def test_figures_hold_a_line_a_run_and_are_saved(browser, page):
    open_page(browser, page[0], 1400)
    links = browser.find_elements(By.CSS_SELECTOR, ".panels .save")
    assert len(links) == len(browser.find_elements(By.CSS_SELECTOR, ".panels svg")) > 0
    saved = browser.execute_async_script(
        "const done = arguments[1]; const link = arguments[0];"
        "link.addEventListener('click', event => { event.preventDefault();"
        " fetch(link.href).then(answer => answer.text()).then(done); }); link.click();",
        links[0],
    )
    assert saved.startswith("<svg") and "var(--" not in saved
    assert all(colour in saved for colour in ("#1769d2", "#c2571a", "#1a7f4b"))
    csv = browser.find_element(By.CSS_SELECTOR, ".links a").get_attribute("href")
    text = base64.b64decode(csv.split(",", 1)[1]).decode()
    assert "errors and their limits" in text and "coarse: everything that was judged" in text


def test_the_page_takes_at_most_six_sheets_and_links_lead_to_something(browser, page):
    open_page(browser, page[0], 1400)
    for link in browser.find_elements(By.CSS_SELECTOR, "nav a, .findings a"):
        target = link.get_attribute("href").split("#")[1]
        assert browser.find_element(By.ID, target).is_displayed()
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"paperWidth": 8.27, "paperHeight": 11.7})
    sheets = base64.b64decode(printed["data"])
    assert 1 <= len(re.findall(rb"/Type\s*/Page[^s]", sheets)) <= 6
