"""What is compared with what, how it is timed and told: `python -m benchmarks.ratios`."""

import gc
import json
import subprocess
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.commands import ratios
from benchmarks.commands.common import Outcome, milliseconds, table
from benchmarks.measuring import interleave
from benchmarks.measuring.interleave import Round, median_ms, ratio, time_rounds
from benchmarks.workloads import implementations as contenders
from benchmarks.workloads import same_work
from benchmarks.workloads.implementations import IMPLEMENTATIONS, PEERS, absent, make_contender
from benchmarks.workloads.same_work import DifferentWorkError, check_same_work
from benchmarks.workloads.training_step import PADDLE_IMPLEMENTATIONS, Shape, Work, make_work
from rnn_core.config import CELLS, Cell
from rnn_core.gradients import l2_norm
from tests import ROOT

TINY = Shape(batch=2, steps=3, size=4)
TINY_RUN = ("--cells", "RNN", "--shapes", "B2-T3-H4", "--rounds", "3")


def hide(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Make packages look as if they were not installed."""
    monkeypatch.setattr(
        contenders, "find_spec", lambda name: None if name in names else find_spec(name)
    )


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_all_do_the_same_work(implementation: str, cell: Cell) -> None:
    """Losses without clipping, and each clipped gradient of the first step, are the textbook's."""
    if reason := absent(implementation):
        pytest.skip(reason)
    check_same_work([implementation], cell, TINY)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_a_step_learns(implementation: str) -> None:
    """Step after step lowers the loss: every contender updates its own weights."""
    if reason := absent(implementation):
        pytest.skip(reason)
    contender = make_contender(implementation, "LSTM", TINY, learning_rate=0.05)
    losses = [contender.loss()]
    for _ in range(5):
        contender.step()
        losses.append(contender.loss())

    assert sorted(losses, reverse=True) == losses
    assert losses[0] > losses[-1]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("implementation", PADDLE_IMPLEMENTATIONS)
def test_stages_make_the_step(implementation: Any, cell: Cell) -> None:
    """Forward, backward, clip and update, and the recorded step, lead where the step leads."""
    whole, recorded, parts = (make_work(implementation, cell, TINY) for _ in range(3))
    whole.step()
    recorded.recorded()
    parts.timed("update", "cpu")[0]()

    for name, values in whole.parameters().items():
        np.testing.assert_array_equal(recorded.parameters()[name], values)
        np.testing.assert_allclose(parts.parameters()[name], values, rtol=0, atol=1e-9)
    assert max(l2_norm(gradient.numpy()) for gradient in parts.clipped) == pytest.approx(1)


def test_wrong_gradients_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work of another kind is named before anything is timed."""
    forward = Work.forward

    def other_loss(work: Work) -> Any:
        loss = forward(work)
        return loss * 1.001 if work.model.execution == "kernel" else loss

    monkeypatch.setattr(Work, "forward", other_loss)
    with pytest.raises(DifferentWorkError, match=r"kernel, RNN, B2 T3 H4: loss .* before step 1"):
        check_same_work(PADDLE_IMPLEMENTATIONS, "RNN", TINY)


def test_missing_clipping_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Losses without clipping would not show it; the first clipped step does."""

    def unclipped(name: str, cell: Cell, shape: Shape, rate: float, clip: float | None) -> Any:
        return make_contender(name, cell, shape, rate, None if name == "paddle" else clip)

    monkeypatch.setattr(same_work, "make_contender", unclipped)
    with pytest.raises(DifferentWorkError, match="paddle, LSTM, B2 T3 H4: clipped gradient of"):
        check_same_work(PADDLE_IMPLEMENTATIONS, "LSTM", TINY)


def test_different_work_ends_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 1, the implementation's name, and no table."""

    def refuse(*_: object) -> None:
        raise DifferentWorkError("kernel, RNN, B2 T3 H4: loss 1")

    monkeypatch.setattr(ratios, "check_same_work", refuse)
    status = ratios.main(TINY_RUN)
    out, error = capsys.readouterr()

    assert (status, out) == (1, "")
    assert "not the same work, nothing was timed: kernel, RNN" in error


def test_every_round_times_each_once_in_a_random_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order differs between rounds, and is that of the seed."""
    monkeypatch.setattr(interleave, "SHORTEST_SAMPLE", 0)  # One call is a sample.

    def order(seed: int) -> list[str]:
        called: list[str] = []
        rounds = time_rounds({name: partial(called.append, name) for name in "abc"}, 6, seed)
        assert [list(times) for times in rounds] == [["a", "b", "c"]] * 6
        return ["".join(called[at : at + 3]) for at in range(6, len(called), 3)]

    assert {"".join(sorted(names)) for names in order(0)} == {"abc"}
    assert len(order(0)) == 6
    assert len(set(order(0))) > 1
    assert order(0) == order(0) != order(1)


def test_a_short_call_is_repeated_within_its_sample() -> None:
    """As often as fills 10 ms; what comes out is the time of one call."""
    called: list[int] = []
    [times] = time_rounds({"a": lambda: called.append(1)}, 1)

    assert len(called) > 100
    assert 0 < times["a"] < 1e-3


def test_collects_no_garbage_while_timing() -> None:
    """The collector is off in every sample, on again afterwards, and nothing stays frozen."""
    states: list[bool] = []
    assert gc.isenabled()
    rounds = time_rounds({"a": lambda: states.append(gc.isenabled())}, 3)
    next(rounds)
    rounds.close()  # type: ignore[attr-defined]

    assert states[-1] is False
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_three_rounds_however_little_time_there_is() -> None:
    """A limit of no seconds still leaves three rounds; no limit leaves all."""
    assert len(list(time_rounds({"a": int}, 10, seconds=0))) == 3
    assert len(list(time_rounds({"a": int}, 5))) == 5


def test_ratio_is_taken_within_each_round() -> None:
    """A machine that gets ten times slower does not change it; the medians alone would."""
    rounds: list[Round] = [
        {"a": 2.0, "b": 1.0},
        {"a": 20.0, "b": 10.0},
        {"a": 3.0, "b": 1.0},
        {"a": 4.0, "b": 1.0},
        {"a": 50.0, "b": 10.0},
    ]
    found = ratio(rounds, "a", "b")

    assert (found.low, found.median, found.high) == (2.0, 3.0, 4.0)
    assert str(found) == "3.00 (2.00-4.00)"
    assert median_ms(rounds, "a") == 4000.0


def test_tables() -> None:
    """Both tables, from made-up times; a point without a round is left out."""
    outcome = Outcome()
    outcome.environment["threads"] = "1"
    times = {"kernel": 0.002, "kernel, recorded": 0.003, "paddle": 0.004}
    outcome.data = [
        {"cell": "RNN", "shape": "B1 T10 H128", "rounds": [times]},
        {"cell": "LSTM", "shape": "B1 T10 H128", "rounds": []},
    ]

    assert ratios.tables(outcome, ["kernel", "paddle"]).splitlines() == [
        "Training step, 1 thread(s), at least 1 rounds: median, and times the step of paddle "
        "(median of the rounds' ratios, 25% to 75% of them)",
        "",
        "| cell | shape       | kernel                 | paddle |",
        "| ---- | ----------- | ---------------------- | ------ |",
        "| RNN  | B1 T10 H128 | 2 ms, 0.50 (0.50-0.50) | 4 ms   |",
        "",
        "Recording: a step that records every norm, the loss and the right predictions, times one "
        "that records nothing",
        "",
        "| cell | shape       | kernel           |",
        "| ---- | ----------- | ---------------- |",
        "| RNN  | B1 T10 H128 | 1.50 (1.50-1.50) |",
    ]
    assert table(["a"], [["long"]]) == "| a    |\n| ---- |\n| long |"
    assert [milliseconds(0.12345), milliseconds(1399.6)] == ["0.123", "1400"]


@pytest.mark.parametrize("peer", PEERS)
def test_absent_peer(
    peer: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not asked for, it is skipped with the reason; asked for by name, that is an error."""
    hide(monkeypatch, *PEERS)
    status = ratios.main(TINY_RUN)
    out, _ = capsys.readouterr()
    reason = f"{peer} is not measured: {peer} is not installed: pip install {peer}"

    assert status == 0
    assert reason in out.splitlines()
    assert "| textbook" in out
    with pytest.raises(SystemExit) as ended:
        ratios.main([*TINY_RUN, "--implementations", f"kernel,{peer}"])
    assert ended.value.code == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--implementations", "kernel,mine"], "'mine' is none of textbook, kernel, paddle,"),
        (["--cells", "GRU"], "'GRU' is none of RNN, LSTM"),
        (["--shapes", "B1-T0-H8"], "a shape is written B1-T10-H128, each number at least 1"),
        (["--rounds", "2"], "at least 3, got '2'"),
        (["--threads", "0"], "must be 1 to "),
        (["--save", "ratios.txt"], "must end in .md or .json, got 'ratios.txt'"),
        (["--save", "/nowhere/ratios.md"], "/nowhere is not a directory"),
    ],
)
def test_bad_arguments(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2, and what is allowed."""
    with pytest.raises(SystemExit) as ended:
        ratios.main(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_ctrl_c_leaves_what_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 130, the rounds that are finished, and no file of half a run."""

    def interrupted(calls: Any, *_: object) -> Any:
        yield dict.fromkeys(calls, 1.0)
        raise KeyboardInterrupt

    monkeypatch.setattr(ratios, "time_rounds", interrupted)
    save = tmp_path / "ratios.md"
    status = ratios.main([*TINY_RUN, "--implementations", "kernel,paddle", "--save", str(save)])
    out, _ = capsys.readouterr()

    assert status == 130
    assert "| RNN  | B2 T3 H4 | 1000 ms, 1.00 (1.00-1.00) | 1000 ms |" in out
    assert "Incomplete" in out
    assert not save.exists()


@pytest.mark.parametrize("ending", ["md", "json"])
def test_saves(ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was printed and what it depends on; as JSON, every round."""
    path = tmp_path / f"ratios.{ending}"
    status = ratios.main([*TINY_RUN, "--implementations", "kernel", "--save", str(path)])
    out, _ = capsys.readouterr()
    content = path.read_text(encoding="utf-8")

    assert status == 0
    assert out.endswith(f"results: {path}\n")
    if ending == "md":
        assert out.split("\n\nresults:")[0] in content
        assert "- paddle: " in content
        assert "- date: 20" in content
    else:
        saved = json.loads(content)
        assert {"paddle", "torch", "jax", "threads", "date"} <= saved["environment"].keys()
        assert [len(point["rounds"]) for point in saved["results"]] == [3]


def test_the_command_itself() -> None:
    """In a process of its own, `--threads` binds and tells the libraries before they come."""
    code = (
        "import os, runpy, sys; sys.argv = ['ratios', *sys.argv[1:]]\n"
        "try: runpy.run_module('benchmarks.ratios', run_name='__main__')\n"
        "except SystemExit as ended:\n"
        "    print(ended.code, os.environ['OMP_NUM_THREADS'], os.environ['XLA_FLAGS'])\n"
        "    print(len(getattr(os, 'sched_getaffinity', lambda _: [0])(0)))\n"
    )
    arguments = (*TINY_RUN, "--implementations", "paddle,kernel", "--threads", "1")
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True
    )
    *words, status, cpus = done.stdout.splitlines()

    assert done.stderr == ""
    assert words[0].startswith("Training step, 1 thread(s), at least 3 rounds")
    assert status == "0 1 --xla_cpu_multi_thread_eigen=false"
    assert cpus == "1"
