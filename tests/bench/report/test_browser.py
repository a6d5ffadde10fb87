"""The page in a real browser: it opens without errors, and is no wider than a phone."""

import shutil
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest

from benchmarks.report.page import SECTIONS, make_page
from benchmarks.report.reading import read_results
from tests.bench.report.test_page import EVIL, write_matrix

# By the names that systems give them.
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PHONE, DESKTOP = 390, 1280
WIDER = """
    const width = document.documentElement.clientWidth;
    return [...document.querySelectorAll("main *, header *")].filter(element =>
        element.getBoundingClientRect().right > width + 1
        && !element.closest(".scroll, pre, svg")).map(element => element.outerHTML.slice(0, 200));
"""
CONTRAST = """
    const style = getComputedStyle(document.body);
    return [style.color, style.backgroundColor];
"""


def programs() -> tuple[str, str] | None:
    """A browser and its driver, if both are installed."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


pytestmark = pytest.mark.skipif(
    programs() is None, reason=f"no browser: chromedriver and one of {', '.join(BROWSERS)}"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless browser that has opened the page, and asks nobody for anything."""
    from selenium import webdriver

    found = programs()
    assert found is not None
    folder = tmp_path_factory.mktemp("browser")
    options = webdriver.ChromeOptions()
    options.binary_location = found[0]
    for argument in (
        "headless=new",
        # Root has no sandbox, in a container neither; the page is our own.
        "no-sandbox",
        "disable-gpu",
        "disable-dev-shm-usage",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
        "no-first-run",
        f"user-data-dir={folder / 'profile'}",
    ):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(found[1]))
    try:
        matrix = write_matrix(folder / "results")
        # The longest name that a folder may have, and no place to break it.
        (matrix / ("py310-paddle33-cpu" + "x" * 200)).mkdir()
        (matrix / "comparisons" / EVIL.replace("/", "|")[:-1]).mkdir()
        page = make_page(read_results(matrix), datetime(2026, 11, 25, tzinfo=timezone.utc))
        (folder / "report.html").write_text(page, encoding="utf-8", errors="replace")
        driver.get((folder / "report.html").as_uri())
        yield driver
    finally:
        driver.quit()


def show(browser: Any, width: int, scheme: str = "light") -> None:
    """Make the window this wide, and the colours light or dark."""
    metrics = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width == PHONE}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    browser.refresh()


def test_it_opens_without_errors(browser: Any) -> None:
    """The console is empty, and every section has a height."""
    show(browser, DESKTOP)
    heights = browser.execute_script(
        "return arguments[0].map(id => document.getElementById(id).offsetHeight)", [*SECTIONS]
    )

    assert browser.get_log("browser") == []
    assert min(heights) > 50
    # What nobody loads cannot fail; what was asked for would be listed here.
    assert browser.execute_script("return performance.getEntriesByType('resource')") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_it_is_no_wider_than_the_window(browser: Any, width: int, scheme: str) -> None:
    """Nothing scrolls sideways but tables in their own box, every table opened."""
    show(browser, width, scheme)
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")

    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.execute_script(WIDER) == []
    assert browser.get_log("browser") == []


def test_dark_is_dark(browser: Any) -> None:
    """Text and paper change places, and the pictures' ink goes with the text."""
    show(browser, DESKTOP)
    ink, paper = browser.execute_script(CONTRAST)
    show(browser, DESKTOP, "dark")
    dark_ink, dark_paper = browser.execute_script(CONTRAST)
    picture = browser.execute_script(
        "return getComputedStyle(document.querySelector('svg text')).fill"
    )

    def light(color: str) -> bool:
        return sum(map(int, color[4:-1].split(", "))) > 3 * 128

    assert (light(ink), light(paper)) == (False, True)
    assert (light(dark_ink), light(dark_paper)) == (True, False)
    assert dark_ink == picture


def test_a_link_leads_to_what_an_environment_left(browser: Any) -> None:
    """From the matrix, also on a phone."""
    show(browser, PHONE)
    link = browser.execute_script("return document.querySelector('.cell.failed a')")
    link.click()

    assert (
        browser.execute_script("return document.querySelector(':target summary').textContent")
        .strip()
        .startswith("py311-paddle26-cpu")
    )
