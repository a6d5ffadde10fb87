"""Locks of folders and CPUs; one process stands in for two, since each lock has its own file."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from benchmarks import entry
from benchmarks.locks import LOCK, lock_folder
from benchmarks.measuring import threads


def test_folder_in_use_is_refused(tmp_path: Path) -> None:
    """It can be locked again when the first lock is released."""
    with (
        lock_folder(tmp_path / "r"),
        pytest.raises(OSError, match="r is in use by another run"),
        lock_folder(tmp_path / "r"),
    ):
        pass
    with lock_folder(tmp_path / "r"):
        pass


def test_folder_can_be_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run may need it only for a moment."""
    held = FileLock(tmp_path / LOCK).acquire()
    monkeypatch.setattr("time.sleep", lambda _: held.lock.release())
    with lock_folder(tmp_path, timeout=60):
        pass


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system binds no process")
def test_commands_bind_to_different_cpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When no CPU is left, they share. The option overrides the variables."""
    bound: list[tuple[int, list[int]]] = []
    monkeypatch.setattr(threads, "_locks", [])
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(threads, "_allowed", set())
    monkeypatch.setattr(os, "sched_getaffinity", {0: {3, 5, 7}}.__getitem__)
    monkeypatch.setattr(os, "sched_setaffinity", lambda *given: bound.append(given))
    for variable in ("XLA_FLAGS", *threads.VARIABLES):
        monkeypatch.setenv(variable, "7")
    monkeypatch.setattr("time.sleep", None)  # None waits for a lock.
    monkeypatch.setattr("sys.argv", ["compare", "--threads", "2"])
    modules: list[str] = []

    def prepared(module: str, prepare: Callable[[], object] | None) -> None:
        modules.append(module)
        if prepare is not None:
            prepare()

    monkeypatch.setattr(entry, "run_program", prepared)
    start: Any = entry.run
    for module in "ab":
        start(module, threads=True)
    start("c")

    assert modules == ["a", "b", "c"]
    assert bound == [(0, [3, 5]), (0, [7, 3])]
    assert {os.environ[variable] for variable in threads.VARIABLES} == {"2"}
    assert os.environ["XLA_FLAGS"] == "7"
    monkeypatch.setattr(threads, "_locks", [])  # This releases them.
    threads.use_threads(["--threads", "1"])
    assert os.environ["XLA_FLAGS"] == "7 --xla_cpu_multi_thread_eigen=false"
    monkeypatch.delenv("XLA_FLAGS")
    threads.use_threads([])
    assert os.environ["XLA_FLAGS"] == "--xla_cpu_multi_thread_eigen=false"
