"""The root conftest: parallel tests, serial benchmarks, and the devices to run on."""

import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import paddle
import pytest

import conftest
from benchmarks.report.formats import Case, read_cases
from rnn_core.runtime.environment import cpu_model
from tests.helpers.pytest_project import make_project, run_pytest
from tests.helpers.stand_in_gpu import StandIn

pytest_plugins = ["pytester"]

ROOT = conftest.BENCHMARKS.parent

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


def config(directory: Path, *args: str) -> Any:
    """Return a stand-in for pytest's config, with a command line and the current directory."""
    return SimpleNamespace(args=args, invocation_params=SimpleNamespace(dir=directory))


@pytest.mark.parametrize(
    ("directory", "args"),
    [
        (ROOT, ("benchmarks",)),
        (ROOT, ("benchmarks/test_stages.py::test_stage",)),
        (ROOT, (".",)),
        (ROOT, ("tests", "benchmarks")),
        (conftest.BENCHMARKS, (str(conftest.BENCHMARKS),)),
        (conftest.BENCHMARKS, ("test_stages.py",)),
        (ROOT / "tests", ("../benchmarks",)),
    ],
)
def test_benchmarks_run_serially(directory: Path, args: tuple[str, ...]) -> None:
    """No worker is started, however the benchmarks are named."""
    assert conftest.pytest_xdist_auto_num_workers(config(directory, *args)) == 0


@pytest.mark.parametrize("args", [("tests",), ("tests/core/test_cells.py",), ("rnn_core",)])
def test_tests_run_in_parallel(monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...]) -> None:
    """pytest-xdist chooses the number of workers, up to eight."""
    for cores, workers in ((2, None), (8, None), (64, 8)):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        assert conftest.pytest_xdist_auto_num_workers(config(ROOT, *args)) == workers


def test_all_devices_without_a_gpu_give_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the CPU is left."""
    monkeypatch.setattr("rnn_core.runtime.devices.available_devices", lambda: ["cpu"])
    names, missing = conftest.devices("all")

    assert names == ["cpu"]
    assert "'gpu' is not available" in missing


def test_all_devices_include_every_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A named device is the only one."""
    found = ["cpu", "gpu:0", "gpu:1"]
    monkeypatch.setattr("rnn_core.runtime.devices.available_devices", lambda: found)

    assert conftest.devices("all") == (found, "")
    assert conftest.devices("gpu") == (["gpu:0"], "")
    assert conftest.devices("cpu") == (["cpu"], "")


def test_header_names_versions_cpu_and_devices(
    gpus: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A GPU has its product's name; a missing one its reason."""
    options: Any = SimpleNamespace(getoption={"device": "all"}.__getitem__)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setattr("os.cpu_count", lambda: 12)
    monkeypatch.setattr("paddle.version.commit", "0123456789")

    assert conftest.pytest_report_header(options) == [
        f"Paddle {paddle.version.full_version} (commit 0123456), NumPy {np.__version__}",
        f"CPU: {cpu_model()}, 12 cores, OMP_NUM_THREADS=7",
        f"devices: cpu, {', '.join(f'{name} (Stand-in {name})' for name in gpus.devices)}",
    ]
    monkeypatch.setattr("rnn_core.runtime.devices.available_devices", lambda: ["cpu"])
    *_, line = conftest.pytest_report_header(options)
    assert line.startswith("devices: cpu (skipped: device 'gpu' is not available: ")


def test_tests_run_on_every_device_and_a_missing_gpu_is_skipped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Unless they take no device, or have their own."""
    monkeypatch.setattr("rnn_core.runtime.devices.available_devices", lambda: ["cpu"])
    given: dict[str, Any] = {}
    for argument, own in (("tmp_path", "cell"), ("device", "device, cell"), ("device", "cell")):
        assert given == {}
        marks = {"parametrize": [pytest.mark.parametrize(own, []).mark]}
        metafunc: Any = SimpleNamespace(
            config=SimpleNamespace(getoption={"device": "all"}.__getitem__),
            definition=SimpleNamespace(iter_markers=marks.__getitem__),
            fixturenames=[argument],
            parametrize=given.__setitem__,
        )
        conftest.pytest_generate_tests(metafunc)

    there, missing = given["device"]
    assert (there, missing.values) == ("cpu", ("gpu",))
    assert missing.marks[0].name == "skip"
    assert "'gpu' is not available" in missing.marks[0].kwargs["reason"]


def test_all_devices_are_the_default() -> None:
    """They need not be available; the options of the suite are one group of the help."""
    parser = Mock()
    conftest.pytest_addoption(parser, Mock(get_plugins=list))
    options = parser.getgroup.return_value.addoption.call_args_list
    defaults = {option.args[0]: option.kwargs.get("default") for option in options}

    assert {call.args for call in parser.getgroup.call_args_list} == {("rnn_core",)}
    assert (defaults["--device"], defaults["--results"]) == ("all", None)
    plugins = SimpleNamespace(get_plugin=lambda _: None)
    config = SimpleNamespace(getoption=lambda _: defaults["--device"], pluginmanager=plugins)
    session: Any = SimpleNamespace(config=config)
    conftest.pytest_sessionstart(session)


def test_a_command_to_a_crashed_worker_is_lost() -> None:
    """Others arrive. An error would end the run before xdist has noticed the crash."""
    sent = []

    def send(name: str, **arguments: object) -> None:
        if name == "steal":
            raise OSError("cannot send (already closed?)")
        sent.append((name, arguments))

    node = SimpleNamespace(sendcommand=send)
    conftest.pytest_configure_node(node)
    node.sendcommand("steal", indices=[1])
    node.sendcommand("runtests", indices=[2])

    assert sent == [("runtests", {"indices": [2]})]


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
