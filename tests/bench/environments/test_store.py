"""Environments with one Paddle: how they are made, kept and removed, mostly with a fake pip."""

import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.environments import store
from benchmarks.environments.paddle import Base, Paddle
from benchmarks.environments.store import (
    COMPLETE,
    MEASURED,
    environment_of,
    kept_environments,
)
from benchmarks.interpreters import Origin, SideError, find_interpreter
from benchmarks.runner import Program, Result, find_tool, run
from rnn_core.runtime.versions import numpy_for
from tests import ROOT
from tests.helpers.fake_wheels import OTHERS, write_wheel

BASE = Base(Path("/opt/python"), "3.11.7", "/opt")
PADDLE = Paddle("paddlepaddle", "3.3.0")


class Installer:
    """Stands in for pip and uv.

    Attributes:
        commands: command lines, with `ENV` for the folder of the environment.
        fail: exception to raise, or the result of a program, by a word of its command line.
        asked: what versions were asked for, with the Python and the index.
    """

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.fail: dict[str, BaseException | Result] = {}
        self.asked: list[tuple[Any, ...]] = []

    def list_versions(self, *asked: Any) -> list[str]:
        """Answer for each index with the same versions."""
        self.asked.append(asked)
        return ["3.3.0", "3.3.1"]

    def run_together(
        self,
        programs: Sequence[Program],
        ended: Callable[[int, Result], object],
        at_once: int,
        waiting: Callable[[], object],
    ) -> None:
        """Keep the command line of a program, and end as `fail` says."""
        [program] = programs
        assert at_once == 1
        waiting()
        words = [str(word) for word in program.command]
        if "venv" in words:
            python = Path(words[-1]) / "bin" / "python"
            python.parent.mkdir(parents=True)
            python.touch()
        self.commands.append(" ".join(words))
        failing = [each for word, each in self.fail.items() if word in self.commands[-1]]
        if failing and isinstance(failing[0], BaseException):
            raise failing[0]
        ended(0, failing[0] if failing else Result(0, "", ""))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use an empty store."""
    monkeypatch.setattr(store, "STORE", tmp_path / "store")
    return tmp_path / "store"


@pytest.fixture
def installer(monkeypatch: pytest.MonkeyPatch) -> Installer:
    """Install nothing, without uv, from an index that has 3.3.0 and 3.3.1."""
    made = Installer()
    monkeypatch.setattr(store, "run_together", made.run_together)
    monkeypatch.setattr(store, "find_tool", lambda _: [])
    monkeypatch.setattr(store, "list_versions", made.list_versions)
    return made


@pytest.mark.parametrize("terminal", [True, False])
def test_environment_is_made_once(
    terminal: bool,
    installer: Installer,
    kept: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The second time, nothing runs, so that no network is needed. A terminal shows the time."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    python = environment_of(PADDLE, BASE)
    first = list(installer.commands)
    [made] = kept_environments()

    assert python.parents[2] == kept / made.name
    assert re.fullmatch(r"paddlepaddle-3\.3\.0-python3\.11\.7-[0-9a-f]{8}", made.name)
    assert made.content == "paddlepaddle==3.3.0"
    what = "installing paddlepaddle==3.3.0 for Python 3.11.7"
    note, shown = capsys.readouterr().err.split("\n")
    assert note == f"note: {what} in {kept / made.name}"
    assert (f"\r{what}: 0" in shown) == terminal == bool(shown)
    assert environment_of(PADDLE, BASE) == python
    assert installer.commands == first
    pip = f"{python} -m pip install --disable-pip-version-check --no-input"
    assert first == [
        f"/opt/python -m venv {python.parents[1]}",
        f"{pip} --no-deps paddlepaddle==3.3.0",
        f"{pip} paddlepaddle==3.3.0 numpy {' '.join(MEASURED)}",
        f"{python} -c {store.IMPORT}",
    ]


def test_uv_is_used_if_it_is_installed(
    installer: Installer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only Paddle comes from another index."""
    monkeypatch.setattr(store, "find_tool", lambda name: [f"/bin/{name}"])
    python = environment_of(replace(PADDLE, version="3.3.1", index_url="https://n/"), BASE)

    install = f"/bin/uv pip install --python {python}"
    assert installer.commands[:2] == [
        f"/bin/uv venv --python /opt/python {python.parents[1]}",
        f"{install} --index-url https://n/ --no-deps paddlepaddle==3.3.1",
    ]
    assert installer.commands[2].startswith(f"{install} paddlepaddle==3.3.1 numpy ")


def test_version_that_the_index_lacks_comes_from_the_default_one(installer: Installer) -> None:
    """A release can be compared with a nightly build; both share the environment of the release."""
    paddle = replace(PADDLE, version="3.2.0")
    python = environment_of(replace(paddle, index_url="https://n/"), BASE)

    assert installer.asked == [(BASE, "paddlepaddle", "https://n/")]
    assert "--index-url" not in " ".join(installer.commands)
    assert environment_of(paddle, BASE) == python


