"""`python -m rnn_core run`: what it prints and writes, and how it ends."""

import re
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from tqdm import tqdm

from rnn_core import History, evaluate, train
from rnn_core.checkpoints.folder import checkpoint_files
from rnn_core.commands import run
from rnn_core.commands.main import main
from rnn_core.commands.output import say
from rnn_core.experiments import ALL_EXPERIMENTS
from rnn_core.runtime import parallel
from tests.helpers.command_lines import assert_rejected
from tests.helpers.stand_in_gpu import StandIn


@pytest.mark.parametrize("error", [ValueError, OSError, ImportError, RuntimeError])
def test_what_this_machine_cannot_do_is_refused(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it lacks: a file system, a package, or a part of Paddle."""
    monkeypatch.setattr(run, "resolve_device", Mock(side_effect=error("not here")))

    assert_rejected(main, ["run", "clipped-rnn"], "not here")


def test_run_obeys_its_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The options reach the config; the written files are named."""
    saved, drawn = tmp_path / "run.npz", tmp_path / "run.svg"
    options = ["--epochs", "3", "--seed", "7", "--device", "cpu", "--execution", "kernel"]
    status = main(["run", "clipped-lstm", *options, "--save", str(saved), "--plot", str(drawn)])

    out = capsys.readouterr().out
    assert status == 0
    assert History.load(saved).config == replace(
        ALL_EXPERIMENTS["clipped-lstm"].config, epochs=3, seed=7, execution="kernel"
    )
    assert f"history: {saved}" in out
    assert f"plot: {drawn}" in out
    assert b"</svg>" in drawn.read_bytes()


@pytest.mark.parametrize(("record", "recorded", "printed"), [(5, [5, 10], 1), (0, [], 0)])
def test_record_limits_what_is_printed_and_saved(
    record: int,
    recorded: list[int],
    printed: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of 12 steps, every fifth or none is recorded; `--log-every 10` prints one at most."""
    saved = tmp_path / "run.npz"
    command = f"run clipped-rnn --epochs 3 --record {record} --log-every 10 --save"

    assert main([*command.split(), str(saved)]) == 0

    out = capsys.readouterr().out
    assert History.load(saved).recorded.tolist() == recorded
    assert out.count("W_grad_l2: ") == printed
    assert f"RNN, 12 steps ({len(recorded)} recorded), finished" in out


def test_digit_sums_evaluates_the_trained_model(
    gpus: StandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """More training gives a far smaller held-out loss. The device is that of the run."""
    losses, devices = [], []

    def noted(call: Callable[..., Any]) -> Callable[..., Any]:
        def note(*given: object) -> object:
            devices.append(gpus.current)
            return call(*given)

        return note

    monkeypatch.setattr(run, "evaluate", noted(evaluate))
    monkeypatch.setattr(parallel, "wait", noted(parallel.wait))
    for samples in ("16", "4000"):
        command = f"run digit-sums --samples {samples} --num-steps 3 --held-out 20 --device gpu:1"
        main(command.split())
        found = re.search(r"held-out    loss ([\d.]+)", capsys.readouterr().out)
        assert found is not None
        losses.append(float(found[1]))

    # Measured: 38 and 0.99 to 1.2 with two roundings (Paddle 2.6.2 and 3.3.1, November 2026).
    assert losses[1] < losses[0] / 5
    assert devices == ["gpu:1"] * 4


@pytest.mark.parametrize(
    ("policy", "status", "whole"), [("stop", 1, False), ("raise", 1, False), ("continue", 0, True)]
)
def test_on_nonfinite_sets_status(policy: str, status: int, whole: bool, tmp_path: Path) -> None:
    """A run that ends at infinity saves its history and exits with 1."""
    saved = tmp_path / "run.npz"
    options = ["--epochs", "8", "--on-nonfinite", policy, "--save", str(saved)]

    assert main(["run", "exploding-rnn", *options]) == status
    assert (History.load(saved).steps == 32) == whole


@pytest.mark.parametrize(
    ("target", "name", "outcome", "steps"),
    [(run, "step_lines", "interrupted", 5), (History, "save", "finished", 12)],
)
def test_ctrl_c_keeps_the_history(
    target: Any,
    name: str,
    outcome: str,
    steps: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It ends the training after the step, and waits until the file is written."""
    saved, real = tmp_path / "run.npz", getattr(target, name)

    def interrupted(*arguments: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return real(*arguments)

    monkeypatch.setattr(target, name, interrupted)
    monkeypatch.setattr("rnn_core.runtime.parallel.wait", None)  # The others may have ended.
    options = ["--epochs", "3", "--log-every", "5", "--save", str(saved)]
    status = main(["run", "clipped-rnn", *options])

    monkeypatch.undo()
    history = History.load(saved)
    assert (status, history.outcome, history.steps) == (130, outcome, steps)
    assert f"RNN, {steps} steps, {outcome}" in capsys.readouterr().out


def test_ctrl_c_while_testing_keeps_the_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is printed before the held-out samples are tested; the written file is named."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "evaluate", interrupted)
    saved = str(tmp_path / "a.npz")
    with pytest.raises(KeyboardInterrupt):
        main(["run", "digit-sums", "--samples", "32", "--num-steps", "3", "--save", saved])
    out = capsys.readouterr().out
    assert "2 steps, finished" in out
    assert f"history: {saved}" in out


def test_resume_names_its_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first line says where the run begins; the result equals an uninterrupted run."""
    folder, saved = tmp_path / "run", tmp_path / "run.npz"
    command = ["run", "clipped-rnn", "--checkpoint", str(folder), "--resume", "--every", "3"]

    assert main([*command, "--epochs", "1"]) == 0
    assert f"{folder}: no checkpoint\n" in capsys.readouterr().out
    assert [History.load(path).steps for path in checkpoint_files(folder)] == [0, 3, 4]
    assert main([*command, "--epochs", "3", "--save", str(saved)]) == 0
    assert f"{folder}: last checkpoint is step-000000004.npz\n" in capsys.readouterr().out
    whole = train(replace(ALL_EXPERIMENTS["clipped-rnn"].config, epochs=3))
    assert History.load(saved).loss.tolist() == whole.loss.tolist()


def test_lines_appear_at_once_above_the_progress_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are flushed, as a reader of a pipe expects."""
    written = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(written))
    say("alone")
    assert written.getvalue() == b"alone\n"
    with tqdm(total=3, file=sys.stdout, ncols=9, leave=False):
        say("a line")

        assert re.search(rb"\r +\ra line\n\r +0%", written.getvalue())
