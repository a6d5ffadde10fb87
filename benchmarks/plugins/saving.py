"""What a session could not save: said last, and shown in the exit status."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

SAVING = "rnn_core-saving"


class Saving:
    """Lets a session continue if a file cannot be written. The root conftest registers it.

    Attributes:
        failures: reasons by file.
    """

    def __init__(self) -> None:
        self.failures: dict[Path, str] = {}

    @contextmanager
    def attempt(self, path: Path) -> Iterator[None]:
        """Note that the file is not written if the `with` block raises OSError."""
        try:
            yield
        except OSError as error:
            self.failures[path] = error.strerror or str(error)
        else:
            self.failures.pop(path, None)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Any:
        """Let a run that would have passed end with another status."""
        from rnn_core.commands.status import ExitStatus

        result = yield
        if self.failures and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = ExitStatus.NOT_WRITTEN
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Any:
        """Name the files and the reasons, after everything else."""
        result = yield
        for path, reason in self.failures.items():
            terminalreporter.write_line(f"Not saved: {path}: {reason}", red=True, bold=True)
        return result
