"""Sessions whose files cannot be written, in small projects on a disk that seems to fill up."""

import errno
import os
import shutil
from pathlib import Path

import pytest
from pytest_benchmark.utils import get_machine_id

from benchmarks.locks import lock_folder
from benchmarks.plugins.sampling import Settings
from tests import ROOT
from tests.helpers.pytest_project import make_project, run_pytest

pytest_plugins = ["pytester"]

# The first benchmark fills the disk.
FILE = """
from pathlib import Path

import pytest

from tests.helpers.matrix_results import made_up

def test_first(benchmark):
    benchmark.pedantic(int, rounds=2)
    Path("full").touch()

@pytest.mark.parametrize("device", ["cpu"])
@pytest.mark.parametrize("experiment", ["clipped-rnn"])
def test_second(benchmark, leave_history, experiment, device):
    benchmark.pedantic(int, rounds=2)
    leave_history(experiment, made_up(experiment))
"""
FILL = 'Path("full").touch()'
FULL = "No space left on device"
OPTIONS = ("benchmarks", "--results=left", "--junitxml=j.xml", "--benchmark-json=b.json")


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project on a disk that is full as soon as there is a file `full`."""
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if Path("full").exists():
            raise OSError(errno.ENOSPC, FULL)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    make_project(pytester, monkeypatch, {"benchmarks/test_a.py": FILE})
    shutil.copy(ROOT / "benchmarks" / "conftest.py", pytester.path / "benchmarks")
    return pytester


def never_full(project: pytest.Pytester) -> None:
    """Let the first benchmark fill nothing."""
    (project.path / "benchmarks" / "test_a.py").write_text(FILE.replace(FILL, "pass"))


def left(project: pytest.Pytester) -> set[str]:
    """Return the files of the project that the run left, without locks."""
    ours = ("conftest.py", "test_a.py", "tox.ini", "full")
    files = {path for path in project.path.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    return {
        path.relative_to(project.path).as_posix()
        for path in files
        if path.name not in (*ours, ".lock")
    }


def test_a_full_disk_loses_files_and_not_the_tables(project: pytest.Pytester) -> None:
    """Each missing file is named with the reason, no part of one is left, and the status is 3."""
    status, output = run_pytest(project, *OPTIONS, "--benchmark-compare")
    names = [".benchmarks", "b.json", "j.xml", "left/benchmarks-run.json", "left/clipped-rnn.npz"]
    names += ["left/benchmarks.json", "left/benchmarks.xml"]

    assert status == 3
    assert "benchmark: 2 tests" in output
    assert {name for name in names if f"{name}: {FULL}" not in output} == set()
    assert "2 passed" in output
    assert output.index("- comparison -") < output.index("Not saved: ")
    assert "This run is saved" not in output
    assert left(project) == {"left/benchmarks-run.json"}


def test_a_full_disk_is_named_by_a_process_of_a_comparison(project: pytest.Pytester) -> None:
    """It writes nothing else, and `compare` shows its last lines."""
    sample = f"--sample={Settings(seed=1, seconds=0.001).dump()}"
    status, output = run_pytest(project, "benchmarks", "--benchmark-json=b.json", sample)

    assert status == 3
    assert f"Not saved: b.json: {FULL}" in output
    assert output.count("Not saved: ") == 1
    assert "Traceback" not in output


@pytest.mark.parametrize("name", [".benchmarks/{machine}", "left/.benchmarks.xml/x"])
def test_a_place_that_cannot_be_written_is_named(name: str, project: pytest.Pytester) -> None:
    """A file is where a folder must be, or the other way round. All else is printed and saved."""
    never_full(project)
    path = project.path / name.format(machine=get_machine_id())  # type: ignore[no-untyped-call]
    path.parent.mkdir(parents=True)
    path.touch()
    status, output = run_pytest(project, "benchmarks", "--results=left")

    assert status == 3
    assert "Not saved: " in output
    assert "2 passed" in output
    assert "benchmark: 2 tests" in output


def test_a_disk_that_is_full_before_the_run_is_a_usage_error(project: pytest.Pytester) -> None:
    """Nothing is measured."""
    (project.path / "full").touch()
    status, output = run_pytest(project, *OPTIONS)

    assert (status, left(project)) == (4, set())
    assert f"left: {FULL}" in output


def test_results_of_another_run_are_refused(project: pytest.Pytester) -> None:
    """They stay; when the other run has ended, the folder is free."""
    never_full(project)
    with lock_folder(project.path / "left"):
        (project.path / "left" / "benchmarks.xml").touch()
        refused = run_pytest(project, *OPTIONS)
        files = left(project)
    statuses = [run_pytest(project, *OPTIONS)[0] for _ in range(2)]

    assert (refused[0], files) == (4, {"left/benchmarks.xml"})
    assert "left is in use by another run" in refused[1]
    assert statuses == [0, 0]
