"""Headless Chromium, from its own path and without a network."""

import shutil

import pytest
from selenium import webdriver


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-unsafe-swiftshader",  # WebGL without a GPU
        "--hide-scrollbars",
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # Both by their paths: selenium would look for others in the network.
    options.binary_location, driver_path = shutil.which("chromium"), shutil.which("chromedriver")
    assert options.binary_location and driver_path, "install chromium and chromium-driver"
    driver = webdriver.Chrome(options, webdriver.ChromeService(driver_path))
    yield driver
    driver.quit()
