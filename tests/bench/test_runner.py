"""Programs in processes of their own: their output, their end, and their time limit."""

import os
import sys
from pathlib import Path

import pytest

from benchmarks import ROOT, runner
from benchmarks.runner import Process, project_environment, run


def python(code: str) -> list[str]:
    """Return the command that runs some Python code."""
    return [sys.executable, "-c", code]


def test_run_returns_status_and_output() -> None:
    """Standard output and standard error are kept apart."""
    result = run(python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"))

    assert (result.status, result.output, result.error) == (3, "out\n", "err\n")
    assert result.ending == "exited with status 3"
    assert result.last_lines(2) == "out\nerr"
    assert not result.timed_out


def test_run_uses_environment_and_folder(tmp_path: Path) -> None:
    """The program runs in the folder, with these variables and no standard input."""
    code = "import os, sys; print(os.getcwd(), os.environ['NAME'], repr(sys.stdin.read()))"
    result = run(python(code), {**os.environ, "NAME": "value"}, tmp_path)

    assert result.output == f"{tmp_path} value ''\n"


def test_run_names_the_signal_that_ended_the_program() -> None:
    """A signal is not an exit status."""
    result = run(python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"))

    assert result.status == -9
    assert result.ending == "was ended by signal 9"
    assert result.last_lines() == "no output"


def waiting(fifo: Path, handler: str) -> list[str]:
    """Return the command that handles SIGTERM, says so in `fifo`, and waits for a signal."""
    os.mkfifo(fifo)
    return python(
        "import signal, sys, threading\n"
        f"signal.signal(signal.SIGTERM, {handler})\n"
        f"open({str(fifo)!r}, 'w').close()\n"
        "threading.Event().wait()\n"
    )


def test_stop_lets_a_program_end_its_own_children(tmp_path: Path) -> None:
    """The program gets SIGTERM, and its output is kept."""
    fifo = tmp_path / "ready"
    with Process(waiting(fifo, "lambda *_: sys.exit('terminated')")) as process:
        fifo.read_bytes()
        result = process.stop()

    assert (result.status, result.timed_out) == (1, True)
    assert result.last_lines() == "terminated"


def test_stop_kills_a_program_that_ignores_sigterm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the grace period, the program is not waited for."""
    monkeypatch.setattr(runner, "GRACE", 0.01)
    fifo = tmp_path / "ready"
    with Process(waiting(fifo, "signal.SIG_IGN")) as process:
        fifo.read_bytes()
        result = process.stop()

    assert result.status == -9


def test_run_stops_a_program_at_its_time_limit() -> None:
    """The result says that the program did not end in time."""
    assert run(python("import threading; threading.Event().wait()"), timeout=0).timed_out


def test_process_is_killed_at_the_end_of_its_block() -> None:
    """An error in the block does not leave the program running."""
    with (
        pytest.raises(KeyboardInterrupt),
        Process(python("import threading; threading.Event().wait()")) as process,
    ):
        raise KeyboardInterrupt

    assert process._process.returncode == -9


def test_run_raises_when_there_is_no_program(tmp_path: Path) -> None:
    """The operating system's error is passed on."""
    with pytest.raises(FileNotFoundError):
        run([tmp_path / "nothing"])


def test_project_environment_adds_variables_and_the_project() -> None:
    """The project comes first on PYTHONPATH, before what was there."""
    environment = project_environment({"PYTHONPATH": "/there", "NAME": "value"})

    assert environment["NAME"] == "value"
    assert environment["PYTHONPATH"] == f"{ROOT}{os.pathsep}/there"
    assert environment.items() >= {"PATH": os.environ["PATH"]}.items()
