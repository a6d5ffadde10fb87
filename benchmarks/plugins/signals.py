"""Signals that end a session: Ctrl-C and SIGTERM with its tables, a crash with the test's name."""

import faulthandler
import functools
import signal
from collections.abc import Callable
from types import FunctionType
from typing import Any

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key

from rnn_core.runtime.interrupts import SIGNALS, blocked_signals
from rnn_core.runtime.versions import import_paddle


class Signals:
    """Handles signals during a session. The root conftest registers it.

    Paddle's import replaces handlers of signals. Its own allocate memory, and so may wait forever.

    Args:
        benchmarks: whether the session runs benchmarks.

    Attributes:
        received: the first signal that came; None if none came.
        holding: whether signals are only noted.
    """

    def __init__(self, benchmarks: bool) -> None:
        # The tests leave Ctrl-C to pytest: some send it, or have handlers of their own.
        self.numbers = [each for each in SIGNALS if benchmarks or each != signal.SIGINT]
        self.before: dict[int, Any] = {}
        self.received: signal.Signals | None = None
        self.holding = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Import Paddle, and then handle the signals."""
        self.session = session
        worker = hasattr(session.config, "workerinput")  # The controller ends its workers.
        with blocked_signals():
            import_paddle()
            for number in self.numbers:
                before = signal.getsignal(number)
                if before is not signal.SIG_IGN:
                    self.before[number] = before
                    signal.signal(number, signal.SIG_DFL if worker else self.interrupt)
        descriptor = session.config.stash.get(fault_handler_stderr_fd_key, None)
        if descriptor is not None:  # Not with -p no:faulthandler.
            faulthandler.disable()
            faulthandler.enable(descriptor)

    def interrupt(self, number: int, _frame: object) -> None:
        """Note the signal, and end the session now or soon."""
        self.received = self.received or signal.Signals(number)
        if not self.holding:
            self.end_session()

    def end_session(self) -> None:
        """Raise KeyboardInterrupt if a signal came."""
        if self.received is not None:
            raise KeyboardInterrupt(self.received.name)

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> None:
        """Call the test in a frame with its whole name, which faulthandler prints in a crash."""
        pyfuncitem.obj = named(pyfuncitem.nodeid, pyfuncitem.obj)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self) -> Any:
        """End the session although Paddle turned KeyboardInterrupt into an error of its own.

        Signals wait, since an interrupted wrapper of pytest-benchmark would be an internal error.
        """
        self.holding = True
        try:
            report = yield
        finally:
            self.holding = False
        self.end_session()
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Any:
        """Let nothing interrupt the saving."""
        self.holding = True
        return (yield)

    def pytest_unconfigure(self) -> None:
        """Set the exit status, after SIGTERM that of shells, and restore the handlers."""
        if self.received is not None:
            ctrl_c = self.received == signal.SIGINT
            self.session.exitstatus = pytest.ExitCode.INTERRUPTED if ctrl_c else 128 + self.received
        for number, handler in self.before.items():
            signal.signal(number, handler)


def named(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that does the same as `call` and has this name in tracebacks."""

    def run(*arguments: Any, **named: Any) -> Any:
        return call(*arguments, **named)

    code = run.__code__.replace(co_name=name)
    renamed = FunctionType(code, run.__globals__, name, None, run.__closure__)
    return functools.wraps(call)(renamed)
