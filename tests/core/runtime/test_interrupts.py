"""Signals are held back, and a second Ctrl-C interrupts."""

import signal
import threading
from collections.abc import Iterator
from runpy import run_path

import pytest

from rnn_core.runtime import interrupts
from rnn_core.runtime.interrupts import blocked_signals, held_interrupt

# The signals that end a command, but for Ctrl-C.
OTHERS = [number for number in interrupts.SIGNALS if number != signal.SIGINT]


@pytest.fixture(autouse=True)
def _others_interrupt(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make them raise KeyboardInterrupt as in a command."""
    monkeypatch.setattr(interrupts, "_received", None)
    before = {number: signal.getsignal(number) for number in OTHERS}
    for number in OTHERS:
        signal.signal(number, interrupts.interrupt)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("other", OTHERS)
def test_signals_are_held_until_a_second_one_is_ctrl_c(other: signal.Signals) -> None:
    """The outer block reports the first one, and a command's status tells which it was."""
    for handler in (signal.default_int_handler, interrupts.interrupt):
        signal.signal(signal.SIGINT, handler)
        with (
            pytest.raises(KeyboardInterrupt),
            held_interrupt() as interrupted,
            held_interrupt() as inner,
        ):
            came = [interrupted()]
            # Launchers repeat SIGTERM.
            for number in (other, other, signal.SIGINT):
                signal.raise_signal(number)
                came += [interrupted(), inner()]

        assert came == [False, True, False, True, False]
        assert interrupts.received() is other
        assert signal.getsignal(signal.SIGINT) is handler
        assert {signal.getsignal(number) for number in OTHERS} == {interrupts.interrupt}


@pytest.mark.parametrize("other", OTHERS)
def test_only_ctrl_c_interrupts_again(other: signal.Signals) -> None:
    """A launcher repeats SIGTERM while the command saves."""

    def interrupted(number: signal.Signals) -> bool:
        try:
            interrupts.interrupt(number, None)
        except KeyboardInterrupt:
            return True
        return False

    came = [interrupted(number) for number in (other, other, signal.SIGINT)]

    assert came == [True, False, True]
    assert interrupts.received() is other


def test_other_handlers_of_ctrl_c_are_kept() -> None:
    """A signal that is ignored, has a custom handler or ends the process is not held."""
    for handler in (signal.SIG_DFL, signal.SIG_IGN, lambda *_: None):
        signal.signal(signal.SIGINT, handler)
        with held_interrupt():
            assert signal.getsignal(signal.SIGINT) is handler
        assert signal.getsignal(signal.SIGINT) is handler


@pytest.mark.parametrize("number", interrupts.SIGNALS)
def test_blocked_signals_arrive_at_the_end(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No handler runs inside the block, not even one of a library in C; Windows blocks nothing."""
    steps = []
    with pytest.raises(KeyboardInterrupt):  # noqa: SIM117 - the inner block ends first
        with blocked_signals():
            signal.raise_signal(number)
            steps.append("blocked")
            with blocked_signals():
                pass
            steps.append("still blocked")

    monkeypatch.delattr(signal, "pthread_sigmask", raising=False)
    with blocked_signals():
        steps.append("on Windows")

    assert steps == ["blocked", "still blocked", "on Windows"]


def test_windows_has_no_hangup(monkeypatch: pytest.MonkeyPatch) -> None:
    """The module can be imported without it."""
    monkeypatch.delattr(signal, "SIGHUP", raising=False)

    assert run_path(interrupts.__file__)["SIGNALS"] == (signal.SIGINT, signal.SIGTERM)


def test_other_threads_hold_nothing() -> None:
    """Only the main thread can handle signals."""
    noted: list[bool] = []

    def hold() -> None:
        with held_interrupt() as interrupted:
            noted.append(interrupted())

    thread = threading.Thread(target=hold)
    thread.start()
    thread.join()

    assert noted == [False]
