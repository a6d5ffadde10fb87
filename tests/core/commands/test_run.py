"""`python -m rnn_core run`: what it prints and writes, and how it ends."""

import io
import re
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from tqdm import tqdm

from rnn_core import DigitSums, History, TrainingInterrupted, evaluate, train
from rnn_core.checkpoints.checkpoint import Checkpoint
from rnn_core.checkpoints.folder import checkpoint_files
from rnn_core.commands import run
from rnn_core.commands.main import main
from rnn_core.commands.output import write_files
from rnn_core.evaluation import Evaluation
from rnn_core.experiments import ALL_EXPERIMENTS
from tests.helpers.command_lines import assert_rejected
from tests.helpers.histories import make_history


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


def test_digit_sums_applies_its_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every option reaches the run; the history describes the data, and others are held out."""
    saved = tmp_path / "run.npz"
    spy = Mock(side_effect=evaluate)
    monkeypatch.setattr("rnn_core.commands.run.evaluate", spy)
    options = "--samples 50 --held-out 30 --digits 3 --num-steps 5 --batch-size 20 --cell RNN "
    options += "--hidden-size 6 --learning-rate 0.25 --seed 4 --log-every 1 --epochs 2"

    assert main(["run", "digit-sums", *options.split(), "--save", str(saved)]) == 0

    history, out = History.load(saved), capsys.readouterr().out
    sizes = {"batch_size": 20, "num_steps": 5, "hidden_size": 6, "emb_size": 6}
    changes: dict[str, Any] = {
        "epochs": 2,
        "cell": "RNN",
        "learning_rate": 0.25,
        "seed": 4,
        **sizes,
    }
    assert history.config == replace(ALL_EXPERIMENTS["digit-sums"].config, **changes)
    assert history.epoch_ends.tolist() == [3, 6]
    assert history.environment["data"] == (
        "DigitSums(count=50, digits=3, num_steps=5, batch_size=20, seed=4, dtype='float32', "
        "held_out=False)"
    )
    assert [call.args[1] for call in spy.mock_calls] == [DigitSums(30, 3, 5, 20, 4, held_out=True)]
    assert len(re.findall("/50, Accuracy", out)) == 2
    assert re.search(r"^  held-out    loss [\d.]+ on 30 samples \(predicting the mean: ", out, re.M)


def test_digit_sums_has_the_defaults_of_its_help(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are numbers of samples, digits, and steps between checkpoints."""
    trained = Mock(return_value=make_history())
    evaluated = Mock(return_value=Evaluation(1000, 0.5, 0.5, 0.5))
    monkeypatch.setattr("rnn_core.commands.run.train", trained)
    monkeypatch.setattr("rnn_core.commands.run.evaluate", evaluated)

    assert main(["run", "digit-sums"]) == 0
    config = ALL_EXPERIMENTS["digit-sums"].config
    others = (2, config.num_steps, config.batch_size, config.seed)
    assert trained.call_args.args[:2] == (config, DigitSums(32_000, *others))
    assert trained.call_args.kwargs["every"] == 100
    assert evaluated.call_args.args[1] == DigitSums(1000, *others, held_out=True)


