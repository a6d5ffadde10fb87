"""The two sides of a comparison of behaviours: processes that fail, and recorded sides."""

import sys
from pathlib import Path

import pytest

from benchmarks.behaviour.comparison import compare_behaviour
from benchmarks.behaviour.sides import BehaviourError
from tests.bench.behaviour import EPOCHS
from tests.helpers.programs import program

PYTHON = sys.executable


def interpreter(path: Path, line: str) -> str:
    """Make a program that passes for an interpreter and runs `line` as its work."""
    return str(program(path, f'[ "$1" = -I ] && echo True && exit\n{line}'))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("echo ImportError: no Paddle here >&2; exit 1", "exited with status 1: .*no Paddle here"),
        ("kill -9 $$", "was ended by signal 9: no output"),
    ],
)
def test_failing_side_ends_the_comparison(line: str, message: str, tmp_path: Path) -> None:
    """The error has the last line of the output; the other side is ended, not waited for."""
    bad = interpreter(tmp_path / "bad", line)
    endless = interpreter(tmp_path / "endless", "exec tail -f /dev/null")

    with pytest.raises(BehaviourError, match=f"baseline: .*{message}"):
        compare_behaviour(bad, endless, tmp_path / "results")


def test_side_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    """The file of an earlier run does not pass for a new one."""
    idle = interpreter(tmp_path / "idle", "exit 0")
    earlier = tmp_path / "results" / "baseline" / "exploding-rnn-textbook.npz"
    earlier.parent.mkdir(parents=True)
    earlier.touch()

    with pytest.raises(BehaviourError, match=r"without writing .*exploding-rnn-textbook\.npz"):
        compare_behaviour(idle, idle, tmp_path / "results")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere", "nowhere is not an executable file"),
        ("text", "text is not an executable file"),
        ("old", "old is older than Python 3.10"),
    ],
)
def test_wrong_interpreter_is_refused(name: str, message: str, tmp_path: Path) -> None:
    """Nothing is run before both sides are known."""
    (tmp_path / "text").write_text("no program")
    program(tmp_path / "old", "echo False")

    with pytest.raises(BehaviourError, match=f"baseline: .*{message}"):
        compare_behaviour(str(tmp_path / name), PYTHON, tmp_path)
    assert not (tmp_path / "candidate").exists()


def test_folder_without_runs_is_refused(recorded: Path, tmp_path: Path) -> None:
    """The missing run is named."""
    (tmp_path / "empty").mkdir()

    with pytest.raises(BehaviourError, match="candidate: .* has no run of clipped-rnn/textbook"):
        compare_behaviour(
            str(recorded),
            str(tmp_path / "empty"),
            tmp_path,
            experiments=["clipped-rnn"],
            epochs=EPOCHS,
        )


def test_recorded_side_with_other_settings_is_refused(recorded: Path, tmp_path: Path) -> None:
    """The number of epochs must be that of the comparison."""
    (tmp_path / "empty").mkdir()

    with pytest.raises(BehaviourError, match="2 epochs by textbook, expected 500 by textbook"):
        compare_behaviour(
            str(recorded), str(tmp_path / "empty"), tmp_path, experiments=["clipped-rnn"]
        )


def test_recorded_side_takes_no_variables(recorded: Path, tmp_path: Path) -> None:
    """Environment variables would have no effect."""
    with pytest.raises(BehaviourError, match="variables cannot change a recorded side"):
        compare_behaviour(str(recorded), PYTHON, tmp_path, baseline_env={"A": "b"})


def test_same_recorded_side_twice_is_refused(recorded: Path, tmp_path: Path) -> None:
    """A comparison of a folder with itself would say nothing."""
    with pytest.raises(BehaviourError, match="both sides are"):
        compare_behaviour(str(recorded), str(recorded), tmp_path)
