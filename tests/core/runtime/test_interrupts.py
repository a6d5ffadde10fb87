"""Ctrl-C is held back, once."""

import signal
import threading
from collections.abc import Iterator

import pytest

from rnn_core.runtime.interrupts import held_interrupt


@pytest.fixture(autouse=True)
def _ctrl_c_interrupts() -> Iterator[None]:
    """Have Ctrl-C interrupt, also where the tests were started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_first_is_noted_and_the_second_interrupts() -> None:
    """One Ctrl-C is told when asked; the next one does not wait."""
    with pytest.raises(KeyboardInterrupt), held_interrupt() as interrupted:
        assert not interrupted()
        signal.raise_signal(signal.SIGINT)
        assert interrupted()
        signal.raise_signal(signal.SIGINT)

    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_another_answer_to_ctrl_c_stays() -> None:
    """Where Ctrl-C is ignored, or somebody's own, nothing is noted."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with held_interrupt() as interrupted:
        signal.raise_signal(signal.SIGINT)

    assert not interrupted()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_another_thread_changes_nothing() -> None:
    """Only the main thread may answer signals."""
    noted: list[bool] = []

    def hold() -> None:
        with held_interrupt() as interrupted:
            noted.append(interrupted())

    thread = threading.Thread(target=hold)
    thread.start()
    thread.join()

    assert noted == [False]
