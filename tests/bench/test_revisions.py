"""Sides that are a revision of this repository: a made-up repository with a made-up rnn_core."""

import atexit
import configparser
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from benchmarks import ROOT, revisions
from benchmarks.compare import command
from benchmarks.compare.pairs import Pairs
from benchmarks.compare.sides import find_side
from benchmarks.interpreters import Interpreter, SideError, find_interpreter
from benchmarks.locks import lock_folder
from tests.helpers.fake_processes import FIRST, FakeProcesses

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


class Repository:
    """A git repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.module = folder / "rnn_core" / "__init__.py"

    def git(self, *arguments: str) -> str:
        """Run git, and return its output."""
        who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        command = ["git", *who, *arguments]
        done = subprocess.run(command, cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, content: str) -> str:
        """Commit a version of rnn_core, and return the abbreviated commit."""
        self.module.write_text(content)
        self.git("add", ".")
        self.git("commit", "--quiet", "--message", content)
        return self.git("rev-parse", "--short", "HEAD")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a repository with two commits: the tag `first`, and the branch `main`."""
    made = Repository(tmp_path_factory.mktemp("template"))
    made.module.parent.mkdir()
    made.git("init", "--quiet")
    made.git("symbolic-ref", "HEAD", "refs/heads/main")
    made.commit("one")
    made.git("tag", "first")
    made.commit("two")
    return made.folder


