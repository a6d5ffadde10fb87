"""Wrong command lines of the commands that need no files: the error says what is allowed."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from itertools import product
from math import isfinite
from pathlib import Path
from typing import NoReturn

import pytest

from benchmarks.behaviour import command as behaviour
from benchmarks.commands import ratios, soak
from benchmarks.compare import calibration
from benchmarks.compare import command as compare
from benchmarks.environments import command as environments
from benchmarks.report import command as report
from rnn_core.commands.main import main
from rnn_core.commands.status import ExitStatus
from tests.helpers.command_lines import assert_rejected

Main = Callable[[Sequence[str]], int]

WRONG: list[tuple[Main, str, str]] = [
    (calibration.main, "--levels 5,x", "must be percentages from 0 to 1000, separated by commas"),
    (calibration.main, "--levels=-5", "must be percentages"),
    (calibration.main, "--sessions 0", "must be at least 1, got 0"),
    (calibration.main, "--measure instructions --device gpu:0", "on the CPU only, not on gpu:0"),
    (calibration.main, "--save c.txt", "must end in .md or .json"),
    (calibration.main, "--python ./a.json", "a.json is not an executable file"),
    (ratios.main, "--implementations kernel,mine", "must be names from textbook, kernel, paddle,"),
    (ratios.main, "--shapes B1-T0-H8", "B1-T10-H128, each number at least 1, got 'B1-T0-H8'"),
    (ratios.main, "--to mine", "invalid choice: 'mine'"),
    (
        ratios.main,
        "--implementations kernel --to paddle",
        "--to must be one of the measured implementations, kernel, got 'paddle'",
    ),
    (ratios.main, "--threads 0", "must be 1 to "),
    (ratios.main, "--plot r.gif", "a plot must end in .svg, .png or .pdf"),
    (ratios.main, "--save /nowhere/ratios.md", "/nowhere"),
    (soak.main, "--minutes 0", "--minutes: must be a number greater than 0, got '0'"),
    (soak.main, "--minutes 1 --device gpu:99", "gpu:99"),
]


@pytest.mark.parametrize(("main", "arguments", "message"), WRONG)
def test_wrong_command_line_is_rejected(main: Main, arguments: str, message: str) -> None:
    """The exit status is 2, and standard output is empty."""
    assert_rejected(main, arguments.split(), message)


TEXTS = ("", "x" * 10**6, "nan", "inf", "-1", "1e999", "9" * 26, "9" * 5000, "no\0", "4294967301")
MAINS: list[Main] = [
    behaviour.main,
    calibration.main,
    compare.main,
    environments.main,
    main,
    ratios.main,
    report.main,
    soak.main,
]


def actions(command: Main, monkeypatch: pytest.MonkeyPatch) -> Iterator[argparse.Action]:
    """Every option and argument of a command and its subcommands."""
    parsers: list[argparse.ArgumentParser] = []

    def parse(parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        parsers.append(parser)
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(argparse.ArgumentParser, "parse_args", parse)
        with suppress(SystemExit):
            command([])
    for parser in parsers:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                parsers.extend(action.choices.values())
            yield action


def outcome(action: argparse.Action, text: str) -> str:
    """What is wrong with the value or the error that an option makes of a text; "" if nothing."""
    if action.type is None:  # Free text, or one of some words.
        return ""
    try:
        value = action.type(text)  # type: ignore[operator]
    except argparse.ArgumentTypeError as error:
        return "" if len(str(error)) < 400 else "a long error"
    if isinstance(value, int):
        return "" if 0 <= value < (2**32 if action.dest == "seed" else 2**63) else "out of range"
    if isinstance(value, float):
        return "" if isfinite(value) else "not finite"
    return "an empty path" if value == Path() else ""


@pytest.mark.parametrize("command", MAINS, ids=lambda command: command.__module__)
def test_options_refuse_wrong_texts_in_few_words(
    command: Main,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What is accepted is finite, fits into 64 bits (a seed into 32), and is not an empty path.

    The help names the command and says what it is for.
    """
    monkeypatch.chdir(tmp_path)
    found = [*actions(command, monkeypatch)]
    outcomes = {
        (action.dest, text[:20]): outcome(action, text) for action, text in product(found, TEXTS)
    }

    assert {action.dest for action in found} > {"help"}
    assert {case: ended for case, ended in outcomes.items() if ended} == {}
    with pytest.raises(SystemExit):
        command(["--" + "x" * 10**6])
    assert len(capsys.readouterr().err) < 10_000
    with pytest.raises(SystemExit):
        command(["--help"])
    words = capsys.readouterr().out.split()
    assert find_spec(words[3]) is not None
    assert str(import_module(command.__module__).__doc__).partition("\n")[0] in " ".join(words)
    assert {"None", "None,"} & {*words} == set()


@pytest.mark.parametrize(
    ("command", "sides"), [(compare.main, 2), (report.main, 1)], ids=["compare", "report"]
)
@pytest.mark.parametrize("text", ["a\x1b[31m", "a\x1b" * 1000 + ".json", "a/" * 1000])
def test_a_wrong_name_neither_controls_nor_fills_the_terminal(
    command: Main, sides: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error is in one line, with the name shortened."""
    try:
        status = command([text] * sides)
    except SystemExit as ended:
        status = int(ended.code or 0)
    printed = capsys.readouterr().err

    assert status == ExitStatus.WRONG_INPUT
    assert printed.replace("\n", "").isprintable()
    assert len(printed) < 3000
