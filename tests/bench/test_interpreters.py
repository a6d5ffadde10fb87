"""Interpreters by path, by name on PATH, and by tox environment."""

import os
import platform
import sys
from pathlib import Path

import pytest

from benchmarks import interpreters
from benchmarks.behaviour.sides import make_side
from benchmarks.compare.sides import find_side
from benchmarks.environments.paddle import Base, Paddle
from benchmarks.interpreters import HERE, Interpreter, Origin, find_interpreter
from tests.helpers.programs import program


def test_interpreter_is_named_after_its_environment(tmp_path: Path) -> None:
    """A link is not followed, because it leads out of the virtual environment."""
    (tmp_path / "env" / "bin").mkdir(parents=True)
    link = tmp_path / "env" / "bin" / "python"
    link.symlink_to(sys.executable)

    assert find_interpreter(str(link)) == Interpreter("env", link)
    elsewhere = tmp_path / "env" / "python3"
    elsewhere.symlink_to(sys.executable)
    assert find_interpreter(str(elsewhere)) == Interpreter("python3", elsewhere)


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


def test_origin_knows_its_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """The version decides which wheels fit; the prefix tells two installations apart."""
    monkeypatch.setattr(interpreters, "list_versions", lambda base, index_url: [base, index_url])
    base = Origin(sys.executable).base

    assert base == HERE.base
    assert Origin(index_url="n").versions() == [base, "n"]
    assert base[1:] == (platform.python_version(), sys.base_prefix)
