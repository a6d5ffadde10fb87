"""The command `python -m benchmarks.behaviour`: its exit statuses and its file."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.behaviour import command
from benchmarks.behaviour.command import main
from benchmarks.behaviour.files import OwnJob
from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.behaviour.own import NotRepeatableError
from benchmarks.interpreters import Origin
from rnn_core.config import EAGER
from tests.helpers.command_lines import assert_rejected

SIDES = ["--baseline", "a", "--candidate", "b"]


def verdict_of(kind: Any, until: int = 3) -> BehaviourVerdict:
    """Make a verdict of this kind."""
    return BehaviourVerdict("e", "kernel", kind, until, 4, 0.5, "h_1", "tanh", f"it is {kind}")


@pytest.mark.parametrize(
    ("kind", "until", "status"),
    [
        ("bitwise equal", 3, 0),
        ("equal within rounding", 3, 0),
        ("equal within rounding", 0, 4),
        ("different", 0, 1),
    ],
)
def test_behaviour_exits_with_the_status_of_its_verdicts(
    kind: str,
    until: int,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The verdicts are printed and saved in the results folder."""
    verdicts = [verdict_of("bitwise equal"), verdict_of(kind, until)]
    monkeypatch.setattr(command, "compare_behaviour", lambda *_, **__: verdicts)

    assert main([*SIDES, "--results", str(tmp_path / "new" / "results")]) == status

    assert capsys.readouterr() == (f"it is bitwise equal\n\nit is {kind}\n", "")
    content = json.loads((tmp_path / "new" / "results" / "verdicts.json").read_text())
    assert content[1]["verdict"] == kind

    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(command, "write_json", full)
    assert main([*SIDES, "--results", str(tmp_path)]) == 3
    assert capsys.readouterr().err == "error: cannot write the verdicts: no space left\n"


def test_behaviour_passes_its_options_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment variables are split at the first `=`."""
    calls = []

    def compared(*arguments: Any, **options: Any) -> list[BehaviourVerdict]:
        calls.append((arguments, options))
        return []

    monkeypatch.setattr(command, "compare_behaviour", compared)
    variables = ["--candidate-env", "A=1=2", "--candidate-env", "B="]
    install = ["--python", "3.12", "--index-url", "n"]
    main(["a", "b", *variables, *install, "--execution", "all", "--results", str(tmp_path)])
    main(["a", "b"])

    [(arguments, keywords), (_, by_default)] = calls
    assert arguments == ("a", "b", tmp_path)
    assert (keywords["executions"], by_default["executions"]) == (EAGER, ("textbook",))
    assert keywords["origin"] == Origin("3.12", "n")
    assert (keywords["baseline_env"], keywords["candidate_env"]) == ({}, {"A": "1=2", "B": ""})


def test_behaviour_passes_a_workload_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference of its file does not depend on the working directory."""
    (tmp_path / "lm.py").touch()
    monkeypatch.chdir(tmp_path)
    jobs = []

    def compared(*arguments: Any, **_: Any) -> BehaviourVerdict:
        assert arguments[:3] == ("a", "b", tmp_path / "results")
        jobs.append(arguments[3])
        return verdict_of("different")

    monkeypatch.setattr(command, "compare_workload", compared)
    chosen = ["--execution", "static", "--steps", "7", "--seed", "5", "--budget", "3"]
    always = [*SIDES, "--workload", "lm.py:f", "--results", f"{tmp_path}/results"]

    assert [main([*always, *given]) for given in ([], chosen)] == [1, 1]
    assert jobs == [
        OwnJob(f"{tmp_path}/lm.py:f", "eager", 100),
        OwnJob(f"{tmp_path}/lm.py:f", "static", 7, 5, budget=3.0),
    ]
    assert (jobs[0].experiment, jobs[0].stem) == ("lm.py:f", "lm-f-eager")


def test_behaviour_exits_4_if_a_workload_does_not_repeat(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its behaviour cannot be compared, which is not a mistake in the command line."""

    def compared(*_: Any, **__: Any) -> BehaviourVerdict:
        raise NotRepeatableError("two runs differ")

    monkeypatch.setattr(command, "compare_workload", compared)

    assert main([*SIDES, "--workload", "os:getcwd"]) == 4
    assert capsys.readouterr().err == "error: two runs differ\n"


def test_behaviour_refuses_options_that_do_not_go_together() -> None:
    """An experiment has its own steps, and a workload its own executions."""
    own = [*SIDES, "--workload", "os:getcwd"]

    for option in ("--steps", "--seed", "--device", "--budget"):
        assert_rejected(main, [*SIDES, option, "3"], f"{option} needs --workload")
    allowed = "textbook, kernel, static, sot, all for the experiments, got eager"
    assert_rejected(main, [*SIDES, "--execution", "eager"], allowed)
    assert_rejected(main, [*own, "--execution", "kernel"], "must be one of eager, static for a wo")
    assert_rejected(main, [*SIDES, "--workload", "absent.py:f"], "there is no file ")


def test_behaviour_exits_2_when_it_cannot_compare(tmp_path: Path) -> None:
    """The error names a missing side, a results folder that is a file, or a wrong variable."""
    (tmp_path / "file").touch()
    sides = ["--baseline", str(tmp_path / "nowhere"), "--candidate", sys.executable]

    assert_rejected(main, sides, "error: could not compare: baseline: ")
    assert_rejected(main, [*sides, "--results", str(tmp_path / "file")], "file")
    assert_rejected(main, [*sides, "--baseline-env", "A"], "must be KEY=VALUE, got 'A'")
