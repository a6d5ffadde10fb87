"""The outcomes that a serial run keeps if a test ends the process."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.report.formats import Case, read_cases
from tests.helpers.pytest_project import make_project, run_pytest

pytest_plugins = ["pytester"]

# Each test copies the file as it is while the test runs, and `After` as it is after it. The disk
# is full when the third test ends.
TESTS = """
import shutil
from pathlib import Path

import pytest

class After:
    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(self):
        path = Path("left/tests.xml")
        if path.is_symlink():
            path.unlink()
            Path("aside").rename(path)
        else:
            shutil.copy(path, "after.xml")

@pytest.fixture(scope="session", autouse=True)
def after(pytestconfig):
    pytestconfig.pluginmanager.register(After())

@pytest.fixture(autouse=True)
def ends(name):
    yield
    assert name != "one"

@pytest.mark.parametrize("name", ["one", '<"2">&', "three", "four"])
def test(name):
    shutil.copy("left/tests.xml", f"{name}.xml")
    if name == "three":
        Path("left/tests.xml").rename("aside")
        Path("left/tests.xml").symlink_to("/dev/full")
    assert name != "one", "größer"
"""


def test_file_of_outcomes_is_complete_while_tests_run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that ends leaves all outcomes, and the test that it ran as crashed."""
    project = make_project(pytester, monkeypatch, {"tests/test_a.py": TESTS})
    status, _ = run_pytest(project, "--results=left", "-n0", "tests")

    reason = "crashed: the process ended during this test"
    names = ["one", '<"2">&', "three", "four"]
    expected = [
        Case("tests.test_a::test[one]", "failed", "AssertionError: größer\nassert 'one' != 'one'")
    ]
    expected += [Case(f"tests.test_a::test[{name}]", "passed") for name in names[1:]]
    for number, name in enumerate(names):
        running = Case(f"tests.test_a::test[{name}]", "crashed", reason)
        assert outcomes(project.path / f"{name}.xml") == [*expected[:number], running]
    assert outcomes(project.path / "after.xml") == expected
    # The failure of the first test and that of its fixture, and each other test once.
    assert (project.path / "after.xml").read_text().count("><testcase ") == 5
    assert outcomes(project.path / "left" / "tests.xml") == expected
    assert status == 1


def outcomes(path: Path) -> list[Case]:
    """Return what a file holds, without tracebacks."""
    return [replace(case, detail="") for case in read_cases(path)]
