"""Programs in separate processes: their output, their end, and their time limit."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from benchmarks import ROOT, runner
from benchmarks.runner import Process, Program, run, run_together


def python(code: str) -> list[str]:
    """Return the command that runs some Python code."""
    return [sys.executable, "-c", code]


@pytest.mark.parametrize("capture", [True, False])
def test_run_returns_status_and_output(capture: bool, capfd: pytest.CaptureFixture[str]) -> None:
    """Standard output and standard error are kept apart, or shown."""
    code = "import sys; print('out' * 10**6); print('err', file=sys.stderr); sys.exit(3)"
    status, *outputs, timed_out = run(python(code), capture=capture)
    both = [outputs, [*capfd.readouterr()]]

    assert both == [["out" * 10**6 + "\n", "err\n"], ["", ""]][:: 1 if capture else -1]
    assert (status, timed_out) == (3, False)


def test_run_uses_environment_and_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program runs in the folder, with these variables and without our standard input.

    Without a folder, it runs in that of the project, wherever the command was started.
    """
    monkeypatch.chdir(tmp_path)
    code = "import os, sys; print(os.getcwd(), os.environ['NAME'], repr(sys.stdin.read()))"
    (tmp_path / "typed").write_text("typed")
    usual = os.dup(0)
    with (tmp_path / "typed").open() as typed:
        os.dup2(typed.fileno(), 0)
    try:
        result = run(python(code), {**os.environ, "NAME": "value"}, tmp_path)
    finally:
        os.dup2(usual, 0)
        os.close(usual)

    assert result.output == f"{tmp_path} value ''\n"
    found = run(python("import os; print(os.getcwd(), 'PATH' in os.environ)"), {}).output
    assert found == f"{ROOT} False\n"
    assert Program([]).folder == ROOT


def test_output_need_not_be_utf_8() -> None:
    """What is not is replaced."""
    assert run(["printf", r"\377 whole"]).output == "\ufffd whole"


@pytest.mark.parametrize(
    ("handler", "status", "output"),
    [
        ("lambda *_: (print('out'), sys.exit('error'))", 1, "out\nerror"),
        ("lambda *_: sys.exit()", 0, "no output"),
        ("signal.SIG_IGN", -9, "no output"),
    ],
    ids=["ends its children", "ends well", "ignores SIGTERM"],
)
def test_stop_terminates_a_program_before_it_kills_it(
    handler: str, status: int, output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program gets SIGTERM first, and SIGKILL if it does not end; its output is kept."""
    if status == -9:
        monkeypatch.setattr(runner, "GRACE", 0.01)
    fifo = tmp_path / "ready"
    os.mkfifo(fifo)
    code = (
        "import signal, sys, threading\n"
        f"signal.signal(signal.SIGTERM, {handler})\n"
        f"open({str(fifo)!r}, 'w').close()\n"
        "threading.Event().wait()\n"
    )
    monkeypatch.setattr(os, "killpg", kill := Mock(side_effect=os.killpg))
    with Process(python(code)) as process:
        fifo.read_bytes()
        result = process.stop()

    # The program ends its children as it likes.
    assert {each.args[1] for each in kill.mock_calls} == {signal.SIGKILL}
    assert (result.status, result.timed_out, result.last_lines(2)) == (status, True, output)


def test_run_stops_a_program_at_its_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The result says that the program did not end in time, which need not be whole seconds."""
    limits = list[float | None]()
    wait = subprocess.Popen.wait

    def limited(process: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        limits.append(timeout)
        return wait(process, timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", limited)
    assert run(python("import threading; threading.Event().wait()"), timeout=0.01).timed_out
    assert limits[0] == 0.01


def test_process_ends_with_all_that_it_started(tmp_path: Path) -> None:
    """A child of the program cannot outlive the block, even if the program has ended.

    An error in the block does not leave it running either.
    """
    fifo = tmp_path / "open while the child runs"
    os.mkfifo(fifo)
    code = (
        "import subprocess, sys\n"
        "wait = 'import sys, threading; f = open(sys.argv[1], \"w\"); threading.Event().wait()'\n"
        "subprocess.Popen([sys.executable, '-c', wait, sys.argv[1]])\n"
    )
    command: list[str | Path] = [*python(code), fifo]
    with pytest.raises(KeyboardInterrupt), Process(command, capture=False) as process:
        reader = fifo.open("rb")
        process.wait()
        raise KeyboardInterrupt
    with reader:
        assert reader.read() == b""


def test_programs_end_on_other_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS refuses to kill a group of which only zombies are left; Windows has no groups."""
    monkeypatch.setattr(os, "killpg", Mock(side_effect=PermissionError))
    monkeypatch.setattr(subprocess.Popen, "kill", kill := Mock())
    assert run(["true"]).status == 0
    assert kill.mock_calls == []
    monkeypatch.delattr(os, "killpg")
    assert run(["true"]).status == 0
    assert kill.mock_calls


def test_signal_at_the_start_of_a_process_leaves_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program is killed although its `with` block was not entered."""
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def interrupted(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(popen(*arguments, **options))
        signal.raise_signal(signal.SIGINT)
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(python("import threading; threading.Event().wait()"))

    assert started[0].returncode == -9


def test_programs_run_together_up_to_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every result has its program's number; the third program starts after the first to end.

    Each has its environment and folder, and the caller hears that they run. A program that has
    ended is killed at once and never again, when its id may be another one's.
    """
    events: list[int | str] = []

    def started(*arguments: Any) -> Process:
        events.append("start")
        processes.append(Process(*arguments))
        return processes[-1]

    def closed(process: Process, close: Callable[[Process], None] = Process.close) -> None:
        events.append("close")
        close(process)

    def waited(process: Process, _: float, wait: Any = Process.wait) -> Any:
        asked.append(process)  # Each is still running when it is asked first, the second for long.
        most = 4 if process is processes[1] else 1
        return wait(process) if asked.count(process) > most else None

    asked: list[Process] = []
    processes: list[Process] = []
    monkeypatch.setattr(Process, "wait", waited)
    monkeypatch.setattr(runner, "Process", started)
    monkeypatch.setattr(Process, "close", closed)
    (tmp_path / "1").mkdir()
    monkeypatch.setenv("X", "9")  # Not for these programs.
    run_together(
        [Program(["sh", "-c", "exit ${PWD##*/}$N$X"], {"N": n}, tmp_path / "1") for n in "024"],
        lambda number, result: events.append(10 * number + result.status),
        2,
        lambda: events.append("progress"),
    )
    expected = "start start progress close 10 progress start progress close 34 progress close 22"
    assert " ".join(map(str, events)) == f"{expected} progress"


@pytest.mark.parametrize("failure", ["start", "result", "progress"])
def test_no_program_is_left_running(failure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is raised: by the start of a later program, or by a function that is called."""
    processes: list[Process] = []

    def started(*arguments: Any) -> Process:
        processes.append(Process(*arguments))
        return processes[-1]

    monkeypatch.setattr(runner, "Process", started)

    def fail(*_: object) -> None:
        raise OSError("a function failed")

    last = {"start": "/no/such/program", "result": "true", "progress": "cat"}[failure]
    programs = [*2 * [Program(["tail", "-f", "/dev/null"])], Program([last])]
    with pytest.raises(OSError, match="a function failed|No such file"):
        run_together(programs, fail, 3, fail if failure == "progress" else int)
    assert [process._process.returncode is None for process in processes] == [False] * len(
        processes
    )
    assert processes
