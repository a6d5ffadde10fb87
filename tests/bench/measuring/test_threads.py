"""The CPUs of a process, and of those that it starts."""

import os

import pytest

from benchmarks.measuring import threads


def test_all_cpus_are_those_before_the_process_was_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are used inside the block only; a process that was not bound keeps its own."""
    bound = [{1}]
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: bound[-1])
    monkeypatch.setattr(os, "sched_setaffinity", lambda _, cpus: bound.append(set(cpus)))
    for allowed, expected in (({0, 1, 2}, {0, 1, 2}), (set(), {1})):
        monkeypatch.setattr(threads, "_allowed", allowed)
        with threads.all_cpus() as count:
            assert (bound[-1], count) == (expected, len(expected))
        assert bound[-1] == {1}
