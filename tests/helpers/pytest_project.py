"""A small project with the suite's real conftest, for tests of its plugins for pytest."""

import re
import shutil
import sys
from collections.abc import Mapping

import pytest

import rnn_core.api  # noqa: F401 - pytester forgets what its runs import first; Paddle takes seconds.
from tests import ROOT

# Plugins by name. Others take up to a second to load, in each run.
PLUGINS = {"benchmark": "pytest_benchmark.plugin", "xdist": "xdist.plugin"}

# Two benchmarks that take no time.
BENCHMARKS = """
import pytest

@pytest.mark.parametrize("name", ["one", "two"])
def test_something(benchmark, device, name):
    benchmark.extra_info["device"] = device
    benchmark.pedantic(int, rounds=2)
"""


def make_project(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    files: Mapping[str, str],
    settings: str = "",
) -> pytest.Pytester:
    """Write the project, and return the fixture `pytester`, whose folder it is in.

    Args:
        pytester: pytest's fixture, in whose folder the project is written.
        monkeypatch: pytest's fixture.
        files: contents by path.
        settings: more options, and more lines of pytest.ini.
    """
    # With this variable, pytest-benchmark measures nothing; but the project's runs are not workers.
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    shutil.copy(ROOT / "conftest.py", pytester.path)
    for name, text in files.items():
        path = pytester.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    # pytest would take these for files of the project, if a test has imported them.
    for name in [name for name in sys.modules if re.match(r"benchmarks\.(conftest|test_)", name)]:
        monkeypatch.delitem(sys.modules, name)
    filters = "filterwarnings = error:::(tests|benchmarks|conftest)"
    pytester.makeini(f"[pytest]\n{filters}\naddopts = --import-mode=importlib {settings}")
    return pytester


def run_pytest(project: pytest.Pytester, *arguments: str) -> tuple[int, str]:
    """Return exit status and output of pytest, as on a machine without a GPU."""
    loaded = [module for name, module in PLUGINS.items() if f"no:{name}" not in arguments]
    plugins = [word for module in [*loaded, "no:cacheprovider"] for word in ("-p", module)]
    result = project.runpytest_inprocess(
        "--device=cpu", *plugins, *arguments, no_reraise_ctrlc=True
    )
    return int(result.ret), result.stdout.str() + result.stderr.str()
