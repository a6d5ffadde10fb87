"""Interpreters by path, by name on PATH, and by tox environment."""

import os
import platform
import sys
from pathlib import Path

import pytest

from benchmarks import interpreters, runner
from benchmarks.behaviour.sides import make_side
from benchmarks.compare.sides import find_side
from benchmarks.environments.paddle import Base, Paddle
from benchmarks.interpreters import HERE, Interpreter, Origin, SideError, find_interpreter
from tests.helpers.programs import program


@pytest.fixture
def tox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty folder of tox environments."""
    folder = tmp_path / ".tox"
    monkeypatch.setattr(interpreters, "TOX", folder)
    return folder


def test_interpreter_is_named_after_its_environment(tmp_path: Path) -> None:
    """A link is not followed, because it leads out of the virtual environment."""
    (tmp_path / "env" / "bin").mkdir(parents=True)
    link = tmp_path / "env" / "bin" / "python"
    link.symlink_to(sys.executable)

    assert find_interpreter(str(link)) == Interpreter("env", link)


def test_interpreter_is_found_by_its_name_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bare name is looked up on PATH, a relative path is not."""
    link = tmp_path / "bin" / "python-of-mine"
    link.parent.mkdir()
    link.symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(link.parent))
    monkeypatch.chdir(tmp_path)

    assert find_interpreter("python-of-mine") == Interpreter("python-of-mine", link)
    with pytest.raises(SideError, match=r"^./python-of-mine is not an executable file"):
        find_interpreter("./python-of-mine")


@pytest.mark.parametrize("existing", ["bench-paddle30", "py311-paddle30-cpu"])
def test_short_name_finds_an_existing_tox_environment(existing: str, tox: Path) -> None:
    """`paddle30` is an environment with that Paddle, whatever its Python."""
    python = program(tox / existing / "bin" / "python", "")
    program(tox / "py311-paddle31-cpu" / "bin" / "python", "")

    assert find_interpreter("paddle30") == Interpreter("paddle30", python)
    assert find_interpreter(existing) == Interpreter(existing, python)


@pytest.fixture
def fake_tox(tox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a tox that knows `bench-paddle30` on PATH; return the file of its calls."""
    made = tox / "bench-paddle30" / "bin"
    script = (
        f"echo $* >> '{tmp_path}/calls'\n"
        "if [ $1 = list ]; then echo bench-paddle30 tests; exit; fi\n"
        f"mkdir -p '{made}'; touch '{made}/python'; echo creating"
    )
    program(tmp_path / "programs" / "tox", script)
    monkeypatch.setenv("PATH", f"{tmp_path / 'programs'}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "calls"


def test_missing_tox_environment_is_created(
    tox: Path, fake_tox: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """tox creates an environment that it knows, and shows its progress."""
    python = tox / "bench-paddle30" / "bin" / "python"

    assert find_interpreter("paddle30") == Interpreter("paddle30", python)
    assert fake_tox.read_text().splitlines()[-1] == "run -e bench-paddle30 --notest"
    assert capfd.readouterr().out == "creating\n"


def test_unknown_tox_environment_is_not_created(fake_tox: Path) -> None:
    """tox would create an environment of any name, without Paddle."""
    with pytest.raises(SideError, match="nonsense is not an interpreter or tox environment: "):
        find_interpreter("nonsense")

    assert fake_tox.read_text().splitlines() == ["list --no-desc -q"]


def test_failure_of_tox_is_an_error(tox: Path, tmp_path: Path, fake_tox: Path) -> None:
    """An environment without an interpreter is not used."""
    del tox, fake_tox
    program(tmp_path / "programs" / "tox", "[ $1 = list ] && echo bench-paddle30")
    with pytest.raises(SideError, match="tox could not create bench-paddle30"):
        find_interpreter("paddle30")


def test_tox_of_this_python_is_used_if_none_is_on_path(
    tox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`python -m tox` works in an environment that is not activated."""
    del tox
    program(tmp_path / "python", f"echo $* >> '{tmp_path}/calls'; echo bench-paddle30")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(runner, "find_spec", lambda _: object())
    with pytest.raises(SideError, match="tox could not create bench-paddle30"):
        find_interpreter("paddle30")

    assert (tmp_path / "calls").read_text().splitlines() == [
        "-m tox list --no-desc -q",
        "-m tox run -e bench-paddle30 --notest",
    ]


def test_missing_tox_is_named(tox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without tox, only existing environments can be found."""
    del tox
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(runner, "find_spec", lambda _: None)
    with pytest.raises(SideError, match="paddle31 is not an environment, and tox is not installed"):
        find_interpreter("paddle31")


def made_from(paddle: Paddle, base: Base) -> Path:
    """Stand in for an environment: a path that says what it would be made from."""
    return Path(base.python.name, paddle.requirement, paddle.index_url or "")


@pytest.mark.parametrize("text", ["3.3.0", "git:HEAD@3.3.0"])
def test_version_is_a_side_of_every_comparison(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the Python and index that were asked for, and a folder may have its name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "3.3.0").mkdir()
    program(tmp_path / "bin" / "python3.12", f'exec "{sys.executable}" "$@"')
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setattr(interpreters, "environment_of", made_from)
    monkeypatch.setattr(interpreters, "source_of", lambda _: (tmp_path, "1a2b3c4"))
    for origin, parts in (
        (HERE, [Path(sys.executable).name, "paddlepaddle==3.3.0"]),
        (Origin("3.12", "n"), ["python3.12", "paddlepaddle==3.3.0", "n"]),
    ):
        side = find_side(text, origin)

        assert isinstance(side, Interpreter)
        assert side.python == Path(*parts)
        assert make_side("baseline", text, tmp_path, None, origin).python == side.python


def test_python_that_is_not_on_path_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to give instead."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SideError, match="python3.12 is not on PATH: give the path of an interp"):
        find_interpreter("3.3.0", Origin("3.12"))


def test_origin_knows_its_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """The version decides which wheels fit; the prefix tells two installations apart."""
    monkeypatch.setattr(interpreters, "list_versions", lambda base, index_url: [base, index_url])
    base = Origin(sys.executable).base

    assert base == HERE.base
    assert Origin(index_url="n").versions() == [base, "n"]
    assert base[1:] == (platform.python_version(), sys.base_prefix)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no/such/python", "no/such/python is not an executable file: allowed are"),
        ("{folder}/file.txt", "file.txt is not an executable file"),
        ("/bin/ls", "/bin/ls is not a Python interpreter"),
        ("{folder}/script", "script is not a Python interpreter"),
        ("{folder}/text", "text cannot be started"),
        ("{folder}/old", "old is older than Python 3.10"),
    ],
)
def test_wrong_program_is_refused(text: str, message: str, tmp_path: Path) -> None:
    """The error names the program and what is wrong with it."""
    (tmp_path / "file.txt").touch()
    program(tmp_path / "script", "echo hello")
    program(tmp_path / "old", "echo False")
    (tmp_path / "text").write_bytes(b"\0")
    (tmp_path / "text").chmod(0o755)

    with pytest.raises(SideError, match=message):
        find_interpreter(text.format(folder=tmp_path))
