"""report.html in headless Chromium, from a file, as a reader opens it."""

import base64
import re

import numpy as np
import pytest
from scipy import ndimage
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from recon.core import Micrographs, Volume, measure_all
from recon.core.data.colours import pick_colours
from recon.validation.comparison.compare import compare
from recon.validation.report import write_report

pytestmark = pytest.mark.browser

SHAPE = (24, 32, 40)  # of different sides, so that no axis is taken for another
PHASES = ("pore", "<i>active</i>", "binder")
AXES = "zyx"


def labels(shape, seed=0):
    noise = np.random.default_rng(seed).normal(size=shape)
    smooth = ndimage.gaussian_filter(noise, 1.5, mode="wrap")
    return np.digitize(smooth, np.quantile(smooth, [0.4, 0.8])).astype(np.uint8)


@pytest.fixture(scope="module")
def material():
    whole = labels((72, 96, 80))
    size = (2e-6, 1e-6, 1e-6)
    samples = [
        Volume(whole[z : z + 24, :32, :40], size, PHASES, {"recipe": {"seed": z}}) for z in (0, 30)
    ]
    return samples, Volume(whole, size, PHASES)


@pytest.fixture(scope="module")
def against_micrographs(material, tmp_path_factory):
    samples, whole = material
    micrographs = Micrographs(
        {"xy": list(whole.labels[::8]), "yz": list(np.moveaxis(whole.labels[:, :, ::8], 2, 0))},
        whole.voxel_size,
        PHASES,
    )
    path = tmp_path_factory.mktemp("page") / "report.html"
    results = measure_all(samples[0], ("chord-length", "local-thickness"))
    write_report(
        path,
        samples,
        results,
        micrographs,
        compare(samples, micrographs),
        checks={"Memorisation": "No slice repeats a training window."},
    )
    return path.as_uri(), micrographs


@pytest.fixture(scope="module")
def against_volume(material, tmp_path_factory):
    samples, whole = material
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_report(path, samples[:1], {}, whole, compare(samples[:1], whole))
    return path.as_uri(), whole


def opened(browser, address, width=1300):
    """The page at a width, its sliders ready."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    browser.get(address)
    WebDriverWait(browser, 20).until(
        lambda driver: driver.find_element(By.ID, "viewer").get_attribute("data-ready") == "true"
    )


def pixels(browser, selector):
    """Red, green, blue of a canvas (rows, columns, 3)."""
    width, height, values = browser.execute_script(
        "const c = document.querySelector(arguments[0]);"
        "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        "return [c.width, c.height, Array.from(d)]",
        selector,
    )
    return np.array(values).reshape(height, width, 4)[..., :3]


def painted(image):
    palette = np.array([list(bytes.fromhex(colour[1:])) for colour in pick_colours(len(PHASES))])
    return palette[image]


def moved(browser, selector, value):
    """A slider set as a reader's hand does it: value, then the event."""
    browser.execute_script(
        "const s = document.querySelector(arguments[0]); s.value = arguments[1];"
        "s.dispatchEvent(new Event('input', {bubbles: true}))",
        selector,
        value,
    )


