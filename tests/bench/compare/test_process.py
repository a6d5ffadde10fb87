"""One process of a comparison: its command line, its environment and its file."""

from pathlib import Path

import pytest

from benchmarks.compare.process import Selection, run_process
from benchmarks.compare.sides import CrashError, SideError
from benchmarks.interpreters import Interpreter
from benchmarks.plugins.sampling import Settings
from tests.helpers.fake_processes import FIRST, write_run
from tests.helpers.programs import program

SELECTION = Selection(("benchmarks",), "step", "cpu")
SETTINGS = Settings(seed=7, seconds=0.1)


def recording_python(folder: Path) -> Path:
    """Return a program that writes down how it was started, and leaves the file of a run."""
    write_run(folder / "made.json", {FIRST: 1e-3})
    script = (
        f'echo "$@" > {folder}/arguments; env > {folder}/environment; ls {folder} > '
        f"{folder}/existing\n"
        'for word in "$@"; do case $word in --benchmark-json=*) '
        f"cp {folder}/made.json ${{word#*=}};; esac; done"
    )
    return program(folder / "python", script)


def test_file_appears_only_when_the_process_has_ended(tmp_path: Path) -> None:
    """Until then, results have another name."""
    path = tmp_path / "0001-baseline.json"
    run = run_process(Interpreter("env", recording_python(tmp_path)), SELECTION, SETTINGS, path)

    assert list(run.benchmarks) == [FIRST]
    assert path.is_file()
    assert "0001-baseline.json" not in (tmp_path / "existing").read_text()
    assert not list(tmp_path.glob("*.part"))


def test_process_gets_its_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hash seed is the pair's, and the user's own options for pytest are left out."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-x")
    python = recording_python(tmp_path)
    run_process(Interpreter("env", python), SELECTION, SETTINGS, tmp_path / "1.json")
    arguments = (tmp_path / "arguments").read_text()
    environment = (tmp_path / "environment").read_text().splitlines()

    assert arguments.startswith("-m pytest benchmarks -p pytest_benchmark.plugin")
    assert f"--sample={SETTINGS.dump()} -k step" in arguments
    assert "PYTHONHASHSEED=7" in environment
    assert not [line for line in environment if line.startswith("PYTEST_ADDOPTS")]


@pytest.mark.parametrize(
    ("script", "error", "message"),
    [
        (
            "echo no module named paddle; exit 4",
            CrashError,
            "env: .* exited with status 4:\nno module named paddle",
        ),
        ("exit 0", SideError, "cannot be read as a saved run"),
    ],
)
def test_failed_process_is_an_error(
    script: str, error: type[SideError], message: str, tmp_path: Path
) -> None:
    """The error has the end of the output, and no file is left."""
    python = program(tmp_path / "python", script)
    with pytest.raises(error, match=message):
        run_process(Interpreter("env", python), SELECTION, SETTINGS, tmp_path / "1.json")

    assert not (tmp_path / "1.json").exists()


def test_program_that_cannot_be_started_is_an_error(tmp_path: Path) -> None:
    """The operating system's error is passed on."""
    (tmp_path / "python").write_text("not a program")
    with pytest.raises(OSError, match="python"):
        run_process(Interpreter("e", tmp_path / "python"), SELECTION, SETTINGS, tmp_path / "1.json")