@pytest.fixture
def repository(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Copy the template, and take it for the repository of this project."""
    made = Repository(shutil.copytree(template, tmp_path / "repository"))
    monkeypatch.setattr(revisions, "REPOSITORY", made.folder)
    monkeypatch.setattr(revisions, "COPIES", tmp_path / "copies")
    monkeypatch.chdir(tmp_path)  # Where a wrong path would let the real rnn_core be overwritten.
    return made


def side_of(text: str) -> Interpreter:
    """Return a side that starts processes."""
    side = find_side(text)
    assert isinstance(side, Interpreter)
    return side


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("git:first", "one"),
        ("git:main", "two"),
        ("git:main~1", "one"),
        ("git:HEAD@{1}", "one"),
        ("git:@", "two"),
        ("git:HEAD@{1}@{env}", "one"),
        (".", "three"),
    ],
)
def test_side_has_the_rnn_core_of_its_revision(
    text: str, content: str, tmp_path: Path, repository: Repository
) -> None:
    """Nothing else of the revision is copied, and the side is named after it and its commit."""
    python = tmp_path / "env" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    repository.module.write_text("three")
    (repository.module.parent / "__pycache__").mkdir()
    text = text.replace("{env}", str(python))

    side = side_of(text)
    repository.module.write_text("four")

    commit = repository.git("rev-parse", "--short", "first" if content == "one" else "main")
    assert (side.source / "rnn_core" / "__init__.py").read_text() == content
    assert sorted(path.name for path in side.source.rglob("*")) == [
        ".lock",
        "__init__.py",
        "rnn_core",
    ]
    assert side.python == (python if "/" in text else Path(sys.executable))
    if text == ".":
        assert side.rnn_core == "working tree"
        assert re.fullmatch(rf"working tree \({commit} with changes \w{{8}}\)", side.name)
    else:
        assert (side.rnn_core, side.name) == (commit, f"{text} ({commit})")


def test_name_of_a_side_changes_with_its_rnn_core(repository: Repository) -> None:
    """A comparison cannot be resumed with another rnn_core, because its plan has the names."""
    repository.git("config", "status.showUntrackedFiles", "no")  # A user's setting.

    def names() -> tuple[str, str]:
        return side_of("git:main").name, side_of(".").name

    seen = [names()]
    assert seen[0][1] == f"working tree ({repository.git('rev-parse', '--short', 'HEAD')})"
    (repository.folder / "README.md").touch()  # Not in rnn_core.
    assert names() == seen[0]

    (repository.module.parent / "new.py").touch()
    seen.append(names())
    for content in ("a", "b"):
        repository.module.write_text("#" * 9999 + content)
        seen.append(names())
    repository.git("add", ".")
    assert names() == seen[-1]
    repository.commit("b")
    seen.append(names())

    assert len({name for name, _ in seen}) == 2
    assert len({name for _, name in seen}) == 5


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("revision", ["nonsense", "--help", "main:rnn_core"])
def test_wrong_revision_is_refused(revision: str) -> None:
    """It is never an option of git, nor a folder."""
    with pytest.raises(SideError, match=f"has no revision {revision}: allowed are a branch .*"):
        find_side(f"git:{revision}")


def test_copies_are_removed(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy is removed at exit, or if its command was killed, by the next one; no other is."""
    del repository
    exits: list[Callable[[], None]] = []
    monkeypatch.setattr(
        atexit, "register", lambda *given, **named: exits.append(partial(*given, **named))
    )
    for name in ("a", "b", "z"):
        (revisions.COPIES / name / "rnn_core").mkdir(parents=True)
    running = revisions.COPIES / "running"

    def left() -> set[Path]:
        return {path for path in revisions.COPIES.iterdir() if path.is_dir()}

    with lock_folder(running):
        ours = [find_interpreter("git:main").source, find_interpreter(".").source]
        assert left() == {running, *ours}
    for remove in 2 * exits:  # Another command may have removed it before.
        remove()
    assert left() == {running}


@pytest.fixture
def compare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Return a function that runs the command and returns its status and both outputs."""
    monkeypatch.setattr(command, "RESULTS", tmp_path / "results")

    def compared(*arguments: str) -> tuple[int, str, str]:
        return command.main([*arguments, "--no-behaviour"]), *capsys.readouterr()

    return compared


def test_comparison_shows_both_versions_of_rnn_core(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    repository: Repository,
    compare: Callable[..., tuple[int, str, str]],
) -> None:
    """The folder has no commit in its name, so that a revision that moved is noticed."""
    fake = FakeProcesses({FIRST: 1.0})
    monkeypatch.setattr(command, "Pairs", partial(Pairs, run=fake))
    monkeypatch.setattr(command, "time_processes", fake)
    commit = repository.git("rev-parse", "--short", "HEAD")
    status, out, _ = compare("git:main", ".", "--measure", "memory")
    saved = tmp_path / "results" / "git-main..working-tree" / "comparison.json"
    sides: Any = json.loads(saved.read_text())

    assert status == 0
    assert f"working tree ({commit}) against git:main ({commit}): " in out
    assert f"rnn_core {commit} -> working tree" in out
    assert sides["baseline"]["name"] == f"git:main ({commit})"
    assert fake.started[:2] == ["check", "check"]
    assert not list(saved.parent.glob("check*"))

    moved = repository.commit("three")
    status, _, err = compare("git:main", ".", "--measure", "memory", "--resume")
    assert status == 2
    assert f"baseline was 'git:main ({commit}) " in err
    assert f"is 'git:main ({moved}) " in err


@pytest.mark.usefixtures("repository")
def test_tox_compares_with_the_revision_that_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """The command of `tox -e cost` has options that exist, and a place for the revision."""
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(ROOT / "tox.ini", encoding="utf-8")
    line = settings["testenv:cost"]["commands"].replace("{posargs:git:origin/main}", "git:nonsense")
    words = shlex.split(line)

    assert words[:3] == ["python", "-m", "benchmarks.compare"]
    assert command.main(words[3:]) == 2
    assert "has no revision nonsense" in capsys.readouterr().err


@pytest.mark.slow
def test_rnn_core_with_another_interface_is_refused(
    repository: Repository, compare: Callable[..., tuple[int, str, str]]
) -> None:
    """The benchmarks run once before they are timed."""
    folder = repository.module.parent
    shutil.rmtree(folder)
    shutil.copytree(ROOT / "rnn_core", folder, ignore=shutil.ignore_patterns("__pycache__"))
    step = folder / "step.py"
    step.write_text(step.read_text().replace("def update(", "def change("))
    status, _, err = compare(sys.executable, ".", "-k", "step and B1-T10-H128 and RNN and kernel")

    assert status == 2
    assert "cannot use its rnn_core: AttributeError: 'TrainingStep' object has no attribute" in err
