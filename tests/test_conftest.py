"""The root conftest: parallel tests, serial benchmarks, and the devices to run on."""

import shlex

import pytest

from benchmarks.report.formats import Case, read_cases
from tests.helpers.pytest_project import make_project, run_pytest

pytest_plugins = ["pytester"]


# The signals that end the tests of a file, in order; "" ends none. The last file has them in a
# fixture.
CRASHES = {
    "test_first": ["SIGILL", "", ""],
    "test_third": ["", "", "SIGILL", "", "", ""],
    "test_last": ["", "", "SIGSEGV"],
    "test_two": ["SIGKILL", "", "SIGABRT", ""],
    "test_row": ["", "SIGFPE", "SIGBUS"],
    "test_alone": ["SIGTERM"],
    "test_setup": ["", "SIGILL", ""],
}
CRASHING = """
import os, signal
import pytest

SIGNALS = {signals}

def end(index):
    if SIGNALS[index]:
        os.kill(os.getpid(), signal.Signals[SIGNALS[index]])

@pytest.fixture
def before(index, request):
    if request.path.name == "test_setup.py":
        end(index)

@pytest.mark.parametrize("index", range(len(SIGNALS)))
def test(before, index):
    end(index)
"""


@pytest.mark.slow
def test_a_crash_is_one_failed_test_with_its_signal(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    """Every other test passes, with the suite's own options and two workers."""
    expected = [
        Case(
            f"tests.{file}::test[{index}]",
            "crashed" if name else "passed",
            f"crashed: the process was ended by {name}" if name else "",
        )
        for file, signals in CRASHES.items()
        for index, name in enumerate(signals)
    ]
    files = {f"tests/{file}.py": CRASHING.format(signals=ends) for file, ends in CRASHES.items()}
    options = shlex.join(pytestconfig.getini("addopts"))
    project = make_project(pytester, monkeypatch, files, f"{options}\nmarkers = slow")
    status, output = run_pytest(
        # If a worker resolved a device, it would import Paddle.
        *(project, "tests", "--numprocesses=2", "--device=all", "--results=left")
    )
    found = read_cases(project.path / "left" / "tests.xml")

    assert status == 1, output
    assert sorted(found, key=str) == sorted(expected, key=str)


def test_warnings_are_errors_only_where_our_code_causes_them(
    pytester: pytest.Pytester, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dependency may warn, and pytest where it cannot write, as in a read-only checkout."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    lines = ["[pytest]\nfilterwarnings =", *pytestconfig.getini("filterwarnings")]
    pytester.makeini("\n  ".join(lines))
    warn = "import warnings\n\ndef {}():\n    warnings.warn('old', DeprecationWarning)\n"
    pytester.makepyfile(dependency=warn.format("call"))
    (pytester.path / "tests").mkdir()
    (pytester.path / "tests" / "test_a.py").write_text(
        warn.format("test_ours") + "\ndef test_theirs():\n    __import__('dependency').call()\n",
        encoding="utf-8",
    )
    # Not a folder, so even root cannot write the cache.
    (pytester.path / ".pytest_cache").write_text("", encoding="utf-8")
    pytester.syspathinsert()

    result = pytester.runpytest_inprocess("--import-mode=importlib")

    assert result.parseoutcomes() == {"passed": 1, "failed": 1, "warnings": 3}
    result.stdout.fnmatch_lines(["*PytestCacheWarning: *", "FAILED *test_ours*"])