def test_digit_sums_evaluates_the_trained_model(capsys: pytest.CaptureFixture[str]) -> None:
    """More training gives a far smaller held-out loss."""
    losses = []
    for samples in ("16", "4000"):
        main(["run", "digit-sums", "--samples", samples, "--num-steps", "3", "--held-out", "20"])
        found = re.search(r"held-out    loss ([\d.]+)", capsys.readouterr().out)
        assert found is not None
        losses.append(float(found[1]))

    # Measured: 38 and 0.99 to 1.2 with two roundings (Paddle 2.6.2 and 3.3.1, November 2026).
    assert losses[1] < losses[0] / 5


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
    ("options", "message"),
    [
        ("--epochs 0", "argument --epochs: must be at least 1, got 0"),
        ("--seed -1", "argument --seed: must be at least 0, got -1"),
        ("--seed 4294967301", "--seed: must be 0 to 2**32 - 1, because Paddle uses 32 bits"),
        (f"--epochs {10**26}", f"argument --epochs: must be at most {2**63 - 1}, got {10**26}"),
        ("--epochs 9999999", "steps must lie in [0, 9586980] for record=1, got 39999996"),
        ("--device gpu:x", "device must be a name such as 'cpu', 'gpu' or 'npu:0', got 'gpu:x'"),
        ("--device cuda", "device 'cuda' is not available: Paddle"),
        ("--device gpu:99", "device 'gpu:99' is not available: Paddle"),
        ("--on-nonfinite ignore", "argument --on-nonfinite: invalid choice: 'ignore'"),
        ("--execution slow", "argument --execution: invalid choice: 'slow'"),
        ("--batch-size 5", "batch_size must be at most 4, the number of samples, got 5"),
        ("--samples 9", "--samples is an option of digit-sums, got exploding-rnn"),
        ("--cell LSTM", "--cell is an option of digit-sums, got exploding-rnn"),
        ("--learning-rate 1", "--learning-rate is an option of digit-sums, got exploding-rnn"),
        ("--digits 1", "argument --digits: must be at least 2, got 1"),
        ("--learning-rate 0", "argument --learning-rate: must be a number greater than 0, got '0'"),
        ("--save /nowhere/run.npz", "cannot write /nowhere/run.npz: "),
        ("--plot /nowhere/run.svg", "cannot write /nowhere/run.svg: "),
        ("--plot run.gif", "a plot must end in .svg, .png or .pdf, got 'run.gif'"),
        ("--save a.svg --plot ./a.svg", "--save and --plot must differ, got a.svg for both"),
        ("--resume", "error: --every and --resume need --checkpoint DIR"),
        ("--every 5", "error: --every and --resume need --checkpoint DIR"),
        ("--checkpoint /nowhere/run", "error: cannot write checkpoints to /nowhere/run: "),
    ],
)
def test_run_rejects_wrong_options_before_training(options: str, message: str) -> None:
    """The error says what is wrong, what was given and what is allowed."""
    assert_rejected(main, ["run", "exploding-rnn", *options.split()], message)


def test_run_rejects_a_last_batch_that_is_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused before the processes meet: this process would wait forever for another."""
    monkeypatch.setenv("PADDLE_TRAINERS_NUM", "2")
    monkeypatch.setenv("PADDLE_DISTRI_BACKEND", "gloo")
    monkeypatch.setattr("rnn_core.commands.run.train", None)

    message = "the last batch must have at least 2 samples, one per process, got 1: {} samples in"
    for command, samples in (("digit-sums --samples 33", 33), ("clipped-rnn --batch-size 3", 4)):
        assert_rejected(main, ["run", *command.split()], message.format(samples))


@pytest.mark.parametrize(
    ("options", "status"), [("--epochs 1", 0), ("--epochs 8", 1), ("--checkpoint /nowhere/run", 2)]
)
def test_processes_wait_until_the_files_are_written(
    options: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process waits after writing its files, but not after Ctrl-C."""
    saved, existed = tmp_path / "run.npz", []
    monkeypatch.setattr("rnn_core.runtime.parallel.wait", lambda: existed.append(saved.exists()))
    command = ["run", "exploding-rnn", "--save", str(saved), *options.split()]

    assert main(command) == status
    assert existed == [status < 2]

    if status == 0:
        interrupt = Mock(side_effect=TrainingInterrupted(History.load(saved)))
        monkeypatch.setattr("rnn_core.commands.run.train", interrupt)
        assert main(command) == 130
        assert existed == [True]


