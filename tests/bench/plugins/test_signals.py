"""Sessions that a signal ends: tables, saved files and exit status, in small projects."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock, call

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key

from benchmarks.plugins import signals as plugin
from benchmarks.plugins.signals import Signals
from rnn_core.runtime.interrupts import SIGNALS
from tests.helpers.pytest_project import make_project, run_pytest

pytest_plugins = ["pytester"]

# `stop` sends this process a signal, as Ctrl-C and kill do.
FILE = """
import faulthandler
import signal
from pathlib import Path

import pytest

def stop():
    signal.raise_signal(signal.{signal})

def as_paddle_does():
    try:
        stop()
    except KeyboardInterrupt:
        raise OSError("(External)")

@pytest.fixture
def slow_fixture():
    {fixture}

def test_before(benchmark):
    benchmark.pedantic(int, rounds=3)

def test_stopped(benchmark, slow_fixture):
    {first}
    benchmark.pedantic({target}, rounds=3)

def test_after(benchmark):
    benchmark.pedantic(int, rounds=3)
"""
# What the signal interrupts, and the exit status.
CASES = {
    "measuring": ("SIGTERM", {"target": "stop"}, 143),
    "a test": ("SIGINT", {"first": "stop()"}, 2),
    "a fixture": ("SIGINT", {"fixture": "stop()"}, 2),
    "an operator of Paddle": ("SIGINT", {"target": "as_paddle_does"}, 2),
}


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A function that runs `FILE`, by default without a signal, with results in `left`.

    It returns the exit status and the output. The handlers of signals are those of before.
    """
    usual = {"signal": "SIGINT", "target": "int", "first": "pass", "fixture": "pass"}

    def run(*options: str, **parts: str) -> tuple[int, str]:
        files = {"benchmarks/test_a.py": FILE.format(**{**usual, **parts})}
        project = make_project(pytester, monkeypatch, files)
        before = [signal.getsignal(number) for number in SIGNALS]
        ended = run_pytest(project, "benchmarks", "--results=left", *options)
        assert [signal.getsignal(number) for number in SIGNALS] == before
        return ended

    return run


@pytest.mark.parametrize(("name", "parts", "expected"), CASES.values(), ids=CASES)
def test_a_signal_ends_the_session_and_keeps_what_was_measured(
    name: str, parts: dict[str, str], expected: int, pytester: pytest.Pytester, run: Run
) -> None:
    """The tables and results have the complete benchmarks; the run cannot become a baseline."""
    options = ("--benchmark-autosave", "--benchmark-json=times.json", "--benchmark-compare")
    status, output = run(*options, signal=name, **parts)
    left = json.loads((pytester.path / "left" / "benchmarks-run.json").read_text())
    measured = [
        [bench["name"] for bench in json.loads(path.read_text())["benchmarks"]]
        for path in (pytester.path / "left" / "benchmarks.json", pytester.path / "times.json")
    ]

    assert status == expected
    assert f"KeyboardInterrupt: {name} !" in output
    assert "Traceback" not in output
    assert "1 passed in" in output
    assert "benchmark: 1 tests" in output
    assert "Not saved: a benchmark failed or the run was cut short" in output
    assert measured == [["test_before"], ["test_before"]]
    assert left["exit_status"] == 2
    assert list(pytester.path.glob(".benchmarks/*/*.json")) == []


def test_a_signal_during_saving_waits(pytester: pytest.Pytester, run: Run) -> None:
    """All is saved, and the status tells of the signal."""
    (pytester.path / "benchmarks").mkdir()
    (pytester.path / "benchmarks" / "conftest.py").write_text(
        "import pytest, signal\n\n@pytest.hookimpl(wrapper=True, tryfirst=True)\n"
        "def pytest_sessionfinish():\n    signal.raise_signal(signal.SIGINT)\n    return (yield)\n"
    )
    status, output = run()

    assert status == 2
    assert "3 passed in" in output
    assert len(list(pytester.path.glob(".benchmarks/*/0001_*.json"))) == 1


def test_signal_at_the_start_has_the_same_status(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    """It waits until Paddle is imported."""
    monkeypatch.setattr(
        "benchmarks.plugins.signals.import_paddle", lambda: signal.raise_signal(signal.SIGTERM)
    )
    status, output = run()

    assert status == 143
    assert "passed" not in output


@pytest.mark.parametrize("process", [[], ["workerinput"]], ids=["controller", "worker"])
def test_ignored_signals_stay_ignored(process: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """So nohup keeps a session running when its terminal ends. Others end a worker at once.

    Crashes are Python's again, which prints their tracebacks where pytest wants them.
    """
    monkeypatch.setattr(plugin, "faulthandler", crashes := Mock())
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signals = Signals(benchmarks=True)
    try:
        config = Mock(spec=["stash", *process], stash={fault_handler_stderr_fd_key: 9})
        signals.pytest_sessionstart(Mock(spec=["config"], config=config))
        ends = signal.SIG_DFL if process else signals.interrupt
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) == ends
        assert crashes.mock_calls == [call.disable(), call.enable(9)]
    finally:
        signals.pytest_unconfigure()
        signal.signal(signal.SIGHUP, before)


def test_a_crash_can_be_explained_while_a_benchmark_runs(run: Run) -> None:
    """The results have all earlier times, and the traceback of a crash names the benchmark."""
    look = (
        "Path('times').write_text(Path('left/benchmarks.json').read_text()); "
        "file = open('crash', 'w'); faulthandler.dump_traceback(file); file.close()"
    )
    status, _ = run(first=look)
    times = json.loads(Path("times").read_text())

    assert status == 0
    assert [bench["name"] for bench in times["benchmarks"]] == ["test_before"]
    assert "in benchmarks/test_a.py::test_stopped\n" in Path("crash").read_text()
