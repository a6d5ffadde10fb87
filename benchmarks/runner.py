"""Starts programs in processes of their own, and collects their output."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple

from benchmarks import ROOT
from rnn_core.runtime.interrupts import held_interrupt

# Seconds that a program has to end its own children after SIGTERM, before it is killed.
GRACE = 30.0
POLL = 0.1  # seconds
NO_OUTPUT = "no output"


class Result(NamedTuple):
    """A process that has ended.

    Attributes:
        status: exit status; -N if signal N ended the process.
        output: standard output.
        error: standard error.
        timed_out: whether it exceeded its time limit and was stopped.
    """

    status: int
    output: str
    error: str
    timed_out: bool = False

    def last_lines(self, count: int = 1) -> str:
        """Return the last lines of both outputs together."""
        lines = self.output.strip().splitlines() + self.error.strip().splitlines()
        return "\n".join(lines[-count:]) or NO_OUTPUT

    @property
    def ending(self) -> str:
        """How the process ended: "exited with status 1", "was ended by SIGILL"."""
        if self.status < 0:
            with suppress(ValueError):  # Real-time signals have no name.
                return f"was ended by {signal.Signals(-self.status).name}"
            return f"was ended by signal {-self.status}"
        return f"exited with status {self.status}"


class Process:
    """A running program, without standard input; leaving the `with` block kills its group.

    Ctrl-C on a terminal reaches only this process, which then ends the program.

    Args:
        command: program and arguments; no shell reads them.
        environment: environment variables; None for those of this process.
        folder: working directory.
        capture: whether to collect the output instead of showing it.

    Raises:
        OSError: the program cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        environment: Mapping[str, str] | None = None,
        folder: Path = ROOT,
        capture: bool = True,
    ) -> None:
        # A signal that comes between the start and the end of this method would leave the program.
        with held_interrupt() as interrupted, ExitStack() as stack:
            # Files, because a full pipe that nobody reads would block the program.
            self._output = stack.enter_context(tempfile.TemporaryFile())
            self._error = stack.enter_context(tempfile.TemporaryFile())
            self._process = subprocess.Popen(  # noqa: S603
                [*map(str, command)],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=self._output if capture else None,
                stderr=self._error if capture else None,
                start_new_session=True,
            )
            self._files = stack.pop_all()
        if interrupted():
            self.close()
            raise KeyboardInterrupt

    def __enter__(self) -> "Process":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill what is left of the program and its children, and forget its output."""
        self._kill()
        self._files.close()

    def wait(self, timeout: float | None = None) -> Result | None:
        """Wait until the process ends; None if it is still running after `timeout` seconds."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        return self._result()

    def stop(self) -> Result:
        """Terminate the process, and kill it if it does not end within `GRACE` seconds."""
        self._process.terminate()
        self.wait(GRACE)
        self._kill()
        return self._result()._replace(timed_out=True)

    def _kill(self) -> None:
        """Kill what is left of the program and its children."""
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError, PermissionError):  # macOS: only zombies are left.
                os.killpg(self._process.pid, signal.SIGKILL)
        else:
            self._process.kill()
        self._process.wait()

    def _result(self) -> Result:
        output, error = (_content(file) for file in (self._output, self._error))
        return Result(self._process.returncode, output, error)


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def run(
    command: Sequence[str | Path],
    environment: Mapping[str, str] | None = None,
    folder: Path = ROOT,
    timeout: float | None = None,
    capture: bool = True,
) -> Result:
    """Run a program until it ends, or until `timeout` seconds have passed and it is stopped.

    Args:
        command: program and arguments; no shell reads them.
        environment: environment variables; None for those of this process.
        folder: working directory.
        timeout: time limit in seconds; None for no limit.
        capture: whether to collect the output instead of showing it.

    Raises:
        OSError: the program cannot be started.
    """
    with Process(command, environment, folder, capture) as process:
        return process.wait(timeout) or process.stop()


class Program(NamedTuple):
    """What to run: the first arguments of `Process`."""

    command: Sequence[str | Path]
    environment: Mapping[str, str] | None = None
    folder: Path = ROOT


def run_together(
    programs: Sequence[Program],
    ended: Callable[[int, Result], object],
    most: int,
    progress: Callable[[], object] = lambda: None,
) -> None:
    """Run several programs at the same time; whatever is raised, none is left running.

    Args:
        programs: the programs.
        ended: function that gets the number of each program, from 0 on, and its result.
        most: largest number of programs at a time.
        progress: function that is called repeatedly while the programs run.

    Raises:
        OSError: a program cannot be started.
    """
    waiting = dict(enumerate(programs))
    running: dict[int, Process] = {}
    try:
        while waiting or running:
            for number in [*waiting][: most - len(running)]:
                running[number] = Process(*waiting.pop(number))
            for number, process in [*running.items()]:
                result = process.wait(POLL)
                if result is not None:
                    # At once: later, its id may be another process's.
                    running.pop(number).close()
                    ended(number, result)
            progress()
    finally:
        for process in running.values():
            process.close()


def find_tool(name: str) -> list[str]:
    """Return the first words of a tool's command line, or none if it is not installed.

    Args:
        name: name of its program, and of its module in this Python.
    """
    if program := shutil.which(name):
        return [program]
    return [sys.executable, "-m", name] if find_spec(name) else []


def project_environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment with `variables`, and this project on PYTHONPATH."""
    environment = {**os.environ, **(variables or {})}
    path = [str(ROOT), environment.get("PYTHONPATH")]
    return {**environment, "PYTHONPATH": os.pathsep.join(filter(None, path))}
