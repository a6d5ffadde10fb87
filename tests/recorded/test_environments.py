"""Environments, interpreters and revisions: names, command lines, messages and the command."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from benchmarks import interpreters, revisions
from benchmarks.environments import command, paddle, store
from benchmarks.environments.paddle import (
    FINAL,
    Base,
    Paddle,
    find_paddle,
    list_versions,
    names_paddle,
    reason_of,
)
from benchmarks.interpreters import Interpreter, Origin, names_new_process
from benchmarks.locks import lock_folder
from benchmarks.runner import Program, Result
from tests.recorded.conftest import Tried

BASE = Base(Path("/opt/python"), "3.11.7", "/opt")
LISTED = "paddlepaddle (3.3.1)\nAvailable versions: 3.4.0rc1, 3.3.1, 3.2.0, 3.0.0.post1, 3.0.0b2\n"
WHEEL = "paddlepaddle_gpu-3.4.0.dev1+g1-cp311-cp311-linux_x86_64.whl"
LINUX = pytest.mark.skipif(sys.platform == "win32", reason="paths are those of POSIX")


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use an empty store."""
    for owner in (command, store):
        monkeypatch.setattr(owner, "STORE", tmp_path / "here" / "store")
    return tmp_path / "here" / "store"


def test_paddles(tried: Tried, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts that name a Paddle or not, versions on indexes, and errors of pip and uv."""
    result = Result(0, LISTED, "")

    def run(words: Sequence[str]) -> Result:
        tried.lines.append(f"  $ {' '.join(map(str, words))}")
        return result

    monkeypatch.setattr(paddle, "run", run)
    has_pip = True
    monkeypatch.setattr(
        metadata, "distributions", lambda name: ["pip"] * has_pip if name == "pip" else None
    )
    monkeypatch.setattr(paddle, "find_tool", lambda name: [f"/bin/{name}"])
    wheel = "paddlepaddle-3.2.2-py3-none-any.whl"
    monkeypatch.setenv("HOME", str(tried.folder))
    Path("paddlepaddle_gpu-3.2.2.post1-py3-none-any.whl").write_bytes(b"x" * (2**20 + 1))
    Path("paddlepaddle-3.2.2-folder.whl").mkdir()
    for text in (
        *("3.3.0", "3.0.0rc1", "3.4.0.dev1+g1", "newest", "paddlepaddle==3.3.0", "2.6.2.post120"),
        *("paddlepaddle-gpu==2.6.2", "paddlepaddle-gpu==newest", "paddlepaddle-xpu==3.0.0b2"),
        *("paddle30", "python3.11", "3.3", "3.3.0:baseline", "numpy==2.4.0", "a.json", "./3.3.0"),
        *("paddlepaddle", "paddlepaddle==", "paddlepaddle>=3.3.0", "Newest", "", "3.3.x", "10.0.0"),
        *("a.whl", "numpy-2.4.0-py3-none-any.whl", "paddlepaddle-3.3-py3-none-any.whl"),
        *(wheel, f"~/{wheel}"),
        f"{tried.folder}/paddlepaddle_gpu-3.2.2.post1-py3-none-any.whl",
        "paddlepaddle-3.2.2-folder.whl",
        "absent/paddlepaddle-3.2.2-cp311-cp311-linux_x86_64.whl",
        f"https://a.b/c%2Bd/{WHEEL.replace('+', '%2B')}#sha256=0",
        f"https://a.b/{WHEEL}?x=1",
        *("https://a.b/c.whl", "file:///a/paddlepaddle-3.0.0-x.whl", "https://a.b/c", "\x1b.whl"),
    ):
        Path(wheel).write_text(text)  # It is built again and again.
        if names_paddle(text):

            def facts(text: str = text) -> str:
                found = find_paddle(text, BASE, "https://n/" if "new" in text else None)
                return f"{found.name}, {found.requirement}, {found}"

            tried(f"{text!r}", facts)
        else:
            tried.lines.append(f"{text!r}: not a Paddle, new process {names_new_process(text)}")
    for has_pip in (True, False):
        for title, status, output, error in (
            ("some", 0, LISTED, ""),
            ("one", 0, "Available versions: 3.3.1", "WARNING: a"),
            ("builds", 0, "x\nAvailable versions: 3.10.0.dev2, 3.9.0.dev1", ""),
            ("an old final one", 0, "Available versions: 3.10.0rc1, 3.9.0rc1, 3.8.0", ""),
            ("two final ones", 0, "Available versions: 3.8.0, 3.7.0", ""),
            ("none", 1, "", "ERROR: No matching distribution found\n"),
            ("none, warned", 1, "ERROR: No matching distribution found\n", "WARNING: old pip\n"),
            ("offline", 1, "", 3 * "WARNING: 'NewConnectionError('<a>: new connection: no')': /\n"),
            ("broken", 1, "Traceback\nImportError: libc.so", ""),
        ):
            result = Result(status, output, error)
            index = None if has_pip else "https://n/"
            tried(f"{title}, newest", lambda index: find_paddle("newest", BASE, index).name, index)
            tried(title, list_versions, BASE, "paddlepaddle-gpu")
    for text in ("3.3.1", "3.3.1.post1", "3.3.1rc1", "3.3.1.dev1", "3.3.1+a", "3"):
        tried(f"final {text}", lambda text: bool(FINAL.fullmatch(text)), text)
    for output in (
        *("Processing a\nERROR: Wheel 'a' is invalid.\n", "", "one\ntwo\n"),
        "error: Failed to read\n  cause: no zip\n  cause: no zip\n",
        "ERROR: [Errno 28] No space left on device",
        "error: no way\n  cause: only a\n      has b\n\nhint: c",
        "  ERROR: one\nERROR: two\n  error: three\n        four",
        *("ERROR: " + "x" * 1001, "error: \x1b[31mred", "an error: b", "Error: no ensurepip"),
        "Retrying: Failed to establish a new connection: [Errno -2] Name' \nERROR: none",
    ):
        tried(f"reason {output[:60]!r}", reason_of, Result(1, output, ""))
    tried.check()


@LINUX
def test_store(tried: Tried, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Command lines of pip and uv that make environments, and how each of them may fail."""
    tried.lines += [f"- {each}" for each in store.MEASURED]
    tried.names[" ".join(store.MEASURED)] = "..."
    fail: dict[str, Any] = {}
    tools: list[list[str]] = [[]]

    def run_together(
        programs: Sequence[Program], ended: Any, most: int, waiting: Callable[[], object]
    ) -> None:
        [program] = programs
        waiting()
        words = [str(word) for word in program.command]
        tried.lines.append(f"  $ {' '.join(words)}, {most} at a time{program.environment or ''}")
        complete = [str(path.parent) for path in kept.glob(f"*/{store.COMPLETE}")]
        assert not any(folder in str(words) for folder in complete)
        if "venv" in words:
            python = Path(words[-1]) / "bin" / "python"
            with pytest.raises(BlockingIOError), lock_folder(python.parents[2]):
                pass
            python.parent.mkdir(parents=True)
            python.touch()
        failing = [each for word, each in fail.items() if word in " ".join(words)]
        if failing and isinstance(failing[0], BaseException):
            raise failing[0]
        ended(0, Result(1, "", failing[0]) if failing else Result(0, "", ""))

    def versions(base: Base, *given: object) -> list[str]:
        tried.lines.append(f"  versions of {given} for {base.version}")
        return ["3.3.0", "3.3.1"]

    monkeypatch.setattr(store, "run_together", run_together)
    monkeypatch.setattr(store, "find_tool", lambda name: [*tools[0], name] if tools[0] else [])
    monkeypatch.setattr(store, "list_versions", versions)
    cases = (
        (Paddle("paddlepaddle", "3.3.0"), BASE),
        (Paddle("paddlepaddle", "2.6.2"), BASE),
        (Paddle("paddlepaddle-gpu", "3.3.0"), BASE),
        (Paddle("paddlepaddle", "3.3.0", "/a.whl", "a"), BASE),
        (Paddle("paddlepaddle", "3.3.0", "/b/a.whl", "b"), BASE),
        (Paddle("paddlepaddle", "3.3.0", index_url="https://n/"), BASE),
        (Paddle("paddlepaddle", "3.2.0", index_url="https://n/"), BASE),
        (Paddle("paddlepaddle", "3.3.0"), BASE._replace(version="3.12.1")),
        (Paddle("paddlepaddle", "3.3.0"), BASE._replace(prefix="/usr")),
    )
    for tools[0] in (["/bin/run"], []):
        for paddle_, base in cases:
            title = f"{paddle_.name} of {paddle_.index_url} for {base.version} in {base.prefix}"
            for again in ("", ", again"):
                tried(title + again, store.environment_of, paddle_, base)
        tried.lines += sorted(str(each.content) for each in store.kept_environments())
        shutil.rmtree(kept)
    one, _ = cases[0]

    def on_a_terminal() -> Path:
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        return store.environment_of(one, BASE)

    tried.names |= {"00:01": "00:00", "00:02": "00:00"}
    tried("on a terminal", on_a_terminal)
    shutil.rmtree(kept)
    for word, failure in (
        ("venv", "Error: no ensurepip"),
        ("--no-deps", "ERROR: Could not install: [Errno 28] No space left on device"),
        ("numpy", "ERROR: No matching distribution\nerror: other"),
        ("import", "Traceback\nImportError: libc"),
        ("numpy", KeyboardInterrupt("Ctrl-C")),
        ("venv", OSError(28, "No space left on device")),
    ):
        fail = {word: failure}
        tried(f"{word} fails", store.environment_of, one, BASE)
        tried("  left", lambda: list(kept.iterdir()))
    fail = {"numpy": "ERROR: No matching distribution"}
    with monkeypatch.context() as patch:
        patch.setattr(os, "rmdir", Mock(side_effect=PermissionError(13, "Not permitted")))
        tried("numpy fails, and nothing can be removed", store.environment_of, one, BASE)
    fail = {"--no-deps": "ERROR: No matching distribution"}
    for paddle_ in (
        Paddle("paddlepaddle", "9.9.9"),
        Paddle("paddlepaddle-gpu", "9.9.9", index_url="https://n/"),
        Paddle("paddlepaddle", "3.3.1", index_url="https://n/"),
        Paddle("paddlepaddle", "9.9.9", "/a.whl", "0"),
    ):
        tried(f"no {paddle_.name}", store.environment_of, paddle_, BASE)
    fail = {}
    python = Path()

    def without(name: str) -> list[tuple[str, Any]]:
        nonlocal python
        python = store.environment_of(one, BASE)
        (python.parents[2] / name).unlink()
        if not python.exists():  # As after an upgrade of the interpreter that it links to.
            python.symlink_to("gone")
        (python.parent / "left").touch()
        return [(each.name, each.content) for each in store.kept_environments()]

    for title, name in (
        ("incomplete", store.COMPLETE),
        ("without an interpreter", "env/bin/python"),
    ):
        tried(title, without, name)
        tried(title, store.environment_of, one, BASE)
        tried.lines.append(f"left: {(python.parent / 'left').exists()}")

    @contextmanager
    def waited(folder: Path, timeout: float) -> Iterator[None]:
        tried.lines.append(f"  waits for {folder} for {timeout} s")
        (folder / store.COMPLETE).touch()  # By the other command.
        yield

    monkeypatch.setattr(store, "lock_folder", waited)
    (python.parents[2] / store.COMPLETE).unlink()
    tried("made by another command", store.environment_of, one, BASE)
    monkeypatch.setattr(store, "lock_folder", Mock(side_effect=BlockingIOError("in use")))
    (python.parents[2] / store.COMPLETE).unlink()
    tried("in use", store.environment_of, one, BASE)
    tried("  left", python.is_file)
    tried.check()


def test_command(tried: Tried, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The help, the list, and what is removed or not."""
    tried("help", command.main, ["--help"])
    tried("no store", command.main, [])
    tried("all of none", command.main, ["--remove", "all"])

    def filled() -> None:
        shutil.rmtree(kept, ignore_errors=True)
        sizes = {"a": 12 * 10**6, "b-long-name": 1234, "c": 2_600_000, "d": 300_000, "e": 700_000}
        for name, size in sizes.items():
            (kept / name / "env").mkdir(parents=True)
            with (kept / name / "env" / "file").open("wb") as file:
                file.truncate(size)
            (kept / name / "env" / "link").symlink_to("file")
            if name != "c":
                (kept / name / store.COMPLETE).write_text(f"paddlepaddle=={name}")
        (kept / "file").touch()

    def listed() -> list[str]:
        return sorted(path.name for path in kept.iterdir())

    filled()
    # The size of a folder depends on the file system.
    contents = {each.name: each.content for each in store.kept_environments()}
    tried.lines.append(f"{contents}")
    (kept / "one").mkdir()
    (kept / "one" / "file").write_text("12345")
    tried.lines.append(f"one file: {[each.size for each in store.kept_environments()][-1]} bytes")
    for words in ([], ["a"], ["a", "c"], ["all"], ["c", "all"], ["b-long-name", "a", "e"]):
        filled()
        tried(f"remove {words}", command.main, ["--remove", *words])
        tried("  left", listed)
    filled()
    tried("list", command.main, [])
    for words in (["../a"], ["b", "../a"], ["a", "x\x1b"], ["A"], [""], ["file"]):
        tried(f"remove {words}", command.main, ["--remove", *words])
    with lock_folder(kept / "c"):
        tried("remove a, c", command.main, ["--remove", "a", "c", "d"])
    tried("  left", listed)

    def locked(path: Path) -> None:
        with pytest.raises(BlockingIOError), lock_folder(path):
            pass
        raise PermissionError(13, "Not permitted")

    monkeypatch.setattr(shutil, "rmtree", locked)
    tried("remove e", command.main, ["--remove", "e"])
    tried("  left", lambda: {each.name: each.content for each in store.kept_environments()})
    tried.check()


@LINUX
def test_interpreters(tried: Tried, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts of all kinds, with and without tox; no program runs."""
    answers = {
        "old": (0, "False\n"),
        "script": (0, "hello"),
        "fails": (1, "True"),
        "silent": (0, ""),
    }
    tools: list[list[str]] = [[]]

    def run(words: Sequence[str | Path], timeout: float | None = None, **more: Any) -> Result:
        limit = f" for {timeout} s" if timeout else ""
        tried.lines.append(f"  $ {' '.join(map(str, words))}{limit}{more or ''}")
        name = Path(words[0]).name
        if name == "damaged":
            raise OSError(8, "Exec format error")
        if "list" in words:
            return Result(0, "bench-paddle30 py311-paddle31-cpu empty failing windows", "")
        if "run" in words:
            name = str(words[-2])
            python = tried.folder / ".tox" / name / "bin" / "python"
            if name == "windows":
                python = python.parents[1] / "Scripts" / "python.exe"
            if name in ("bench-paddle30", "failing", "windows"):
                python.parent.mkdir(parents=True)
                python.touch()
            return Result(int("failing" in words), "", "")
        if "base_prefix" in str(words[-1]):
            return Result(0, "3.12.1\n/my usr\n", "")
        return Result(*answers.get(name, (0, "True\n")), "")

    monkeypatch.setattr(interpreters, "run", run)
    monkeypatch.setattr(interpreters, "TOX", tried.folder / ".tox")
    monkeypatch.setattr(
        interpreters, "find_tool", lambda name: [*tools[0], name] if tools[0] else []
    )
    monkeypatch.setattr(
        interpreters,
        "environment_of",
        lambda paddle, base: Path(paddle.requirement, str(base), str(paddle.index_url)),
    )
    monkeypatch.setattr(interpreters, "list_versions", lambda *given, **named: [given, named])
    source = revisions.Source(tried.folder / "copy", "1a2b3c4")

    def source_of(text: str) -> revisions.Source:
        tried.lines.append(f"  copy {text}")
        return source._replace(folder=source.folder / text)

    monkeypatch.setattr(interpreters, "source_of", source_of)
    monkeypatch.setattr(interpreters, "working_tree", lambda: source)
    interpreters.check_python.cache_clear()
    tried.lines.append(interpreters.ALLOWED.replace("allowed", "Allowed"))
    tried.names[interpreters.ALLOWED] = "allowed are ..."
    names = ("python3.12", "python3.9", "old", "script", "fails", "silent", "damaged")
    for name in (*names, "env/bin/python", "my env/bin/python3"):
        path = tried.folder / "bin" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(0o755)
        path.chmod(0o755)
    (tried.folder / "bin" / "python3.12").unlink()
    (tried.folder / "bin" / "python3.12").symlink_to("python3.9")
    for name in ("text", WHEEL):
        (tried.folder / name).touch()
    (tried.folder / "3.3.0").mkdir()
    for name in (
        "py311-paddle32-cpu",
        "py310-paddle32-cpu",
        "py311-paddle26-cpu",
        "bench-paddle26",
    ):
        (tried.folder / ".tox" / name / "bin").mkdir(parents=True)
        (tried.folder / ".tox" / name / "bin" / "python").touch()
    (tried.folder / ".tox" / "py39-windows-cpu" / "Scripts").mkdir(parents=True)
    (tried.folder / ".tox" / "py39-windows-cpu" / "Scripts" / "python.exe").touch()
    glob = Path.glob  # In an order that no file system promises.
    monkeypatch.setattr(Path, "glob", lambda *given: sorted(glob(*given), reverse=True))
    monkeypatch.setenv("PATH", "bin")  # Of the working directory.
    monkeypatch.setenv("HOME", str(tried.folder))
    monkeypatch.setattr(sys, "executable", str(tried.folder / "bin" / "env" / "bin" / "python"))
    origins = (Origin(), Origin("3.12", "n"), Origin("3.13"), Origin("old"), Origin("3.9/text"))
    for origin in origins:
        tried(f"{origin}", lambda origin: origin.base, origin)
        tried("  versions", origin.versions)
        for text in ("3.3.0", "git:HEAD@paddlepaddle-gpu==2.6.2"):
            tried(text, interpreters.find_interpreter, text, origin)
    for tools[0] in ([], ["/bin/run"]):
        for text in (
            *("python3.12", "./bin/python3.12", "bin/env/bin/python", "bin/my env/bin/python3"),
            *("~/bin/env/bin/python", "text", "./text", "no/such/python", "script", "old"),
            *("fails", "silent", "damaged", "old", "python3.12", "python", "paddle32", "paddle26"),
            "paddle30",
            *("py310-paddle32-cpu", "py39-windows-cpu", "paddle31", "py311-paddle31-cpu"),
            *(
                "empty",
                "failing",
                "windows",
                "paddle3",
                "fail",
                "bench-paddle30",
                "\x1b[31m",
                "x" * 400,
                "",
            ),
            *(".", "git:main", "git:HEAD@{1}", "git:@", "git:a@b@python3.12", "git:", "git:a@"),
            *("git:HEAD@{1}@./bin/env/bin/python", "git:main@nonsense", "..", "git:x@."),
            f"git:a@~/{WHEEL}",
        ):
            tried(f"{text!r}", interpreters.find_interpreter, text)
    for text in (".", "..", "git:a", "git:", "3.3.0", "a.whl", "newest", "./a", "gita", "a.b"):
        tried(f"new process {text}", names_new_process, text)
    tried.lines.append(f"{Interpreter('name', Path('python'))}")
    interpreters.check_python.cache_clear()
    tried.check()


def test_revisions(tried: Tried, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked of git, and what its answers lead to."""
    answers: dict[str, Any] = {}
    numbers = count()

    def run(words: Sequence[str], folder: Path) -> Result:
        tried.lines.append(f"  $ {' '.join(words)} in {folder}")
        for word, answer in answers.items():
            if word in words:
                if isinstance(answer, OSError):
                    raise answer
                return Result(*answer)
        if "archive" in words:
            archive = Path(words[3].partition("=")[2])
            shutil.make_archive(str(archive.with_suffix("")), "zip", tried.folder / "repository")
        return Result(0, "1a2b3c4\n" if "--short" in words else "", "")

    def new_folder(**given: Path) -> str:
        path = given["dir"] / f"copy{next(numbers)}"
        path.mkdir()
        return str(path)

    def lock(folder: Path, timeout: float = 0.0) -> Any:
        if folder == revisions.COPIES:
            tried.lines.append(f"  waits {timeout:g} s for {folder}")
        else:
            with pytest.raises(BlockingIOError), lock_folder(revisions.COPIES):
                pass
        return lock_folder(folder, timeout)

    monkeypatch.setattr(revisions, "run", run)
    monkeypatch.setattr(revisions, "lock_folder", lock)
    monkeypatch.setattr(tempfile, "mkdtemp", new_folder)
    monkeypatch.setattr(revisions, "REPOSITORY", tried.folder / "repository")
    monkeypatch.setattr(revisions, "COPIES", tried.folder / "copies")
    package = tried.folder / "repository" / "rnn_core"
    (package / "__pycache__").mkdir(parents=True)
    (package / "__pycache__" / "a.pyc").touch()
    (package / "__init__.py").write_text("one")
    (package / "deep").mkdir()
    (package / "deep" / "a.txt").write_text("ü")

    def both(title: str) -> None:
        tried(title, revisions.source_of, "main~1")
        tried(f"{title}, working tree", revisions.working_tree)

    both("clean")
    answers["status"] = (0, " M rnn_core/__init__.py\n", "")
    both("changed")
    (package / "__init__.py").write_text("other")
    both("changed again")
    (package / "new").touch()
    both("with a new file")
    (package / "new").rename(package / "renamed")
    both("with a renamed file")
    answers["archive"] = (128, "", "warning\nfatal: pathspec 'rnn_core' did not match any files\n")
    both("without rnn_core")
    answers["--verify"] = (1, "", "")
    both("unknown")
    answers["--is-shallow-repository"] = (0, "true\n", "")
    both("shallow")
    answers["--git-dir"] = (128, "", "fatal: not a git repository\n")
    both("no repository")
    answers["rev-parse"] = FileNotFoundError(2, "No such file", "git")
    answers.pop("--git-dir")
    both("no git")
    for copy in sorted(revisions.COPIES.glob("copy*")):
        files = sorted(str(path.relative_to(copy)) for path in copy.rglob("*"))
        tried.lines.append(f"{copy.name}: {', '.join(each for each in files if each != '.lock')}")
    tried.check()
