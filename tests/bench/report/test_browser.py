"""The page in a real browser: no errors, no wider than a phone, light and dark."""

import shutil
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest

from benchmarks.report.page import SECTIONS, make_page
from benchmarks.report.reading import read_results
from tests.helpers.rich_results import EVIL, write_matrix

# Names of the program on different systems.
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


BROWSER = next(filter(None, map(shutil.which, BROWSERS)), "")
DRIVER = shutil.which("chromedriver") or ""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (BROWSER and DRIVER),
        reason=f"no browser: chromedriver and one of {', '.join(BROWSERS)}",
    ),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless browser that has opened the page and uses no network."""
    from selenium import webdriver

    folder = tmp_path_factory.mktemp("browser")
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in (
        "headless=new",
        # The sandbox works neither for root nor in containers; the page is our own.
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
    matrix = write_matrix(folder / "results")
    # The longest name that a folder may have, without a place to break the line.
    (matrix / ("py310-paddle33-cpu" + "x" * 200)).mkdir()
    (matrix / "comparisons" / EVIL.replace("/", "|")[:-1]).mkdir()
    page = make_page(read_results(matrix), datetime(2026, 11, 25, tzinfo=timezone.utc))
    (folder / "report.html").write_text(page, encoding="utf-8", errors="replace")
    with webdriver.Chrome(options, webdriver.ChromeService(DRIVER)) as driver:
        driver.get((folder / "report.html").as_uri())
        yield driver


def show(browser: Any, width: int, scheme: str = "light") -> None:
    """Set the width of the window, and light or dark colours."""
    metrics = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width == PHONE}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    browser.refresh()


def test_page_opens_without_errors(browser: Any) -> None:
    """The console is empty, nothing is loaded, and every section is visible."""
    show(browser, DESKTOP)
    heights = browser.execute_script(
        "return arguments[0].map(id => document.getElementById(id).offsetHeight)", [*SECTIONS]
    )

    assert browser.get_log("browser") == []
    assert min(heights) > 50
    assert browser.execute_script("return performance.getEntriesByType('resource')") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_page_is_no_wider_than_the_window(browser: Any, width: int, scheme: str) -> None:
    """With every table open, only tables scroll sideways, each in its own box."""
    show(browser, width, scheme)
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")

    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.execute_script(WIDER) == []
    assert browser.get_log("browser") == []


def test_dark_colours_follow_the_system(browser: Any) -> None:
    """Text, background and pictures change."""
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


def test_a_link_in_the_matrix_opens_its_environment(browser: Any) -> None:
    """This works on a phone too."""
    show(browser, PHONE)
    link = browser.execute_script("return document.querySelector('.cell.failed a')")
    link.click()

    assert (
        browser.execute_script("return document.querySelector(':target summary').textContent")
        .strip()
        .startswith("py310-paddle26-cpu")
    )
