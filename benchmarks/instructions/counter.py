"""Counts the instructions of calls, in a process that Valgrind runs."""

import os
from collections.abc import Callable
from importlib import import_module
from itertools import repeat
from pathlib import Path

import pytest

from benchmarks.instructions.dumps import total_of
from benchmarks.instructions.valgrind import SWITCH

# Rounds of `busy` that tell the instructions of one of them.
ROUNDS = 10_000


class Counter:
    """Lets Valgrind count, from the first count on: to switch it off and on again takes seconds.

    Args:
        dumps: path of Valgrind's files; it adds a number to each.

    Raises:
        pytest.UsageError: pytest-codspeed, whose compiled module talks to Valgrind, is missing.
    """

    def __init__(self, dumps: Path) -> None:
        try:
            self.valgrind = import_module(SWITCH)
        except ImportError as error:
            raise pytest.UsageError(
                f"counting instructions needs the package pytest-codspeed: {error}"
            ) from error
        self.handle = self.valgrind.instrument_hooks_init()
        self.dumps, self.dumped = dumps, 0
        self._round: float | None = None

    def count(self, call: Callable[[], object], calls: int, name: str = "") -> int:
        """Return the instructions of so many calls; Valgrind's next file has the functions.

        Args:
            call: function to call.
            calls: number of calls.
            name: name to find the functions by; empty for a count whose functions do not matter.

        Raises:
            OSError, ValueError: Valgrind has not written its file completely.
        """
        numbers = range(calls)
        self.valgrind.callgrind_start_instrumentation()
        self._dump("")  # Valgrind's own way to count from zero keeps 2% of the counts so far.
        for _ in numbers:
            call()
        self._dump(name)
        return total_of(Path(f"{self.dumps}.{self.dumped}"))

    def _dump(self, name: str) -> None:
        """Write the counts since the last file to the next one."""
        self.valgrind.instrument_hooks_set_executed_benchmark(
            self.handle, os.getpid(), name.encode()
        )
        self.dumped += 1

    def stop(self) -> None:
        """Stop counting: all that the process does runs faster, and its last file stays small."""
        self.valgrind.callgrind_stop_instrumentation()

    def with_more(
        self, call: Callable[[], object], share: float, usual: int
    ) -> Callable[[], object]:
        """Return a call with more work after it: a share of its usual number of instructions."""
        if self._round is None:
            self._round = self.count(lambda: busy(ROUNDS), 1) / ROUNDS
        rounds = round(share * usual / self._round)

        def more() -> None:
            call()
            busy(rounds)

        return more


def busy(rounds: int) -> int:
    """Do the same work in Python in each round; counting up would allocate larger numbers."""
    bit = 0
    for _ in repeat(None, rounds):
        bit ^= 1
    return bit
