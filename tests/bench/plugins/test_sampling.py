"""One process of a comparison: which benchmarks it times, and how."""

import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import ROOT
from benchmarks.compare.process import Job, Selection, time_processes
from benchmarks.interpreters import Interpreter
from benchmarks.measuring.threads import VARIABLES
from benchmarks.plugins.sampling import (
    Sampler,
    Settings,
)
from benchmarks.plugins.saving import Saving
from tests.helpers.pytest_project import make_project, run_pytest

pytest_plugins = ["pytester"]

KERNEL = "benchmarks/test_stages.py::test_stage[cpu-step-RNN-B1-T10-H128-kernel{}]"


@pytest.mark.slow
def test_process_times_chosen_benchmarks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real process times each of them with every slowdown, and saves no other run."""
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "1")
    before = set(ROOT.glob(".benchmarks/*/*.json"))
    planted = (0.0, 1.0)
    only = tuple(KERNEL.format(f"-planted:{share:g}") for share in planted)
    settings = Settings(seed=1, seconds=0.05, only=only, planted=planted)
    [run] = time_processes(
        Selection(("benchmarks/test_stages.py",), "step and B1-T10-H128 and RNN", "cpu"),
        [Job(Interpreter("here", Path(sys.executable)), settings, tmp_path / "1.json")],
    )
    content = json.loads((tmp_path / "1.json").read_text())
    saved = {each["fullname"]: each for each in content["benchmarks"]}

    assert set(run.benchmarks) == set(only)
    assert run.environments["cpu"]["threads"] == "1"
    assert run.benchmarks[only[0]].extra_info.fixed_work_ms is not None
    assert run.benchmarks[only[0]].stats.rounds >= 5
    assert saved[only[0]]["options"]["disable_gc"] is True
    assert set(ROOT.glob(".benchmarks/*/*.json")) == before
    assert content["sampling"]["seed"] == 1


FILE = """
import pytest

@pytest.mark.parametrize("first", [False, True])
def test(benchmark, device, measure, first):
    measure(int, None, rounds=9, first=first)
"""


def test_a_session_measures_each_share(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fixture `measure` passes on what it gets; the share comes last in a benchmark's name."""
    measured = []

    def measure(_: Sampler, benchmark: Any, planted: float, *given: Any) -> None:
        benchmark.pedantic(int)
        measured.append((benchmark.fullname, planted, *given))

    monkeypatch.setattr(Sampler, "measure", measure)
    project = make_project(pytester, monkeypatch, {"benchmarks/test_a.py": FILE})
    shutil.copy(ROOT / "benchmarks" / "conftest.py", project.path / "benchmarks")
    settings = Settings(seed=1, seconds=0, planted=(0.0, 0.5)).dump()
    status, _ = run_pytest(project, "benchmarks", f"--sample={settings}")

    name = "benchmarks/test_a.py::test[cpu-{}-planted:{:g}]"
    assert status == 0
    assert sorted(measured) == [
        (name.format(first, share), share, int, None, first)
        for first in (False, True)
        for share in (0.5, 0.0)
    ]


def sampler(source: Path) -> Sampler:
    """Return a sampler for the code in a folder."""
    settings = Settings(1, 0.1, source=str(source), rnn_core="1a2b3c4").dump()
    config: Any = SimpleNamespace(getoption=lambda _: settings)
    return Sampler(config, Saving())


def test_another_copy_of_the_source_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the two sides of a comparison could run different code."""
    session: Any = SimpleNamespace(items=[SimpleNamespace()])

    # A folder around that of rnn_core is another one too.
    for source in (tmp_path, ROOT.parent):
        with pytest.raises(pytest.UsageError, match=f"must come from {source}"):
            sampler(source).pytest_collection_finish(session)
    elsewhere = f"{tmp_path / 'rnn_core' / '__init__.py'}"
    with monkeypatch.context() as patch, pytest.raises(pytest.UsageError, match="rnn_core comes"):
        patch.setattr("rnn_core.__file__", elsewhere)
        sampler(ROOT).pytest_collection_finish(session)
    monkeypatch.setitem(sys.modules, "rnn_core_of_a_user", SimpleNamespace(__file__=None))
    (tmp_path / "link").symlink_to(ROOT)
    there = str(tmp_path / "link" / "rnn_core" / "a.py")
    monkeypatch.setitem(sys.modules, "rnn_core.a", SimpleNamespace(__file__=there))
    ours = sampler(tmp_path / "link")
    ours.pytest_collection_finish(session)
    monkeypatch.setitem(sys.modules, "rnn_core.a.b", SimpleNamespace(__file__=None))
    with pytest.raises(pytest.UsageError, match=f"rnn_core.a.b comes from {Path.cwd()}, and"):
        ours.pytest_collection_finish(session)
    assert ours.environments["cpu"]["rnn_core"] == "1a2b3c4"
