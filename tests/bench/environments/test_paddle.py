"""The names of versions and wheels of Paddle, and the versions that exist."""

import sys
from importlib import metadata
from pathlib import Path

import pytest

from benchmarks.environments import paddle
from benchmarks.environments.paddle import (
    FINAL,
    Base,
    Paddle,
    find_paddle,
    list_versions,
    names_paddle,
    reason_of,
)
from benchmarks.interpreters import SideError
from benchmarks.runner import Result
from tests.helpers.fake_wheels import write_wheel

BASE = Base(Path("/opt/python"), "3.11.7", "/opt")
LISTED = "paddlepaddle (3.3.1)\nAvailable versions: 3.4.0rc1, 3.3.1, 3.2.0, 3.0.0.post1, 3.0.0b2\n"
FILE = "paddlepaddle_gpu-3.4.0.dev1+g1-cp311-cp311-linux_x86_64.whl"
URL = f"https://a.b/c%2Bd/{FILE.replace('+', '%2B')}#sha256=0"


class Pip:
    """Stands in for pip: answers with a result, and keeps the command lines."""

    def __init__(self, result: Result) -> None:
        self.result = result
        self.commands: list[str] = []

    def run(self, command: list[str]) -> Result:
        """Keep the command line."""
        self.commands.append(" ".join(map(str, command)))
        return self.result


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> Pip:
    """Let pip list some versions, in a Python that has pip."""
    made = Pip(Result(0, LISTED, ""))
    monkeypatch.setattr(metadata, "distributions", lambda name: ["it"] if name == "pip" else [])
    monkeypatch.setattr(paddle, "run", made.run)
    return made


@pytest.mark.parametrize(
    ("text", "distribution", "version", "name"),
    [
        ("3.3.0", "paddlepaddle", "3.3.0", "3.3.0"),
        ("3.0.0rc1", "paddlepaddle", "3.0.0rc1", "3.0.0rc1"),
        ("paddlepaddle==3.3.0", "paddlepaddle", "3.3.0", "3.3.0"),
        ("paddlepaddle-gpu==2.6.2", "paddlepaddle-gpu", "2.6.2", "paddlepaddle-gpu==2.6.2"),
        ("newest", "paddlepaddle", "3.3.1", "3.3.1"),
        ("paddlepaddle-gpu==newest", "paddlepaddle-gpu", "3.3.1", "paddlepaddle-gpu==3.3.1"),
        (URL, "paddlepaddle-gpu", "3.4.0.dev1+g1", f"{FILE} (c04e0829)"),
    ],
)
def test_text_names_a_paddle(
    text: str, distribution: str, version: str, name: str, pip: Pip
) -> None:
    """The newest version is final, and only it is asked for. The file of a URL may be quoted."""
    found = find_paddle(text, BASE)

    assert names_paddle(text)
    assert (found.distribution, found.version, found.name) == (distribution, version, name)
    assert found.wheel == (URL if text == URL else "")
    asked = [f" index versions {distribution} " in command for command in pip.commands]
    assert asked == [True] * text.endswith("newest")


@pytest.mark.parametrize(
    "text", ["paddle30", "python3.11", "3.3", "./3.3.0", "3.3.0:baseline", "numpy==2.4.0", "a.json"]
)
def test_other_names_are_left_to_others(text: str) -> None:
    """A path, an environment of tox and a saved comparison are not versions."""
    assert not names_paddle(text)


def test_newest_of_an_index_without_releases_is_a_build(pip: Pip) -> None:
    """The index of nightly builds has nothing else."""
    pip.result = Result(0, "Available versions: 3.10.0.dev2, 3.9.0.dev1", "")

    assert find_paddle("newest", BASE, "https://n/").version == "3.10.0.dev2"
    assert "--index-url https://n/" in pip.commands[0]


def test_wheel_is_known_by_its_content(tmp_path: Path) -> None:
    """Two builds with one name differ; a wheel that was moved or touched does not."""
    path = write_wheel(tmp_path, "paddlepaddle-3.2.2")
    moved = path.rename(write_wheel(tmp_path / "b", "paddlepaddle-3.2.2"))
    first, again = (find_paddle(str(moved), BASE) for _ in range(2))
    other = find_paddle(str(write_wheel(tmp_path, "paddlepaddle-3.2.2", code="# b")), BASE)

    assert first == again == Paddle("paddlepaddle", "3.2.2", str(moved), first.digest)
    assert len(first.digest) == 8
    assert first.digest != other.digest
    assert first.name == f"{path.name} ({first.digest})"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{folder}/paddlepaddle-3.2.2-cp311-cp311-linux_x86_64.whl", "whl is not a file"),
        ("{folder}/numpy-2.4.0-py3-none-any.whl", "is not a wheel of Paddle: paddlepaddle-VERSION"),
        ("https://a.b/c.whl", "https://a.b/c.whl is not a wheel of Paddle"),
    ],
)
def test_wrong_wheel_is_refused(text: str, message: str, tmp_path: Path) -> None:
    """Before anything is installed."""
    with pytest.raises(SideError, match=message):
        find_paddle(text.format(folder=tmp_path), BASE)


def test_versions_are_those_for_the_python_oldest_first(pip: Pip) -> None:
    """Pre-releases are among them."""
    found = list_versions(BASE, "paddlepaddle-gpu")

    assert found == ["3.0.0b2", "3.0.0.post1", "3.2.0", "3.3.1", "3.4.0rc1"]
    assert [each for each in found if FINAL.fullmatch(each)] == ["3.0.0.post1", "3.2.0", "3.3.1"]
    assert pip.commands == [
        f"{sys.executable} -m pip index versions paddlepaddle-gpu --pre --only-binary=:all: "
        "--python-version 3.11.7"
    ]


def test_uv_runs_pip_in_a_python_without_it(pip: Pip, monkeypatch: pytest.MonkeyPatch) -> None:
    """Environments that uv made have no pip."""
    monkeypatch.setattr(metadata, "distributions", lambda **_: ())
    monkeypatch.setattr(paddle, "find_tool", lambda name: [f"/bin/{name}"])
    list_versions(BASE)

    assert pip.commands[0].startswith("/bin/uv tool run pip index versions paddlepaddle")


def test_index_without_versions_is_an_error(pip: Pip) -> None:
    """The error has what pip says of the network, once."""
    warning = "WARNING: Retrying after 'NewConnectionError('<a>: new connection: no name')': /\n"
    pip.result = Result(1, "", 3 * warning + "ERROR: No matching distribution found\n")

    for url, where in ((None, ""), ("https://n/", " on https://n/")):
        with pytest.raises(SideError) as caught:
            list_versions(BASE, index_url=url)
        assert str(caught.value) == (
            f"no paddlepaddle for Python 3.11.7 was found{where}: "
            "no name; No matching distribution found"
        )


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("Processing a\nERROR: Wheel 'a' is invalid.\n", "Wheel 'a' is invalid."),
        ("error: Failed to read\n  cause: no zip\n  cause: no zip\n", "Failed to read; no zip"),
        ("ERROR: [Errno 28] No space left on device", "[Errno 28] No space left on device"),
        ("error: no way\n  cause: only a\n      has b\n\nhint: c", "no way; only a has b"),
        ("Traceback\nImportError: libc.so", "ImportError: libc.so"),
        ("ERROR: " + "x" * 1001, f"{'x' * 666} ... {'x' * 250}"),
        ("", "no output"),
    ],
)
def test_reason_is_what_pip_and_uv_call_an_error(output: str, reason: str) -> None:
    """Or else the last line."""
    assert reason_of(Result(1, "", output)) == reason
