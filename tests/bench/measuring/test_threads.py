"""The CPUs of a process, and of those that it starts."""

import os
from types import SimpleNamespace

import pytest

from benchmarks.measuring import threads


def test_threads_are_at_most_the_cpus(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error has the largest number."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)  # As on other systems than Linux.
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert threads.cpus() == 1
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    parse = threads.threads_parser().parse_args
    assert [parse(["--threads", text]).threads for text in "123"] == [1, 2, 3]
    for text in ("0", "4", "x"):
        with pytest.raises(SystemExit):
            parse(["--threads", text])
        message = f"must be 1 to 3, the number of CPUs that this process may use, got '{text}'\n"
        assert capsys.readouterr().err.endswith(message)


def test_all_cpus_are_the_free_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are used and locked inside the block only, unless another command has locked them."""
    bound = [{1}]
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: bound[-1])
    monkeypatch.setattr(os, "sched_setaffinity", lambda _, cpus: bound.append(set(cpus)))
    released: set[int] = set()
    monkeypatch.setattr(
        threads,
        "lock_cpu",
        lambda cpu: None if cpu == 3 else SimpleNamespace(release=lambda: released.add(cpu)),
    )
    for allowed, expected in ((set(), {1}), ({0, 1, 2, 3}, {0, 1, 2})):
        monkeypatch.setattr(threads, "_allowed", allowed)
        with threads.all_cpus() as count:
            assert (bound[-1], count, released) == (expected, len(expected), set())
        assert (bound[-1], released) == ({1}, expected - {1})
