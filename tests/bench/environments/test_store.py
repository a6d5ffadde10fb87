"""Environments with one Paddle: how they are made, kept and removed, mostly with a fake pip."""

import os
import shutil
import sys
from functools import partial
from pathlib import Path

import pytest

from benchmarks.environments import store
from benchmarks.environments.paddle import Base, find_paddle
from benchmarks.environments.store import (
    MEASURED,
    kept_environments,
)
from benchmarks.interpreters import Origin, SideError, find_interpreter
from benchmarks.runner import find_tool, run
from tests import ROOT
from tests.helpers.fake_wheels import OTHERS, write_wheel
from tests.helpers.memory import object_bytes


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use an empty store."""
    monkeypatch.setattr(store, "STORE", tmp_path / "store")
    return tmp_path / "store"


def test_measured_processes_get_what_the_project_requires() -> None:
    """The requirements are those of pyproject.toml."""
    project = (ROOT / "pyproject.toml").read_text()

    assert [each for each in MEASURED if f'"{each}"' not in project] == []


def test_a_wheel_is_read_in_parts(tmp_path: Path) -> None:
    """One for GPUs may have more than a GB."""
    wheel = tmp_path / "paddlepaddle-3.3.0-py3-none-any.whl"
    wheel.touch()
    os.truncate(wheel, 2**24)
    read = partial(find_paddle, str(wheel), Base(Path(), "3.11.7", "/opt"))

    assert object_bytes(read)[1] < 2**22
    assert read().wheel == str(wheel)


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_real_environments(
    tool: str, tmp_path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small wheels in a folder are installed and used again; wrong ones are refused in words."""
    uv = find_tool("uv")
    if tool == "uv" and not uv:
        pytest.skip("uv is not installed")
    if tool == "pip":
        monkeypatch.setattr(store, "find_tool", lambda _: [])
    index = tmp_path / "index"
    for release in (*OTHERS, "paddlepaddle-3.0.0rc1", "paddlepaddle-3.3.0"):
        write_wheel(index, release)
    for name in ("PIP", "UV"):
        monkeypatch.setenv(f"{name}_NO_INDEX", "1")
        monkeypatch.setenv(f"{name}_FIND_LINKS", str(index))
    for name in ("PIP_CONSTRAINT", "PIP_CONFIG_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    corrupt = tmp_path / "paddlepaddle-3.4.0-py3-none-any.whl"
    corrupt.write_bytes(b"PK\3\4")
    broken = write_wheel(tmp_path, "paddlepaddle-3.5.0", code="raise ImportError('libc is old')")
    foreign = write_wheel(tmp_path, "paddlepaddle-3.5.0", "cp38-cp38-win_amd64")
    wrong = {
        "9.9.9": "has no version 9.9.9 for .*: there are 3.0.0rc1, 3.3.0$",
        "paddlepaddle-gpu==3.3.0": "no paddlepaddle-gpu for Python .* was found: ",
        str(corrupt): "cannot be installed: .*(zip|invalid package format)",
        str(foreign): "cannot be installed: .*(not a supported wheel|no wheels with a matching)",
        str(broken): "cannot be installed: ImportError: libc is old",
    }

    assert Origin().versions() == ["3.0.0rc1", "3.3.0"]
    made = [find_interpreter(text) for text in ("newest", "3.0.0rc1")]
    # With pip alone, an environment takes seconds.
    for text, message in [*wrong.items()][:: 3 if tool == "pip" else 1]:
        with pytest.raises(SideError, match=message):
            find_interpreter(text)
    shutil.rmtree(index)

    assert [each.name for each in made] == ["3.3.0", "3.0.0rc1"]
    assert find_interpreter("3.3.0") == made[0]
    assert len(kept_environments()) == len(list(kept.iterdir())) == 2
    answer = run([made[1].python, "-c", "import pytest, sys; print(sys.version_info[:2])"])
    assert answer.output.strip() == str(sys.version_info[:2])