@pytest.mark.parametrize("version", ["2.6.2", "3.0.0"])
def test_numpy_suits_the_paddle(version: str, installer: Installer) -> None:
    """Paddle 2 was built for NumPy 1."""
    environment_of(replace(PADDLE, version=version), BASE)

    assert ("numpy<2" in installer.commands[2].split()) == (version == "2.6.2")
    assert numpy_for(version) in installer.commands[2].split()


def test_environments_that_may_differ_are_kept_apart(installer: Installer) -> None:
    """Those of another version, distribution, wheel, index or Python."""
    cases = [
        (PADDLE, BASE),
        (replace(PADDLE, version="3.3.1"), BASE),
        (replace(PADDLE, distribution="paddlepaddle-gpu"), BASE),
        (replace(PADDLE, wheel="/a.whl", digest="a"), BASE),
        (replace(PADDLE, wheel="/b/a.whl", digest="b"), BASE),
        (replace(PADDLE, index_url="https://n/"), BASE),
        (PADDLE, BASE._replace(version="3.12.1")),
        (PADDLE, BASE._replace(prefix="/usr")),
    ]

    assert len({environment_of(*case) for case in cases}) == len(cases)
    assert len(installer.commands) == 4 * len(cases)


FULL = Result(1, "", "ERROR: Could not install: [Errno 28] No space left on device")


@pytest.mark.parametrize(
    ("word", "failure", "message"),
    [
        ("venv", Result(1, "", "Error: no ensurepip"), "3.11.7 cannot be installed: Error: no ens"),
        ("--no-deps", FULL, r"3.3.0 for Python 3.11.7 cannot be installed: .* No space left"),
        ("numpy", FULL, "3.11.7 cannot be installed: Could not install: .*No space left on device"),
        ("import", Result(1, "", "ImportError: libc"), "3.11.7 cannot be .*: ImportError: libc"),
        ("numpy", KeyboardInterrupt("Ctrl-C"), "Ctrl-C"),
        ("venv", OSError(28, "No space left on device"), "No space left on device"),
    ],
)
def test_failure_leaves_nothing(
    word: str, failure: Any, message: str, installer: Installer, kept: Path
) -> None:
    """Whatever fails, the next command starts from the beginning."""
    installer.fail = {word: failure}
    kind = SideError if isinstance(failure, Result) else type(failure)
    with pytest.raises(kind, match=message):
        environment_of(PADDLE, BASE)

    assert list(kept.iterdir()) == []
    installer.fail = {}
    assert environment_of(PADDLE, BASE).exists()


def test_missing_version_is_refused_with_those_that_exist(installer: Installer) -> None:
    """Not a wheel, whose version need not be on any index."""
    installer.fail = {"--no-deps": Result(1, "", "ERROR: No matching distribution")}
    message = "has no version 9.9.9 for Python 3.11.7: there are 3.3.0, 3.3.1$"
    with pytest.raises(SideError, match=message):
        environment_of(replace(PADDLE, version="9.9.9"), BASE)
    assert installer.asked == [(BASE, "paddlepaddle", None)]
    with pytest.raises(SideError, match="3.3.1 for Python .* installed: No matching distribution"):
        environment_of(replace(PADDLE, version="3.3.1", index_url="https://n/"), BASE)
    assert installer.asked[1:] == 2 * [(BASE, "paddlepaddle", "https://n/")]
    with pytest.raises(SideError, match="a.whl for Python .* installed: No matching distribution"):
        environment_of(Paddle("paddlepaddle", "9.9.9", "/a.whl", "0"), BASE)


def test_what_a_killed_command_left_is_replaced(installer: Installer) -> None:
    """It has no file that tells that it is complete."""
    python = environment_of(PADDLE, BASE)
    (python.parents[2] / COMPLETE).unlink()
    (python.parent / "left").touch()
    [half] = kept_environments()

    assert half.content is None
    assert environment_of(PADDLE, BASE) == python
    assert not (python.parent / "left").exists()
    assert len(installer.commands) == 8


def test_environment_whose_python_is_gone_is_made_again(installer: Installer) -> None:
    """Its interpreter is a link to one that an upgrade may remove."""
    environment_of(PADDLE, BASE).unlink()

    assert environment_of(PADDLE, BASE).exists()
    assert len(installer.commands) == 8


def test_environment_that_another_command_makes_is_waited_for(
    installer: Installer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is then used as it is."""
    python = environment_of(PADDLE, BASE)
    complete = python.parents[2] / COMPLETE
    complete.unlink()

    @contextmanager
    def waited(folder: Path, timeout: float) -> Iterator[None]:
        assert (folder, timeout > 600) == (complete.parent, True)
        complete.touch()  # By the other command, which then releases the lock.
        yield

    monkeypatch.setattr(store, "lock_folder", waited)
    assert environment_of(PADDLE, BASE) == python
    assert len(installer.commands) == 4


def test_measured_processes_get_what_the_project_requires() -> None:
    """The requirements are those of pyproject.toml."""
    project = (ROOT / "pyproject.toml").read_text()

    assert [each for each in MEASURED if f'"{each}"' not in project] == []


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
