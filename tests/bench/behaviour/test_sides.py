"""The two sides of a comparison of behaviours: processes that fail, and recorded sides."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.behaviour import sides
from benchmarks.behaviour.comparison import compare_behaviour
from benchmarks.behaviour.files import Job, Recording
from benchmarks.behaviour.sides import Side, Task, run_tasks
from benchmarks.interpreters import SideError
from benchmarks.runner import Result, project_environment
from rnn_core import EXPERIMENTS
from tests.bench.behaviour import EPOCHS
from tests.helpers.programs import program

PYTHON = sys.executable


def interpreter(path: Path, line: str) -> str:
    """Make a program that looks like an interpreter and runs `line` as its task."""
    return str(program(path, f'[ "$1" = -I ] && echo True && exit\n{line}'))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("echo ImportError: no Paddle here >&2; exit 1", "exited with status 1: .*no Paddle here"),
        ("kill -9 $$", "was ended by SIGKILL: no output"),
    ],
)
def test_failing_side_ends_the_comparison(line: str, message: str, tmp_path: Path) -> None:
    """The error has the last line of the output; the other side is stopped at once."""
    bad = interpreter(tmp_path / "bad", line)
    endless = interpreter(tmp_path / "endless", "exec tail -f /dev/null")

    with pytest.raises(SideError, match=f"baseline: .*{message}"):
        compare_behaviour(bad, endless, tmp_path / "results")


def test_task_runs_in_a_process_of_its_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes of both sides run at the same time, with one CPU, too."""
    started: list[Any] = []
    monkeypatch.setattr(sides, "run_together", lambda *given: started.append(given))
    monkeypatch.setattr("os.cpu_count", lambda: None)
    side = Side("candidate", tmp_path / "c", Path("python"), tmp_path, {"A": "b"})
    run_tasks([task := Task(side, [(Job("clipped-rnn", "kernel"), 3)])])

    [([program], ended, most, _)] = started
    command = ["python", "-m", "benchmarks.behaviour.worker", *task.arguments]
    assert program == (command, project_environment({"A": "b"}), tmp_path)
    assert most == 2
    with pytest.raises(SideError, match="^candidate: no loss$"):
        ended(0, Result(2, "no loss\n", "a warning"))
    with pytest.raises(SideError, match="^candidate: python exited with status 1: a line$"):
        ended(0, Result(1, "a line\n", ""))


def test_side_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    """A file left by an earlier run does not count as a new one."""
    idle = interpreter(tmp_path / "idle", "exit 0")
    earlier = tmp_path / "results" / "baseline" / "exploding-rnn-textbook.npz"
    earlier.parent.mkdir(parents=True)
    earlier.touch()

    with pytest.raises(SideError, match=r"without writing .*exploding-rnn-textbook\.npz"):
        compare_behaviour(idle, idle, tmp_path / "results")


NOTHING = np.zeros(0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"config": replace(EXPERIMENTS["clipped-lstm"].config, epochs=EPOCHS)},
            "cell is 'LSTM', ",
        ),
        ({"raw_norms": {"W": np.ones(8)}, "clipped_norms": {"W": np.ones(8)}}, "have other names"),
        ({"steps": 0, "loss": NOTHING}, "no step was recorded"),
    ],
    ids=["experiment", "parameters", "empty"],
)
def test_recording_of_something_else_is_refused(
    changes: Any, message: str, recorded: Path, tmp_path: Path
) -> None:
    """It could not be compared with a run of this experiment."""
    other, job = (
        shutil.copytree(recorded, tmp_path / "other"),
        Job("clipped-rnn", "textbook", EPOCHS),
    )
    history = replace(Recording.load(job, recorded).history, **changes)
    if not history.steps:
        ends = NOTHING.astype(np.int64)
        norms = dict.fromkeys(history.raw_norms, NOTHING)
        series: Any = {"raw_norms": norms, "clipped_norms": norms, "accuracy": NOTHING}
        history = replace(history, recorded=ends, epoch_ends=ends, **series)
    digests = np.zeros((len(history.loss) + 1, 16), np.uint8)
    Recording(history, digests[1:], digests).save(job, other)

    with pytest.raises(SideError, match=f"candidate: .*{message}"):
        compare_behaviour(
            str(recorded), str(other), tmp_path, experiments=["clipped-rnn"], epochs=EPOCHS
        )


@pytest.mark.parametrize(
    ("baseline", "candidate", "options", "message"),
    [
        ("{empty}/nowhere", PYTHON, {}, "baseline: .*nowhere is not an executable file"),
        ("{recorded}", "{empty}", {"epochs": EPOCHS}, "candidate: .* has no run of clipped-rnn/te"),
        ("{recorded}", "{empty}", {}, "epochs is 2, expected 500"),
        ("{recorded}", PYTHON, {"baseline_env": {"A": "b"}}, "cannot change a recorded side"),
        ("{recorded}", "{recorded}", {}, "both sides are"),
    ],
)
def test_wrong_side_is_refused(
    baseline: str, candidate: str, options: Any, message: str, recorded: Path, tmp_path: Path
) -> None:
    """The error names the side and what is wrong with it, and nothing is run."""
    (tmp_path / "empty").mkdir()
    one, other = (
        text.format(recorded=recorded, empty=tmp_path / "empty") for text in (baseline, candidate)
    )

    with pytest.raises(SideError, match=message):
        compare_behaviour(one, other, tmp_path, experiments=["clipped-rnn"], **options)
    assert not (tmp_path / "candidate").exists()
