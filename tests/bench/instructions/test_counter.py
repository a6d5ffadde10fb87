"""The counts of a real Valgrind, and the work that is planted to test them."""

import sys
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks.compare.process import Job, Selection, count_processes
from benchmarks.instructions.counter import busy
from benchmarks.instructions.functions import Profiles
from benchmarks.instructions.valgrind import SWITCH, find_valgrind
from benchmarks.interpreters import Interpreter, SideError
from benchmarks.plugins.sampling import Settings
from tests.helpers.memory import object_bytes

STEP = "benchmarks/test_stages.py::test_stage[cpu-step-RNN-B1-T10-H128-kernel"


def test_rounds_of_planted_work_allocate_nothing() -> None:
    """So each takes the same instructions; Python allocates every number above 256."""
    few, many = (object_bytes(partial(busy, rounds))[1] for rounds in (10, 10_000))

    assert few == many


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
