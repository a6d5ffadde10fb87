"""The command line: its commands, its help, and its errors for wrong usage."""

import re
import sys

import pytest

from rnn_core.commands.main import main
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
        ([], "python -m rnn_core: error: the following arguments are required: command"),
        (["walk"], "argument command: invalid choice: 'walk' (choose from"),
        (["run"], "error: the following arguments are required: name"),
        (["run", "exploding-lstm"], "argument name: invalid choice: 'exploding-lstm' (choose from"),
    ],
)
def test_main_rejects_wrong_usage(arguments: list[str], message: str) -> None:
    """An unknown command or experiment ends with status 2 and the allowed names."""
    assert_rejected(main, arguments, message)


def test_help_of_run_describes_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    """No option is followed by the next one instead of its help."""
    with pytest.raises(SystemExit):
        main(["run", "--help"])

    # Joined with single spaces, because the line breaks depend on the terminal.
    _, _, text = " ".join(capsys.readouterr().out.split()).partition(" options: ")
    assert text.startswith("-h, --help show this")
    assert " options of digit-sums: --samples N " in text
    assert re.findall(r"--[a-z-]+(?: [A-Z{]\S*)?(?: --| options of|$)", text) == []
    with pytest.raises(SystemExit):
        main(["--help"])
    assert f"\n\n{sys.modules[main.__module__].__doc__}\n\n" in capsys.readouterr().out