def test_processes_other_than_the_first_print_and_write_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nor do they evaluate; a file that is not asked for does not prevent the next one."""
    monkeypatch.setenv("PADDLE_TRAINER_ID", "1")
    monkeypatch.setattr("rnn_core.commands.run.evaluate", None)
    files = ["--save", str(tmp_path / "a.npz"), "--plot", str(tmp_path / "a.svg")]

    assert main(["run", "digit-sums", "--samples", "9", "--log-every", "1", *files]) == 0
    assert (capfd.readouterr(), list(tmp_path.iterdir())) == (("", ""), [])
    written = write_files(("history", None, Path.touch), ("plot", tmp_path / "b", Path.touch))
    assert written == (0, [f"plot: {tmp_path / 'b'}"])


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


def test_run_prints_steps_epochs_and_a_summary(capsys: pytest.CaptureFixture[str]) -> None:
    """It prints each step with its norms, the epoch and, after an empty line, the summary."""
    status = main(["run", "exploding-rnn", "--epochs", "1"])

    step = [
        r"=+epoch: 1, step: \d, loss: \d+\.\d{5}=+",
        r"W_grad_l2: \d+\.\d{6}, U_grad_l2: \d+\.\d{6}, b_grad_l2: \d+\.\d{6}",
    ]
    summary = ["loss", "gradient", "accuracy", "exploded", "vanished", "non-finite"]
    patterns = [
        *(4 * step),
        "",
        r"correct/total:0/4, Accuracy: 0\.00000",
        "",
        "",
        "RNN, 4 steps, finished, on cpu .*",
        *(f"  {name} .*" for name in summary),
    ]
    lines = capsys.readouterr().out.splitlines()
    assert status == 0
    assert len(lines) == len(patterns)
    for pattern, line in zip(patterns, lines, strict=True):
        assert re.fullmatch(pattern, line)


def test_progress_bar_counts_unrecorded_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """With every fifth step recorded, it moves by five steps; only the first process shows it."""
    settings: dict[str, object] = {}
    moves: list[float | None] = []
    shown: list[tuple[str, bool]] = []

    class Bar(tqdm):  # type: ignore[type-arg]
        monitor_interval = 0  # Starts no monitor thread.

        def __init__(self, **kwargs: Any) -> None:
            settings.update(kwargs)
            super().__init__(**{**kwargs, "disable": False, "file": io.StringIO()})

        def update(self, n: float | None = 1) -> bool | None:
            moves.append(n)
            return super().update(n)

        def set_postfix(self, *_: object, **kwargs: Any) -> None:
            shown.append((kwargs["loss"], kwargs["refresh"]))

    monkeypatch.setattr("rnn_core.commands.run.tqdm", Bar)
    main(["run", "clipped-rnn", "--epochs", "3", "--record", "5", "--log-every", "10"])

    # Hidden unless on a terminal, and removed before the summary.
    assert settings == {"total": 12, "unit": "step", "disable": None, "leave": False}
    assert moves == [5, 5]
    ((loss, refresh),) = shown
    assert (loss, refresh) == (f"{float(loss):.3g}", False)
    monkeypatch.setenv("PADDLE_TRAINER_ID", "1")
    for name, total in (("clipped-rnn", 4), ("digit-sums --samples 7", 6)):
        main(["run", *name.split(), "--epochs", "2", "--batch-size", "3"])
        assert (settings["total"], settings["disable"]) == (total, True)


def test_run_exits_3_and_plots_when_the_history_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A full disk is reported, though the loss was infinite, too, and the plot is still written."""
    full = Mock(side_effect=OSError(28, "No space left on device"))
    monkeypatch.setattr(History, "save", full)
    saved, drawn = tmp_path / "run.npz", tmp_path / "run.svg"
    command = ["run", "exploding-rnn", "--epochs", "8", "--save", str(saved)]
    status = main([*command, "--plot", str(drawn)])

    captured = capsys.readouterr()
    assert status == 3
    assert "error: cannot write the history: [Errno 28] No space left on device" in captured.err
    assert f"plot: {drawn}" in captured.out
    assert drawn.exists()


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


def test_resume_names_bad_checkpoints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A damaged one gives a warning; with one of another run, the exit status is 2."""
    command = ["run", "clipped-rnn", "--epochs", "1", "--checkpoint", str(tmp_path)]
    main([*command, "--every", "2"])
    (tmp_path / "step-000000004.npz").write_bytes(b"damaged")
    capsys.readouterr()

    assert main([*command, "--resume"]) == 0
    out = capsys.readouterr().out
    assert f"warning: {tmp_path / 'step-000000004.npz'} is not a valid" in out
    assert "; step-000000002.npz is used instead\n" in out
    assert "RNN, 4 steps, finished" in out
    assert main([*command, "--resume", "--seed", "1"]) == 2
    assert "is of another run: seed is 0 in the checkpoint, but 1 now" in capsys.readouterr().err


def test_run_exits_3_when_a_checkpoint_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The history up to that step is summarised and saved."""

    def full(self: Checkpoint, path: Path) -> None:
        if self.history.steps == 4:
            raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Checkpoint, "save", full)
    saved = tmp_path / "run.npz"
    command = ["run", "clipped-rnn", "--epochs", "3", "--checkpoint", str(tmp_path / "run")]

    assert main([*command, "--every", "2", "--save", str(saved)]) == 3
    captured = capsys.readouterr()
    assert re.search(r"error: cannot write .*4.npz: \[Errno 28\] No space left", captured.err)
    assert "RNN, 4 steps, interrupted" in captured.out
    assert History.load(saved).steps == 4
