"""The command `python -m benchmarks.notebook_table`."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.notebook.table import main
from rnn_core import EXPERIMENTS
from tests.helpers.command_lines import assert_rejected
from tests.helpers.histories import ENVIRONMENT, make_history

STEPS = {"exploding-rnn": 20, "clipped-rnn": 60, "clipped-lstm": 320}


def save_run(
    folder: Path, name: str, steps: int | None = None, accuracy: float = 0.0, flags: str = ""
) -> str:
    """Save a made-up run of an experiment, and return its path."""
    folder.mkdir(exist_ok=True)
    count = STEPS[name] if steps is None else steps
    names = [f"recurrent.{letter}" for letter in "WUb"]
    history = make_history(
        config=EXPERIMENTS[name].config,
        environment=ENVIRONMENT | {"flags": flags},
        loss=np.ones(count),
        raw_norms=dict.fromkeys(names, np.full(count, 2.0)),
        clipped_norms=dict.fromkeys(names, np.ones(count)),
        accuracy=np.full(count // 4, accuracy),
        epoch_ends=4 * np.arange(1, count // 4 + 1),
    )
    history.save(folder / f"{name}.npz")
    return str(folder / f"{name}.npz")


def test_table_has_a_column_for_each_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each printed figure has a row, with the largest error and the tolerance."""
    other = {"accuracy": 0.25, "flags": "OMP_NUM_THREADS=1 MKL_CBWR=AVX2"}
    files = [save_run(tmp_path / "a", name) for name in EXPERIMENTS]
    files += [save_run(tmp_path / "b", name, **other) for name in EXPERIMENTS]  # type: ignore[arg-type]
    assert main(files) == 0

    lines = capsys.readouterr().out.splitlines()
    head, first, last = (
        [cell.strip() for cell in lines[index].split("|")[1:-1]] for index in (0, 2, -1)
    )
    paddle = f"Paddle {ENVIRONMENT['paddle']}"
    assert head[4:] == [paddle, f"{paddle} MKL_CBWR=AVX2", "largest error", "allowed"]
    assert first == [
        *("exploding-rnn", "1", "norm of W", "19.658676"),
        *("2.000000", "2.000000", "9e-01", "1e-06"),
    ]
    assert last == ["clipped-lstm", "320", "correct", "0/4", "0/4", "1/4", "1", "0"]


def test_table_refuses_other_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It refuses other settings, a missing file, a run that is too short, and missing runs."""
    other = make_history(
        config=replace(EXPERIMENTS["clipped-rnn"].config, seed=7),
        environment=ENVIRONMENT | {"flags": ""},
    )
    other.save(tmp_path / "other.npz")
    short = [save_run(tmp_path, name) for name in ("exploding-rnn", "clipped-rnn")]
    short.append(save_run(tmp_path, "clipped-lstm", steps=40))

    assert_rejected(main, [str(tmp_path / "other.npz")], "other.npz has other settings", capsys)
    assert_rejected(main, [str(tmp_path / "none.npz")], "none.npz", capsys)
    assert_rejected(main, short, "clipped-lstm ended before step 80", capsys)
    assert_rejected(main, short[1:2], "no run of clipped-lstm, exploding-rnn", capsys)
