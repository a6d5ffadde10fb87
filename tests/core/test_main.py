"""The command line: its commands, its help, and what it answers to wrong usage."""

import pytest

from rnn_core.__main__ import main
from rnn_core.config import EXECUTIONS
from rnn_core.experiments import ALL_EXPERIMENTS
from tests.helpers.command_lines import assert_rejected


def test_list_prints_every_experiment(capsys: pytest.CaptureFixture[str]) -> None:
    """`list` prints each experiment's name and summary."""
    status = main(["list"])

    assert status == 0
    for line, experiment in zip(
        capsys.readouterr().out.splitlines(), ALL_EXPERIMENTS.values(), strict=True
    ):
        assert line.split(maxsplit=1) == [experiment.name, experiment.summary]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "error: the following arguments are required: command"),
        (["walk"], "argument command: invalid choice: 'walk' (choose from"),
        (["run"], "error: the following arguments are required: name"),
        (["run", "exploding-lstm"], "argument name: invalid choice: 'exploding-lstm' (choose from"),
        (["soak", "--minutes", "1"], "error: the soak test is now python -m benchmarks.soak"),
    ],
)
def test_main_rejects_wrong_usage(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown command or experiment ends with status 2 and the allowed names."""
    assert_rejected(main, arguments, message, capsys)


def test_ctrl_c_outside_training_exits_130(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt before the first step ends without a traceback."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rnn_core.commands.run.train", interrupt)

    assert main(["run", "exploding-rnn"]) == 130


def test_help_describes_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """The program's help says what it is and what its commands do."""
    text = help_text([], capsys)

    assert "The command line: `python -m rnn_core list` or `run NAME`." in text
    assert text.endswith(
        "{list,run} list list the experiments run train one experiment and show its gradients "
        "options: -h, --help show this help message and exit"
    )


def test_help_of_run_describes_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    """The help of `run` says what each option means."""
    text = help_text(["run"], capsys)

    assert text.endswith(
        "{exploding-rnn,clipped-rnn,clipped-lstm,digit-sums} name of the experiment "
        "options: -h, --help show this help message and exit "
        "--epochs N passes over the data "
        "--seed N random seed of weights and data "
        "--device DEVICE cpu, gpu or gpu:N "
        "--execution {EXECUTIONS} implementation of the recurrent layer (default: textbook) "
        "--record N record every N-th step; 0 records none (default: 1) "
        "--on-nonfinite {stop,raise,continue} reaction to NaN or infinity (default: stop) "
        "--log-every N print every N-th step "
        "--batch-size B samples per batch "
        "--save FILE file for the history (.npz) "
        "--plot FILE file for a plot (.svg, .png or .pdf) "
        "--checkpoint DIR folder for checkpoints "
        "--every N number of steps between checkpoints (default: 100) "
        "--resume resume from the last checkpoint, if there is one "
        "options of digit-sums: "
        "--samples N samples per epoch (default: 32000) "
        "--held-out N samples to test with (default: 1000) "
        "--digits D digits per sample (default: 2) "
        "--num-steps T length of a sequence "
        "--cell {RNN,LSTM} recurrent layer (default: LSTM) "
        "--hidden-size H size of the hidden state and the embedding "
        "--learning-rate R learning rate of SGD".replace("EXECUTIONS", ",".join(EXECUTIONS))
    )


def help_text(command: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The output of `--help` with single spaces: its line breaks depend on the terminal."""
    with pytest.raises(SystemExit):
        main([*command, "--help"])
    return " ".join(capsys.readouterr().out.split())
