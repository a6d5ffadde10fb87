"""One process of a comparison: its command line, its environment and its file."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.compare.process import Job, Selection, time_processes
from benchmarks.compare.sides import CrashError
from benchmarks.interpreters import Interpreter, SideError
from benchmarks.plugins.sampling import Settings
from benchmarks.saved.saved_run import SavedRun
from tests.helpers.fake_processes import FIRST, write_run
from tests.helpers.programs import program

SETTINGS = Settings(seed=7, seconds=0.1)


@pytest.fixture
def run_script(tmp_path: Path) -> Callable[[str], SavedRun]:
    """Return a function that runs a shell script as the interpreter of one process."""

    def run(script: str) -> SavedRun:
        side = Interpreter("env", program(tmp_path / "python", script), Path("/a b"), "1a2b3c4")
        [saved] = time_processes(
            Selection(("benchmarks",), "step", "cpu"), [Job(side, SETTINGS, tmp_path / "1.json")]
        )
        return saved

    return run


def test_process_gets_its_settings_and_leaves_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_script: Callable[[str], SavedRun]
) -> None:
    """The hash seed is the pair's, and the user's own options for pytest are left out.

    The file gets its name only after the process has ended.
    """
    monkeypatch.setenv("PYTEST_ADDOPTS", "-x")
    write_run(tmp_path / "made.json", {FIRST: 1e-3})
    found = run_script(
        f'cd "{tmp_path}"; echo "$@" > arguments; env > environment; ls > existing\n'
        'for word in "$@"; do case $word in --benchmark-json=*) '
        'cp made.json "${word#*=}";; esac; done'
    )
    arguments = (tmp_path / "arguments").read_text()
    environment = (tmp_path / "environment").read_text().splitlines()

    assert list(found.benchmarks) == [FIRST]
    assert arguments.startswith("-m pytest benchmarks -p pytest_benchmark.plugin")
    assert " --benchmark-disable-gc " in arguments
    assert "--override-ini=pythonpath='/a b' . " in arguments
    settings = replace(SETTINGS, source="/a b", rnn_core="1a2b3c4")
    assert f"--sample={settings.dump()} -k step" in arguments
    assert "PYTHONHASHSEED=7" in environment
    assert not [line for line in environment if line.startswith("PYTEST_ADDOPTS")]
    assert "1.json" not in (tmp_path / "existing").read_text()
    assert (tmp_path / "1.json").is_file()
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    ("script", "error", "message"),
    [
        (
            'echo no module named paddle; for word in "$@"; do case $word in --benchmark-json=*) '
            'echo "{" > "${word#*=}";; esac; done; exit 4',
            CrashError,
            "env: .* exited with status 4:\nno module named paddle",
        ),
        (
            "echo passed; printf test_a.py::test_b; seq 60 >&2; kill -ILL $$",
            CrashError,
            "env: .* was ended by SIGILL:\ntest_a.py::test_b\n1\n2\n",
        ),
        ("exit 0", SideError, "cannot be read as a saved run"),
    ],
)
def test_failed_process_is_an_error(
    script: str,
    error: type[SideError],
    message: str,
    tmp_path: Path,
    run_script: Callable[[str], SavedRun],
) -> None:
    """The error has the end of the output, or the benchmark that crashed; no file is left."""
    with pytest.raises(error, match=message):
        run_script(script)

    assert not list(tmp_path.glob("1.*"))
