"""What a side of a comparison may be, and the processes that it starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.compare import sides
from benchmarks.compare.sides import (
    Interpreter,
    Saved,
    Selection,
    SideError,
    find_side,
    run_process,
)
from benchmarks.plugins.sampling import Settings
from tests.helpers.fake_processes import FIRST, write_run

SELECTION = Selection(("benchmarks",), "step", "cpu")
SETTINGS = Settings(seed=7, seconds=0.1)


def program(path: Path, script: str) -> Path:
    """A program that can be started."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_interpreter_by_its_path(tmp_path: Path) -> None:
    """Named after its environment; a link is not followed, for that would leave it."""
    (tmp_path / "env" / "bin").mkdir(parents=True)
    link = tmp_path / "env" / "bin" / "python"
    link.symlink_to(sys.executable)

    assert find_side(str(link)) == Interpreter("env", link)


@pytest.mark.parametrize("there", ["bench-paddle30", "py311-paddle30-cpu"])
def test_paddle_in_short_is_a_tox_environment(
    there: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is there, whatever Python it has."""
    monkeypatch.setattr(sides, "TOX", tmp_path)
    python = program(tmp_path / there / "bin" / "python", "")
    program(tmp_path / "py311-paddle31-cpu" / "bin" / "python", "")

    assert find_side("paddle30") == Interpreter("paddle30", python)
    assert find_side(there) == Interpreter(there, python)


def test_tox_makes_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But no environment that it does not know, which would be one without Paddle."""
    monkeypatch.setattr(sides, "TOX", tmp_path / ".tox")
    made = tmp_path / ".tox" / "bench-paddle30" / "bin"
    script = (
        f"echo $* >> {tmp_path}/calls\n"
        "if [ $1 = list ]; then echo bench-paddle30 tests; exit; fi\n"
        f"mkdir -p {made}; touch {made}/python"
    )
    program(tmp_path / "programs" / "tox", script)
    monkeypatch.setenv("PATH", f"{tmp_path / 'programs'}{os.pathsep}{os.environ['PATH']}")

    assert find_side("paddle30") == Interpreter("paddle30", made / "python")
    assert (tmp_path / "calls").read_text().splitlines()[-1] == "run -e bench-paddle30 --notest"
    with pytest.raises(SideError, match="tox knows no environment nonsense: allowed are"):
        find_side("nonsense")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SideError, match="no environment paddle31, and no tox that would make it"):
        find_side("paddle31")


def test_saved_runs(tmp_path: Path) -> None:
    """One file is one process; a comparison's side is those of its finished pairs, in order."""
    write_run(tmp_path / "0001_3.3.1.json", {FIRST: 1e-3})
    folder = tmp_path / "a..b"
    (folder / "pairs").mkdir(parents=True)
    for name in ("0001-baseline", "0001-candidate", "0002-baseline", "0002-candidate"):
        write_run(folder / "pairs" / f"{name}.json", {FIRST: 1e-3})
    write_run(folder / "pairs" / "0003-baseline.json", {FIRST: 1e-3})
    one, side = find_side(str(tmp_path / "0001_3.3.1.json")), find_side(f"{folder}:baseline")

    assert isinstance(one, Saved)
    assert (one.name, len(one.runs), one.comparison) == ("0001_3.3.1", 1, None)
    assert isinstance(side, Saved)
    assert (side.name, side.comparison) == ("a..b:baseline", folder)
    assert [Path(run.name).stem for run in side.runs] == ["0001-baseline", "0002-baseline"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no/such/python", "no/such/python is no program that can be started: allowed are"),
        ("{folder}/file.txt", "is no program that can be started"),
        ("{folder}", "is a folder, and which side of it is not said"),
        ("{folder}:baseline", "holds no finished pair"),
        ("{folder}/none.json", "none.json cannot be read as a saved run"),
        ("{folder}/half.json", "half.json cannot be read as a saved run"),
        ("{folder}/zero.json", "the time of .*kernel.* is 0"),
    ],
)
def test_what_is_no_side(text: str, words: str, tmp_path: Path) -> None:
    """It is named, with what is allowed or what is wrong."""
    (tmp_path / "file.txt").touch()
    (tmp_path / "half.json").write_text('{"benchmarks": [')
    write_run(tmp_path / "zero.json", {FIRST: 0.0})
    with pytest.raises(SideError, match=words):
        find_side(text.format(folder=tmp_path))


def test_a_process_appears_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under its name only when it has ended well; told what to time, and not what the user adds."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-x")
    write_run(tmp_path / "made.json", {FIRST: 1e-3})
    script = (
        f'echo "$@" > {tmp_path}/arguments; env > {tmp_path}/environment; ls {tmp_path} > '
        f"{tmp_path}/there\n"
        'for word in "$@"; do case $word in --benchmark-json=*) '
        f"cp {tmp_path}/made.json ${{word#*=}};; esac; done"
    )
    python = program(tmp_path / "python", script)
    path = tmp_path / "0001-baseline.json"
    run = run_process(Interpreter("env", python), SELECTION, SETTINGS, path)
    arguments = (tmp_path / "arguments").read_text()
    environment = (tmp_path / "environment").read_text().splitlines()

    assert list(run.benchmarks) == [FIRST]
    assert path.is_file()
    assert "0001-baseline.json" not in (tmp_path / "there").read_text()
    assert not list(tmp_path.glob("*.part"))
    assert arguments.startswith("-m pytest benchmarks -p pytest_benchmark.plugin")
    assert f"--sample={SETTINGS.dump()} -k step" in arguments
    assert "PYTHONHASHSEED=7" in environment
    assert not [line for line in environment if line.startswith("PYTEST_ADDOPTS")]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo no module named paddle; exit 4", "env: .* status 4:\nno module named paddle"),
        ("exit 0", "cannot be read as a saved run"),
    ],
)
def test_a_process_that_fails_is_an_error(script: str, words: str, tmp_path: Path) -> None:
    """With the end of its output, and without a file."""
    python = program(tmp_path / "python", script)
    with pytest.raises(SideError, match=words):
        run_process(Interpreter("env", python), SELECTION, SETTINGS, tmp_path / "1.json")

    assert not (tmp_path / "1.json").exists()


def test_a_program_that_cannot_be_started(tmp_path: Path) -> None:
    """An error of the operating system keeps its own kind, which the command reports."""
    (tmp_path / "python").write_text("not a program")
    with pytest.raises((OSError, subprocess.SubprocessError)):
        run_process(Interpreter("e", tmp_path / "python"), SELECTION, SETTINGS, tmp_path / "1.json")
