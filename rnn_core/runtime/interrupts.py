"""Signals that end a command, raised as KeyboardInterrupt or held back until a step is complete."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Ctrl-C, a request to end, and the end of the terminal, which Windows does not have.
SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)

_received: signal.Signals | None = None


def received() -> signal.Signals | None:
    """The first signal that came since `catch_signals`; None if none came."""
    return _received


def catch_signals() -> None:
    """Let each of `SIGNALS` raise KeyboardInterrupt in the main thread, unless it is ignored.

    Only commands call this. A second call repairs what an import has changed: Paddle installs its
    own handler of SIGTERM, which allocates memory and may so wait forever.
    """
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)


def ignore_signals() -> None:
    """Ignore all of `SIGNALS` from now on, while a command ends."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def interrupt(number: int, _frame: object) -> None:
    """Handle a signal: raise KeyboardInterrupt.

    After the first signal, only Ctrl-C does: a launcher repeats SIGTERM while the command saves.
    """
    if _note(number) or number == signal.SIGINT:
        raise KeyboardInterrupt


def _note(number: int) -> bool:
    """Remember a signal, and return whether it is the first."""
    global _received
    first = _received is None
    if first:
        _received = signal.Signals(number)
    return first


@contextmanager
def blocked_signals() -> Iterator[None]:
    """Keep signals that come inside the `with` block pending until its end."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows.
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def held_interrupt() -> Iterator[Callable[[], bool]]:
    """Hold back signals inside the `with` block; a second Ctrl-C interrupts at once.

    Holds Ctrl-C, and in a command all of `SIGNALS`. Does nothing outside the main thread, or to a
    signal with another handler.

    Yields:
        A function that tells whether a signal has come.
    """
    came = False

    def note(number: int, _frame: object) -> None:
        nonlocal came
        if came and number == signal.SIGINT:
            raise KeyboardInterrupt
        _note(number)
        came = True

    usual = {}
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            handler = signal.getsignal(number)
            if handler in (signal.default_int_handler, interrupt):
                usual[number] = handler
    for number in usual:
        signal.signal(number, note)
    try:
        yield lambda: came
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
