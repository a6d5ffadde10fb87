"""The command line, as a person types it."""

import io
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tqdm import tqdm

from rnn_core import History, TrainingInterrupted, train
from rnn_core.__main__ import EVERY_EXPERIMENT, main
from rnn_core.checkpoints.checkpoint import Checkpoint, checkpoint_files
from rnn_core.config import EXECUTIONS


def test_list_names_every_experiment(capsys: pytest.CaptureFixture[str]) -> None:
    """`list` prints each experiment's name and what to look for."""
    status = main(["list"])

    assert status == 0
    for line, experiment in zip(
        capsys.readouterr().out.splitlines(), EVERY_EXPERIMENT.values(), strict=True
    ):
        assert line.split(maxsplit=1) == [experiment.name, experiment.summary]


def test_run_prints_the_notebooks_lines_and_a_summary(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A run prints loss, norms and accuracy as the notebook, then what became of it."""
    status = main(["run", "exploding-rnn", "--epochs", "2"])

    out = capsys.readouterr().out
    assert status == 0
    assert out.count("W_grad_l2: ") == 8
    assert "=========epoch: 1, step: 0, loss: 8.67871========" in out
    # The first row that the notebook printed, to the digits that every rounding shares.
    assert "W_grad_l2: 19.6586" in out
    assert out.count("correct/total:0/4, Accuracy: 0.00000") == 2
    assert "RNN, 8 steps, finished, on cpu" in out
    assert "exploded    step " in out


def test_log_every(capsys: pytest.CaptureFixture[str]) -> None:
    """Only every N-th step is printed."""
    main(["run", "clipped-rnn", "--epochs", "3", "--log-every", "5"])

    assert capsys.readouterr().out.count("W_grad_l2: ") == 2


def test_options_reach_the_run_and_its_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Epochs, seed and device are heeded; history and picture are written and named."""
    pytest.importorskip("matplotlib", reason="matplotlib, an optional extra, is not installed")
    saved, drawn = tmp_path / "run.npz", tmp_path / "run.svg"
    options = ["--epochs", "3", "--seed", "7", "--device", "cpu"]
    status = main(["run", "clipped-lstm", *options, "--save", str(saved), "--plot", str(drawn)])

    config = History.load(saved).config
    out = capsys.readouterr().out
    assert status == 0
    assert (config.epochs, config.seed, config.device, config.cell) == (3, 7, "cpu", "LSTM")
    assert f"history: {saved}" in out
    assert f"plot: {drawn}" in out
    assert b"</svg>" in drawn.read_bytes()


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_the_execution_reaches_the_run(
    execution: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The layer is computed as asked, and the summary names what is not the default."""
    saved = tmp_path / "run.npz"
    command = ["run", "clipped-lstm", "--epochs", "1", "--execution", execution]

    assert main([*command, "--save", str(saved)]) == 0

    named = "" if execution == "textbook" else f" ({execution})"
    assert History.load(saved).config.execution == execution
    assert f"LSTM{named}, 4 steps, finished" in capsys.readouterr().out


def test_record_prints_and_keeps_only_those_steps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of 12 steps, 5 and 10 are recorded; of these, `--log-every 10` prints one."""
    saved = tmp_path / "run.npz"
    command = ["run", "clipped-rnn", "--epochs", "3", "--record", "5", "--log-every", "10"]

    assert main([*command, "--save", str(saved)]) == 0

    out = capsys.readouterr().out
    assert History.load(saved).recorded.tolist() == [5, 10]
    assert out.count("W_grad_l2: ") == 1
    assert "RNN, 12 steps (2 recorded), finished" in out


def test_a_run_that_records_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--record 0` the run is trained, summed up, saved and drawn, with nothing in it."""
    pytest.importorskip("matplotlib", reason="matplotlib, an optional extra, is not installed")
    saved, drawn = tmp_path / "run.npz", tmp_path / "run.svg"
    command = ["run", "exploding-rnn", "--record", "0", "--save", str(saved)]

    assert main([*command, "--plot", str(drawn)]) == 0

    out = capsys.readouterr().out
    assert "RNN, 20 steps (0 recorded), finished" in out
    assert "grad_l2" not in out
    assert (History.load(saved).steps, len(History.load(saved).loss)) == (20, 0)
    assert drawn.exists()


def test_digit_sums_as_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every option of the data and the model is heeded, and the history says what was trained."""
    saved = tmp_path / "run.npz"
    options = "--samples 50 --held-out 30 --digits 3 --num-steps 5 --batch-size 20 --cell RNN "
    options += "--hidden-size 6 --learning-rate 0.25 --seed 4 --log-every 1 --epochs 2"

    assert main(["run", "digit-sums", *options.split(), "--save", str(saved)]) == 0

    history, out = History.load(saved), capsys.readouterr().out
    config = history.config
    assert (
        config.cell,
        config.batch_size,
        config.num_steps,
        config.learning_rate,
        config.seed,
    ) == ("RNN", 20, 5, 0.25, 4)
    assert 6 == config.hidden_size == config.emb_size
    assert history.epoch_ends.tolist() == [3, 6]
    assert history.environment["data"] == (
        "DigitSums(count=50, digits=3, num_steps=5, batch_size=20, seed=4, dtype='float32', "
        "held_out=False)"
    )
    assert len(re.findall("/50, Accuracy", out)) == 2
    assert re.search(r"^  held out    loss [\d.]+ of 30 samples, where always saying", out, re.M)


def test_digit_sums_tests_the_model_that_it_trained(capsys: pytest.CaptureFixture[str]) -> None:
    """After training, the held-out loss is far below that of before."""
    losses = []
    for samples in ("16", "4000"):
        main(["run", "digit-sums", "--samples", samples, "--num-steps", "3", "--held-out", "20"])
        found = re.search(r"held out    loss ([\d.]+)", capsys.readouterr().out)
        assert found is not None
        losses.append(float(found[1]))

    # 38 and 0.99 to 1.2 with both roundings (Paddle 2.6.2 and 3.3.1, November 2026).
    assert losses[1] < losses[0] / 5


@pytest.mark.parametrize(
    ("policy", "status", "whole"), [("stop", 1, False), ("raise", 1, False), ("continue", 0, True)]
)
def test_infinity_ends_the_run_as_asked(
    policy: str, status: int, whole: bool, tmp_path: Path
) -> None:
    """A run that ends at infinity keeps its history and says so by its status."""
    saved = tmp_path / "run.npz"
    options = ["--epochs", "8", "--on-nonfinite", policy, "--save", str(saved)]

    assert main(["run", "exploding-rnn", *options]) == status
    assert (History.load(saved).steps == 32) == whole


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--epochs", "0"], "epochs must be at least 1, got 0"),
        (["--seed", "-1"], "seed must lie in [0, 2**63), got -1"),
        (["--device", "cuda"], "device must be 'cpu', 'gpu' or 'gpu:N', got 'cuda'"),
        (["--device", "gpu:99"], "device 'gpu:99' is not there"),
        (["--record", "-1"], "record must be at least 0, got -1"),
        (["--batch-size", "5"], "batch_size must be at most 4, all samples, got 5"),
        (["--samples", "9"], "--samples is for digit-sums, not for exploding-rnn"),
        (["--held-out", "9"], "--held-out is for digit-sums, not for exploding-rnn"),
        (["--cell", "LSTM"], "--cell is for digit-sums, not for exploding-rnn"),
        (["--log-every", "0"], "--log-every must be at least 1, got 0"),
        (["--save", "/nowhere/run.npz"], "there is no directory /nowhere"),
        (["--plot", "/nowhere/run.svg"], "there is no directory /nowhere"),
        (["--save", "same.svg", "--plot", "./same.svg"], "--save and --plot name one file"),
        (["--resume"], "--every and --resume need --checkpoint DIR"),
        (["--every", "5"], "--every and --resume need --checkpoint DIR"),
        (["--every", "0", "--checkpoint", "run"], "--every must be at least 1, got 0"),
        (["--checkpoint", "/nowhere/run"], "checkpoints cannot be written to /nowhere/run: "),
        (["--plot", "run.gif"], "a plot must end in .svg, .png, .pdf, got 'run.gif'"),
    ],
)
def test_bad_input_trains_nothing(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong is said in one line, before any training, with status 2."""
    status = main(["run", "exploding-rnn", *options])

    captured = capsys.readouterr()
    assert status == 2
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert message in captured.err


@pytest.mark.parametrize(
    ("command", "got"),
    [
        ("digit-sums --samples 33", "1: 33 samples in batches of 16"),
        ("clipped-rnn --batch-size 3", "1: 4 samples in batches of 3"),
    ],
)
def test_a_last_batch_that_processes_cannot_share_trains_nothing(
    command: str, got: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is refused before the processes meet: this one would wait for the other for ever."""
    monkeypatch.setenv("PADDLE_TRAINERS_NUM", "2")
    monkeypatch.setenv("PADDLE_DISTRI_BACKEND", "gloo")
    monkeypatch.setattr("rnn_core.__main__.train", None)

    assert main(["run", *command.split()]) == 2
    words = "error: the last batch must have at least 2 samples, the processes that share it, got "
    assert capsys.readouterr().err == f"{words}{got}\n"


@pytest.mark.parametrize(
    ("options", "status"), [("--epochs 1", 0), ("--epochs 8", 1), ("--checkpoint /nowhere/run", 2)]
)
def test_processes_end_together(
    options: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each waits for the first to have written its files, and not after Ctrl-C."""
    saved, there = tmp_path / "run.npz", []
    monkeypatch.setattr("rnn_core.runtime.parallel.wait", lambda: there.append(saved.exists()))
    command = ["run", "exploding-rnn", "--save", str(saved), *options.split()]

    assert main(command) == status
    assert there == [status < 2]

    def interrupt(*_: object, **__: object) -> None:
        raise TrainingInterrupted(History.load(saved))

    if status == 0:
        monkeypatch.setattr("rnn_core.__main__.train", interrupt)
        assert main(command) == 130
        assert there == [True]


@pytest.mark.parametrize("arguments", [[], ["run"], ["run", "exploding-lstm"], ["walk"]])
def test_wrong_usage_is_told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown command or experiment is named, with those that there are."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)

    assert caught.value.code == 2
    assert "usage: python -m rnn_core" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT as a terminal does")
def test_ctrl_c_keeps_what_was_trained(tmp_path: Path) -> None:
    """Ctrl-C ends a run with its summary and its file, and status 130."""
    saved = tmp_path / "run.npz"
    command = ["run", "clipped-rnn", "--epochs", "100000", "--save", str(saved)]
    # What a shell starts in the background ignores SIGINT, and so would this, its grandchild.
    program = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from rnn_core.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, *command], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        # The first printed step: training has begun.
        assert process.stdout.readline().startswith("=========epoch: 5")
        process.send_signal(signal.SIGINT)
        try:
            out, _ = process.communicate(timeout=60)
        finally:
            process.kill()

    history = History.load(saved)
    assert process.returncode == 130
    assert history.outcome == "interrupted"
    assert history.steps >= 20
    assert f"RNN, {history.steps} steps, interrupted" in out


def test_a_run_prints_these_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Line by line: the step, its norms, the epoch, and after an empty line the summary."""
    main(["run", "exploding-rnn", "--epochs", "1", "--log-every", "4"])

    patterns = [
        r"=+epoch: 1, step: 3, loss: 2279\.\d{5}=+",
        r"W_grad_l2: 56\d\d\.\d{6}, U_grad_l2: 28\d\d\.\d{6}, b_grad_l2: 65\d\.\d{6}",
        "",
        r"correct/total:0/4, Accuracy: 0\.00000",
        "",
        "",
        "RNN, 4 steps, finished, on cpu .*",
        " {2}loss .*",
        " {2}gradient .*",
        " {2}accuracy .*",
        " {2}exploded .*",
        " {2}vanished .*",
        " {2}non-finite .*",
    ]
    lines = capsys.readouterr().out.splitlines()
    assert len(patterns) == len(lines)
    for pattern, line in zip(patterns, lines, strict=True):
        assert re.fullmatch(pattern, line)


def test_progress_is_shown_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar knows the number of steps, moves with each, and shows the loss that is printed."""
    settings: dict[str, object] = {}
    shown: list[dict[str, object]] = []

    class Bar(tqdm):  # type: ignore[type-arg]
        def __init__(self, **kwargs: Any) -> None:
            settings.update(kwargs)
            super().__init__(**{**kwargs, "disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            shown.append({})
            return super().update(n)

        def set_postfix(self, *_: object, **kwargs: object) -> None:
            shown[-1].update(kwargs)

    monkeypatch.setattr("rnn_core.__main__.tqdm", Bar)
    options = ["--epochs", "3", "--log-every", "2", "--batch-size", "3"]
    main(["run", "exploding-rnn", *options])

    # Not drawn into a file, and gone when the summary comes.
    assert settings == {"total": 6, "unit": "step", "disable": None, "leave": False}
    assert shown[:2] == [{}, {"loss": "54.5", "refresh": False}]
    assert len(shown) == 6


def test_progress_counts_the_steps_between_two_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """With every fifth step recorded, the bar moves by five steps at a time."""
    moves: list[float | None] = []

    class Bar(tqdm):  # type: ignore[type-arg]
        monitor_interval = 0  # No thread that watches it.

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**{**kwargs, "disable": False, "file": io.StringIO()})

        def update(self, n: float | None = 1) -> bool | None:
            moves.append(n)
            return super().update(n)

    monkeypatch.setattr("rnn_core.__main__.tqdm", Bar)
    main(["run", "clipped-rnn", "--epochs", "3", "--record", "5"])

    assert moves == [5, 5]


def test_a_file_that_cannot_be_written_loses_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """When the disk is full at the history, that is said, and the plot is drawn all the same."""
    pytest.importorskip("matplotlib", reason="matplotlib, an optional extra, is not installed")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(History, "save", full)
    saved, drawn = tmp_path / "run.npz", tmp_path / "run.svg"
    command = ["run", "exploding-rnn", "--epochs", "1", "--save", str(saved)]
    status = main([*command, "--plot", str(drawn)])

    captured = capsys.readouterr()
    assert status == 3
    assert "error: no history: [Errno 28] No space left on device" in captured.err
    assert f"plot: {drawn}" in captured.out
    assert drawn.exists()


@pytest.mark.skipif(os.name != "posix", reason="a broken pipe is an error of its own there")
def test_goes_on_when_nobody_reads(tmp_path: Path) -> None:
    """Under `| head`, the run is trained and saved to its end, without a traceback."""
    saved = tmp_path / "run.npz"
    command = ["run", "exploding-rnn", "--epochs", "20", "--on-nonfinite", "continue"]
    with subprocess.Popen(
        [sys.executable, "-m", "rnn_core", *command, "--save", saved],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()

    assert process.returncode == 0
    assert "Error" not in errors
    assert History.load(saved).steps == 80


def test_a_reader_who_left_is_replaced_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would be printed goes to the null device from then on."""

    class Closed(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

        def fileno(self) -> int:
            return 7

    calls: list[tuple[object, ...]] = []

    def open_null(*args: object) -> int:
        calls.append(("open", *args))
        return 99

    monkeypatch.setattr("os.open", open_null)
    monkeypatch.setattr("os.dup2", lambda *args: calls.append(("dup2", *args)))
    monkeypatch.setattr("sys.stdout", Closed())
    status = main(["list"])

    assert status == 0
    assert calls[:2] == [("open", os.devnull, os.O_WRONLY), ("dup2", 99, 7)]


def test_ctrl_c_outside_the_training_ends_in_words_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An interrupt before the first step ends with status 130 and no traceback."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rnn_core.__main__.train", interrupt)

    assert main(["run", "exploding-rnn"]) == 130


def test_a_run_is_resumed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run says from where it goes on, or that it begins, and equals one that was not stopped."""
    folder, saved = tmp_path / "run", tmp_path / "run.npz"
    command = ["run", "clipped-rnn", "--checkpoint", str(folder), "--resume", "--every", "3"]

    assert main([*command, "--epochs", "1"]) == 0
    assert f"{folder}: no checkpoint yet\n" in capsys.readouterr().out
    assert [History.load(path).steps for path in checkpoint_files(folder)] == [0, 3, 4]
    assert main([*command, "--epochs", "3", "--save", str(saved)]) == 0
    assert f"{folder}: the last checkpoint is step-000000004.npz\n" in capsys.readouterr().out
    whole = train(replace(EVERY_EXPERIMENT["clipped-rnn"].config, epochs=3))
    assert whole.loss.tolist() == History.load(saved).loss.tolist()


def test_a_checkpoint_that_is_not_used_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A damaged one is told in a line, and the run goes on; another run's ends with status 2."""
    command = ["run", "clipped-rnn", "--epochs", "1", "--checkpoint", str(tmp_path)]
    main([*command, "--every", "2"])
    (tmp_path / "step-000000004.npz").write_bytes(b"damaged")
    capsys.readouterr()

    assert main([*command, "--resume"]) == 0
    out = capsys.readouterr().out
    assert f"warning: {tmp_path / 'step-000000004.npz'} is not a whole" in out
    assert "; step-000000002.npz is used instead\n" in out
    assert "RNN, 4 steps, finished" in out
    assert main([*command, "--resume", "--seed", "1"]) == 2
    assert "is of another run: seed is 0 there and 1 here" in capsys.readouterr().err


def test_a_checkpoint_that_cannot_be_written_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was trained until then is summed up and saved, and the status is 3."""

    def full(self: Checkpoint, path: Path) -> None:
        if self.history.steps == 4:
            raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Checkpoint, "save", full)
    saved = tmp_path / "run.npz"
    command = ["run", "clipped-rnn", "--epochs", "3", "--checkpoint", str(tmp_path / "run")]

    assert main([*command, "--every", "2", "--save", str(saved)]) == 3
    captured = capsys.readouterr()
    assert re.search(r"error: no checkpoint .*4.npz: \[Errno 28\] No space left", captured.err)
    assert "RNN, 4 steps, interrupted" in captured.out
    assert History.load(saved).steps == 4


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """The help of the program says what it is and what its commands do."""
    text = help_text([], capsys)

    assert "The command line: `python -m rnn_core list` or `run NAME`." in text
    assert text.endswith(
        "{list,run} list name the experiments "
        "run train one experiment and watch its gradients "
        "options: -h, --help show this help message and exit"
    )


def test_soak_names_its_new_command(capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m rnn_core soak` exits with 2 and one line, whatever its options."""
    assert main(["soak", "--minutes", "1"]) == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "error: the soak test is now python -m benchmarks.soak\n"


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    """The help of a run says what each option means."""
    text = help_text(["run"], capsys)

    assert text.endswith(
        "{exploding-rnn,clipped-rnn,clipped-lstm,digit-sums} the experiment "
        "options: -h, --help show this help message and exit "
        "--epochs EPOCHS passes over the data "
        "--seed SEED of the random weights "
        "--device DEVICE cpu, gpu or gpu:N "
        "--execution {textbook,kernel} of the recurrent layer (default: textbook) "
        "--record N record every N-th step, none with 0 (default: 1) "
        "--on-nonfinite {stop,raise,continue} what to do at NaN or infinity (default: stop) "
        "--log-every N print every N-th step "
        "--batch-size B samples in a batch "
        "--save FILE write the history (.npz) "
        "--plot FILE draw it (.svg, .png or .pdf) "
        "--checkpoint DIR write checkpoints, to go on from with --resume "
        "--every N steps between two (default: 100) "
        "--resume go on from the last checkpoint, if there is one "
        "for digit-sums: "
        "--samples N in an epoch (default: 32000) "
        "--held-out N to test with (default: 1000) "
        "--digits D digits to sum (default: 2) "
        "--num-steps T length of a sequence "
        "--cell {RNN,LSTM} the recurrent layer (default: LSTM) "
        "--hidden-size H of state and embedding "
        "--learning-rate R step size of SGD"
    )


@pytest.mark.parametrize(
    ("option", "value"), [("--on-nonfinite", "ignore"), ("--execution", "slow")]
)
def test_an_unknown_choice_is_refused(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the listed answers to NaN and infinity, and the listed executions, are taken."""
    with pytest.raises(SystemExit):
        main(["run", "exploding-rnn", option, value])

    assert f"invalid choice: '{value}'" in capsys.readouterr().err


def help_text(command: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What `--help` prints, with single spaces: where its lines break depends on the terminal."""
    with pytest.raises(SystemExit):
        main([*command, "--help"])
    return " ".join(capsys.readouterr().out.split())
