"""The switch that counts; a fake module stands for the compiled one that talks to Valgrind."""

import os
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.compare.process import Job, Selection, count_processes
from benchmarks.instructions import counter
from benchmarks.instructions.counter import Counter
from benchmarks.instructions.functions import Profiles
from benchmarks.instructions.valgrind import SWITCH, find_valgrind
from benchmarks.interpreters import Interpreter, SideError
from benchmarks.plugins.sampling import Settings

STEP = "benchmarks/test_stages.py::test_stage[cpu-step-RNN-B1-T10-H128-kernel"


@pytest.fixture
def events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Events of the fake module, for which every event in between is an instruction."""
    events: list[str] = []

    def dump(handle: str, process: int, name: bytes) -> None:
        assert (handle, process) == ("handle", os.getpid())
        number = events.count("dump") + 1
        counted = [*events[::-1], "dump"].index("dump")
        (tmp_path / f"d.{number}").write_text(f"{name.decode()}\ntotals: {counted}\n")
        events.append("dump")

    module: Any = SimpleNamespace(
        instrument_hooks_init=lambda: "handle",
        callgrind_start_instrumentation=lambda: events.append("start"),
        callgrind_stop_instrumentation=lambda: events.append("stop"),
        instrument_hooks_set_executed_benchmark=dump,
    )
    monkeypatch.setattr(counter, "import_module", lambda _: module)
    return events


def test_only_the_calls_are_counted(events: list[str], tmp_path: Path) -> None:
    """Each count starts from zero and has a file of its own, with the name that was given."""
    found = Counter(tmp_path / "d")
    counts = [found.count(lambda: events.append("call"), calls, "name") for calls in (3, 5)]
    found.stop()

    assert counts == [3, 5]
    calls = [f"start dump{number * ' call'} dump" for number in counts]
    assert " ".join(events) == " ".join([*calls, "stop"])
    names = [(tmp_path / f"d.{number}").read_text().split("\n")[0] for number in (1, 2, 3, 4)]
    assert names == ["", "name", "", "name"]


def test_planted_work_is_a_share_of_the_usual_instructions(
    events: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The instructions of a round of the work are counted first, and only once."""
    monkeypatch.setattr(counter, "ROUNDS", 10)
    # A round takes 2 instructions.
    monkeypatch.setattr(counter, "busy", lambda rounds: events.extend(["work"] * 2 * rounds))
    found = Counter(tmp_path / "d")
    for share, more in ((0.01, 6), (0.02, 12)):
        call = found.with_more(lambda: events.append("call"), share, 600)
        events.clear()
        call()
        assert events == ["call", *["work"] * more]
    assert (tmp_path / "d.2").read_text().startswith("\n")


def test_busy_work_grows_with_its_rounds() -> None:
    """It is a loop whose result depends on every round."""
    assert [counter.busy(rounds) for rounds in (0, 1, 2, 1001)] == [0, 1, 0, 1]


def test_missing_switch_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the package to install."""
    monkeypatch.setattr(counter, "SWITCH", "pytest_codspeed_missing.hooks")

    with pytest.raises(pytest.UsageError, match="needs the package pytest-codspeed: .*missing"):
        Counter(tmp_path / "d")


@pytest.mark.slow
def test_planted_instructions_are_counted_and_functions_named(tmp_path: Path) -> None:
    """A real count under Valgrind: 1% more instructions, all of them in Python."""
    try:
        find_valgrind()
        import_module(SWITCH)
    except (SideError, ImportError) as error:
        pytest.skip(str(error))
    names = [f"{STEP}-planted:{share:g}]" for share in (0, 0.01)]
    [run] = count_processes(
        Selection(("benchmarks/test_stages.py",), "step and B1-T10-H128 and RNN", "cpu"),
        [
            Job(
                Interpreter("here", Path(sys.executable)),
                Settings(1, 0.1, tuple(names), (0.0, 0.01), "instructions"),
                tmp_path / "1.json",
            )
        ],
    )
    before, after = (run.benchmarks[name].value("instructions") or 0.0 for name in names)
    profiles = Profiles.load(tmp_path / "1.functions.json").benchmarks

    # Counts of one process vary by up to 0.2%.
    assert after / before == pytest.approx(1.01, abs=0.003)
    assert run.benchmarks[names[0]].value("time") is None
    [profile] = profiles.values()
    assert {each.name for each in profile.operators[:2]} == {"rnn", "rnn_grad"}
    assert "clip_by_norm" in {each.operator for each in profile.functions}
    assert sum(each.cost for each in profile.functions) == pytest.approx(before)