def silent(browser):
    return [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


@pytest.mark.parametrize("plane, axis", [("xy", 0), ("xz", 1), ("yz", 2)])
def test_sliders_show_exactly_the_labels_of_that_slice(
    browser, against_micrographs, material, plane, axis
):
    opened(browser, against_micrographs[0])
    own = f"[data-plane={plane}] .own"
    seen = []
    for place in (0, SHAPE[axis] // 2, SHAPE[axis] - 1):
        moved(browser, f"{own} input", place)
        image = pixels(browser, f"{own} canvas")
        np.testing.assert_array_equal(painted(material[0][0].labels.take(place, axis)), image)
        seen.append(image)
        said = browser.find_element(By.CSS_SELECTOR, f"{own} output").text
        assert said.startswith(f"{AXES[axis]} = {place} (")
        assert f"({place * (2 if axis == 0 else 1)} µm)" in said
    assert (seen[0] != seen[1]).any() and (seen[1] != seen[2]).any()
    assert silent(browser)


def test_keys_move_a_slider_and_the_lines_on_the_other_planes(
    browser, against_micrographs, material
):
    opened(browser, against_micrographs[0])
    slider = browser.find_element(By.CSS_SELECTOR, "[data-plane=xy] .own input")
    slider.send_keys(Keys.HOME)
    slider.send_keys(Keys.ARROW_RIGHT)
    slider.send_keys(Keys.ARROW_RIGHT)
    image = pixels(browser, "[data-plane=xy] .own canvas")
    np.testing.assert_array_equal(painted(material[0][0].labels[2]), image)
    line = browser.find_element(By.CSS_SELECTOR, "[data-plane=xz] .own .across")
    height = browser.find_element(By.CSS_SELECTOR, "[data-plane=xz] .own canvas").size["height"]
    top = float(line.value_of_css_property("top").removesuffix("px"))
    assert top == pytest.approx(2.5 / 24 * height, abs=0.6)


def test_a_click_into_a_slice_moves_the_other_two(browser, against_micrographs, material):
    opened(browser, against_micrographs[0])
    canvas = browser.find_element(By.CSS_SELECTOR, "[data-plane=xy] .own canvas")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    box = canvas.rect
    place = {"x": 10, "y": 20}  # voxels
    aside = [
        round((place["x"] + 0.5) / 40 * box["width"] - box["width"] / 2),
        round((place["y"] + 0.5) / 32 * box["height"] - box["height"] / 2),
    ]
    webdriver.ActionChains(browser).move_to_element_with_offset(canvas, *aside).click().perform()
    first = material[0][0].labels
    np.testing.assert_array_equal(
        painted(first[:, 20]), pixels(browser, "[data-plane=xz] .own canvas")
    )
    np.testing.assert_array_equal(
        painted(first[:, :, 10]), pixels(browser, "[data-plane=yz] .own canvas")
    )


def test_the_micrographs_have_sliders_of_their_own(browser, against_micrographs):
    address, micrographs = against_micrographs
    opened(browser, address)
    slider = browser.find_element(By.CSS_SELECTOR, "[data-plane=xy] .real input")
    last = int(slider.get_attribute("max"))
    assert last + 1 == 9 * 3 * 2  # slices, parts along y and x
    moved(browser, "[data-plane=xy] .real input", last)
    image = pixels(browser, "[data-plane=xy] .real canvas")
    said = browser.find_element(By.CSS_SELECTOR, "[data-plane=xy] .real output").text
    assert said == "micrograph 9 of 9, part 6 of 6"
    np.testing.assert_array_equal(painted(micrographs.planes["xy"][8][64:, 40:]), image)
    assert not browser.find_elements(By.CSS_SELECTOR, "[data-plane=xz] .real")
    shown = browser.find_element(By.CSS_SELECTOR, "[data-plane=xz]").text
    assert "no micrographs of this plane" in shown


def test_another_sample_is_chosen(browser, against_micrographs, material):
    opened(browser, against_micrographs[0])
    before = pixels(browser, "[data-plane=yz] .own canvas")
    Select(browser.find_element(By.ID, "volume")).select_by_visible_text("volume 1")
    WebDriverWait(browser, 10).until(
        lambda driver: (pixels(driver, "[data-plane=yz] .own canvas") != before).any()
    )
    for plane, axis in (("xy", 0), ("xz", 1), ("yz", 2)):
        np.testing.assert_array_equal(
            painted(material[0][1].labels.take(SHAPE[axis] // 2, axis)),
            pixels(browser, f"[data-plane={plane}] .own canvas"),
        )
    assert silent(browser)


def test_both_sides_and_all_planes_have_one_scale(browser, against_volume):
    opened(browser, against_volume[0])
    spans = {"z": 24 * 2, "y": 32, "x": 40}  # micrometres
    widths = set()
    for plane in ("xy", "xz", "yz"):
        for side in ("own", "real"):
            box = browser.find_element(By.CSS_SELECTOR, f"[data-plane={plane}] .{side} canvas").rect
            widths |= {
                round(box["width"] / spans[plane[0]], 3),
                round(box["height"] / spans[plane[1]], 3),
            }
    assert max(widths) - min(widths) < 0.01 * max(widths)
    assert min(widths) >= 1


def test_slices_of_a_reference_volume_are_shown(browser, against_volume):
    address, whole = against_volume
    opened(browser, address)
    moved(browser, "[data-plane=xz] .real input", 63)
    said = browser.find_element(By.CSS_SELECTOR, "[data-plane=xz] .real output").text
    place = int(said.split("=")[1].split(",")[0])
    np.testing.assert_array_equal(
        painted(whole.labels[24:48, place, 20:60]), pixels(browser, "[data-plane=xz] .real canvas")
    )
    assert silent(browser)


def test_the_verdict_stands_on_top_and_pictures_are_loaded(browser, against_micrographs):
    opened(browser, against_micrographs[0])
    verdict = browser.find_element(By.ID, "verdict")
    assert verdict.rect["y"] < 300 and verdict.find_element(By.TAG_NAME, "h2").text
    solids = browser.find_elements(By.CSS_SELECTOR, "#solids img")
    assert len(solids) == 3
    assert all(int(image.get_property("naturalWidth")) > 0 for image in solids)
    assert "Memorisation" in browser.find_element(By.ID, "checks").text
    text = browser.find_element(By.TAG_NAME, "main").text
    assert PHASES[1] in text and not browser.find_elements(By.TAG_NAME, "i[active]")
    assert silent(browser)


def test_the_volume_turns_and_shows_the_phases_that_are_chosen(browser, against_micrographs):
    opened(browser, against_micrographs[0])
    assert browser.execute_script("return !!document.createElement('canvas').getContext('webgl2')")
    box = browser.find_element(By.ID, "turning")
    WebDriverWait(browser, 20).until(lambda _: box.get_attribute("data-ready") == "true")
    canvas = box.find_element(By.TAG_NAME, "canvas")
    picture, before = canvas.screenshot_as_png, canvas.get_attribute("data-view")
    canvas.send_keys(Keys.ARROW_RIGHT)
    assert canvas.get_attribute("data-view") != before and canvas.screenshot_as_png != picture
    picture = canvas.screenshot_as_png
    for choice in box.find_elements(By.TAG_NAME, "input"):
        choice.click()
    assert canvas.screenshot_as_png != picture
    assert silent(browser)


def test_figures_are_saved_with_colours_of_their_own(browser, against_micrographs):
    opened(browser, against_micrographs[0])
    links = browser.find_elements(By.CSS_SELECTOR, ".panels .save")
    assert len(links) == len(browser.find_elements(By.CSS_SELECTOR, ".panels svg")) > 0
    saved = browser.execute_async_script(
        "const done = arguments[1]; const link = arguments[0];"
        "link.addEventListener('click', event => { event.preventDefault();"
        " fetch(link.href).then(answer => answer.text()).then(done); }); link.click();",
        links[0],
    )
    assert saved.startswith("<svg") and "var(--" not in saved and "#1769d2" in saved


def test_the_page_takes_at_most_six_sheets(browser, against_micrographs):
    opened(browser, against_micrographs[0])
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"paperWidth": 8.27, "paperHeight": 11.7})
    sheets = base64.b64decode(printed["data"])
    assert 1 <= len(re.findall(rb"/Type\s*/Page[^s]", sheets)) <= 6


@pytest.mark.parametrize("width", [400, 800, 1300])
def test_the_page_is_no_wider_than_the_window(browser, against_micrographs, against_volume, width):
    for address in (against_micrographs[0], against_volume[0]):
        opened(browser, address, width)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        wide = browser.execute_script(
            "return [...document.querySelectorAll('.card')]"
            ".filter(card => card.scrollWidth > card.clientWidth + 1).map(card => card.id)"
        )
        assert wide == []


def test_links_lead_to_something(browser, against_micrographs):
    opened(browser, against_micrographs[0])
    links = browser.find_elements(By.CSS_SELECTOR, "nav a, .findings a")
    assert len(links) >= 6
    for link in links:
        target = link.get_attribute("href").split("#")[1]
        assert browser.find_element(By.ID, target).is_displayed()


def test_a_browser_without_the_decoder_keeps_the_slices_that_do_not_move(
    browser, against_micrographs
):
    script = browser.execute_cdp_cmd(
        "Page.addScriptToEvaluateOnNewDocument", {"source": "delete window.DecompressionStream"}
    )
    try:
        browser.get(against_micrographs[0])
        assert "DecompressionStream" in browser.find_element(By.ID, "viewer-excuse").text
        assert not browser.find_element(By.ID, "viewer").is_displayed()
        images = browser.find_elements(By.CSS_SELECTOR, "#gallery img")
        assert len(images) == 9 + 6 and all(image.is_displayed() for image in images)
        assert silent(browser)
    finally:
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)


def test_nothing_is_loaded_from_elsewhere(browser, against_micrographs):
    opened(browser, against_micrographs[0])
    loaded = browser.execute_script(
        "return performance.getEntriesByType('resource').map(entry => entry.name)"
    )
    assert [name for name in loaded if not name.startswith("data:")] == []
