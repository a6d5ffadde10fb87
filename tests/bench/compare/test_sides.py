"""The sides of a comparison: how interpreters, tox environments and saved runs are found."""

import os
import sys
from pathlib import Path

import pytest

from benchmarks.compare import sides
from benchmarks.compare.sides import Interpreter, Saved, SideError, find_interpreter, find_side
from tests.helpers.fake_processes import FIRST, write_run
from tests.helpers.programs import program


@pytest.fixture
def tox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty folder of tox environments."""
    folder = tmp_path / ".tox"
    monkeypatch.setattr(sides, "TOX", folder)
    return folder


def test_interpreter_is_named_after_its_environment(tmp_path: Path) -> None:
    """A link is not followed, because it leads out of the virtual environment."""
    (tmp_path / "env" / "bin").mkdir(parents=True)
    link = tmp_path / "env" / "bin" / "python"
    link.symlink_to(sys.executable)

    assert find_side(str(link)) == Interpreter("env", link)


def test_interpreter_is_found_by_its_name_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bare name is looked up on PATH, a relative path is not."""
    link = tmp_path / "python-of-mine"
    link.symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path / "..")

    assert find_interpreter("python-of-mine") == Interpreter("python-of-mine", link)
    with pytest.raises(SideError, match=r"^./python-of-mine is not an executable file"):
        find_interpreter("./python-of-mine")


@pytest.mark.parametrize("existing", ["bench-paddle30", "py311-paddle30-cpu"])
def test_short_name_finds_an_existing_tox_environment(existing: str, tox: Path) -> None:
    """`paddle30` is an environment with that Paddle, whatever its Python."""
    python = program(tox / existing / "bin" / "python", "")
    program(tox / "py311-paddle31-cpu" / "bin" / "python", "")

    assert find_side("paddle30") == Interpreter("paddle30", python)
    assert find_side(existing) == Interpreter(existing, python)


@pytest.fixture
def fake_tox(tox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a tox that knows `bench-paddle30` on PATH; return the file of its calls."""
    made = tox / "bench-paddle30" / "bin"
    script = (
        f"echo $* >> {tmp_path}/calls\n"
        "if [ $1 = list ]; then echo bench-paddle30 tests; exit; fi\n"
        f"mkdir -p {made}; touch {made}/python"
    )
    program(tmp_path / "programs" / "tox", script)
    monkeypatch.setenv("PATH", f"{tmp_path / 'programs'}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "calls"


def test_missing_tox_environment_is_created(tox: Path, fake_tox: Path) -> None:
    """tox creates an environment that it knows."""
    python = tox / "bench-paddle30" / "bin" / "python"

    assert find_side("paddle30") == Interpreter("paddle30", python)
    assert fake_tox.read_text().splitlines()[-1] == "run -e bench-paddle30 --notest"


def test_unknown_tox_environment_is_not_created(fake_tox: Path) -> None:
    """tox would create an environment of any name, without Paddle."""
    with pytest.raises(SideError, match="nonsense is not an interpreter or tox environment: "):
        find_side("nonsense")

    assert fake_tox.read_text().splitlines() == ["list --no-desc -q"]


def test_failure_of_tox_is_an_error(tox: Path, tmp_path: Path, fake_tox: Path) -> None:
    """An environment without an interpreter is not used."""
    del tox, fake_tox
    program(tmp_path / "programs" / "tox", "[ $1 = list ] && echo bench-paddle30")
    with pytest.raises(SideError, match="tox could not create bench-paddle30"):
        find_side("paddle30")


def test_missing_tox_is_named(tox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without tox, only existing environments can be found."""
    del tox
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SideError, match="paddle31 is not an environment, and tox is not installed"):
        find_side("paddle31")


def test_saved_run_is_one_process(tmp_path: Path) -> None:
    """A file that `pytest benchmarks` saved is a side with one run."""
    write_run(tmp_path / "0001_3.3.1.json", {FIRST: 1e-3})
    side = find_side(str(tmp_path / "0001_3.3.1.json"))

    assert isinstance(side, Saved)
    assert (side.name, len(side.runs), side.comparison) == ("0001_3.3.1", 1, None)


def test_side_of_a_saved_comparison_has_its_complete_pairs(tmp_path: Path) -> None:
    """Its runs are in the order of the pairs; half a pair is left out."""
    folder = tmp_path / "a..b"
    (folder / "pairs").mkdir(parents=True)
    for name in ("0001-baseline", "0001-candidate", "0002-baseline", "0002-candidate"):
        write_run(folder / "pairs" / f"{name}.json", {FIRST: 1e-3})
    write_run(folder / "pairs" / "0003-baseline.json", {FIRST: 1e-3})
    side = find_side(f"{folder}:baseline")

    assert isinstance(side, Saved)
    assert (side.name, side.comparison) == ("a..b:baseline", folder)
    assert [Path(run.name).stem for run in side.runs] == ["0001-baseline", "0002-baseline"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no/such/python", "no/such/python is not an executable file: allowed are"),
        ("{folder}/file.txt", "file.txt is not an executable file"),
        ("/bin/ls", "/bin/ls is not a Python interpreter"),
        ("{folder}/script", "script is not a Python interpreter"),
        ("{folder}/text", "text cannot be started"),
        ("{folder}/old", "old is older than Python 3.10"),
        ("{folder}", "is a folder: add :baseline or :candidate"),
        ("{folder}:baseline", "has no complete pair"),
        ("{folder}/none.json", "none.json cannot be read as a saved run"),
        ("{folder}/half.json", "half.json cannot be read as a saved run"),
        ("{folder}/zero.json", r"the time of .* must be a positive number of seconds, got 0\.0"),
    ],
)
def test_wrong_side_is_refused(text: str, message: str, tmp_path: Path) -> None:
    """The error names the side and what is wrong with it."""
    (tmp_path / "file.txt").touch()
    program(tmp_path / "script", "echo hello")
    program(tmp_path / "old", "echo False")
    (tmp_path / "text").write_bytes(b"\0")
    (tmp_path / "text").chmod(0o755)
    (tmp_path / "half.json").write_text('{"benchmarks": [')
    write_run(tmp_path / "zero.json", {FIRST: 0.0})
    with pytest.raises(SideError, match=message):
        find_side(text.format(folder=tmp_path))
