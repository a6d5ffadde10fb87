"""Python interpreters, found by path, by name on PATH, by tox environment, or by revision."""

import os
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from benchmarks import ROOT
from benchmarks.revisions import SideError as SideError
from benchmarks.revisions import source_of, working_tree
from benchmarks.runner import run
from rnn_core.runtime.messages import printable

TOX = ROOT / ".tox"
# Run in isolated mode, so that the environment's own start-up files print nothing.
PROBE = ("-I", "-c", "import sys; print(sys.version_info >= (3, 10))")
PROBE_LIMIT = 60.0  # seconds
ALLOWED = (
    "allowed are a Python interpreter (a path, or a name on PATH), a tox environment (paddle30, "
    "bench-paddle33, py311-paddle30-cpu), a revision (git:REV, git:REV@paddle30) and . for the "
    "working tree"
)
# The working tree, git:REV or git:REV@ENV. A revision may have an @ of its own, as in HEAD@{1}.
REVISION = re.compile(r"\.|git:(.+?)(?:@([^@{}]+))?")
WORKING_TREE = "working tree"


@dataclass(frozen=True)
class Interpreter:
    """A Python interpreter, and the rnn_core that it runs.

    Attributes:
        name: name in results, with the commit if a revision was asked for.
        python: path of the interpreter.
        source: folder that holds rnn_core.
        rnn_core: version of rnn_core in results: an abbreviated commit, or "working tree".
    """

    name: str
    python: Path
    source: Path = ROOT
    rnn_core: str = WORKING_TREE


# Returns the interpreter that a text names, or None if it is another kind of name. Raises
# SideError if it is this kind of name, but the interpreter cannot be used.
Finder = Callable[[str], Interpreter | None]


def find_interpreter(text: str) -> Interpreter:
    """Return the interpreter that a user named, by the first finder that knows such names.

    Raises:
        SideError: no finder knows the name, or the interpreter cannot be used.
    """
    finders: tuple[Finder, ...] = (find_revision, find_program, find_tox_environment)
    for find in finders:
        found = find(text)
        if found is not None:
            return found
    raise SideError(f"{printable(text)} is not an interpreter or tox environment: {ALLOWED}")


def find_revision(text: str) -> Interpreter | None:
    """Find an interpreter, this one unless another is named, for a copy of rnn_core.

    Raises:
        SideError: there is no such revision or interpreter, or git cannot be used.
        OSError: the copy cannot be written.
    """
    match = REVISION.fullmatch(text)
    if match is None:
        return None
    revision, environment = match.groups()
    python = find_interpreter(environment).python if environment else Path(sys.executable)
    source, commit = source_of(revision) if revision else working_tree()
    name = text if revision else WORKING_TREE
    return Interpreter(f"{name} ({commit})", python, source, commit if revision else WORKING_TREE)


def find_program(text: str) -> Interpreter | None:
    """Find an interpreter by its path, or by its name on PATH.

    The interpreter is named after its environment. Links are not followed, because a virtual
    environment's interpreter is a link to one outside it.

    Raises:
        SideError: the path is not that of a Python interpreter, 3.10 or newer.
    """
    # Not Path(text), which would turn ./python into a bare name, to look up on PATH.
    bare = not os.path.dirname(text)  # noqa: PTH120
    program = shutil.which(os.path.expanduser(text))  # noqa: PTH111
    if program is None:
        if bare:
            return None
        raise SideError(f"{printable(text)} is not an executable file: {ALLOWED}")
    python = Path(os.path.abspath(program))  # noqa: PTH100 - resolve() would follow links
    check_python(text, python)
    inside = not bare and python.parent.name in ("bin", "Scripts")
    return Interpreter(python.parents[1].name if inside else python.name, python)


def check_python(text: str, python: Path) -> None:
    """Raise SideError unless the program is a Python interpreter, 3.10 or newer."""
    try:
        result = run([python, *PROBE], timeout=PROBE_LIMIT)
    except OSError as error:
        raise SideError(f"{printable(text)} cannot be started: {error}") from error
    answer = result.output.strip()
    if result.status or answer not in ("True", "False"):
        raise SideError(f"{printable(text)} is not a Python interpreter")
    if answer == "False":
        raise SideError(f"{printable(text)} is older than Python 3.10")


def find_tox_environment(name: str) -> Interpreter | None:
    """Find the interpreter of a tox environment, and let tox create the environment if necessary.

    `paddle30` stands for `bench-paddle30`, or for an existing test environment with that Paddle.

    Raises:
        SideError: tox is not installed, or cannot create the environment.
    """
    short = name.startswith("paddle")
    environment = f"bench-{name}" if short else name
    existing = [TOX / environment]
    if short:
        existing += sorted(TOX.glob(f"py*-{name}-cpu"))
    for folder in existing:
        for program in ("bin/python", "Scripts/python.exe"):
            if (folder / program).is_file():
                return Interpreter(name, folder / program)
    on_path = shutil.which("tox")
    tox = [on_path] if on_path else [sys.executable, "-m", "tox"]
    if not on_path and find_spec("tox") is None:
        raise SideError(
            f"{printable(name)} is not an environment, and tox is not installed: {ALLOWED}"
        )
    # tox would create an environment of any name, but an unknown one has no Paddle.
    if environment not in run([*tox, "list", "--no-desc", "-q"]).output.split():
        return None
    # Creating an environment takes minutes: show tox's progress.
    created = run([*tox, "run", "-e", environment, "--notest"], capture=False)
    python = TOX / environment / "bin" / "python"
    if created.status != 0 or not python.is_file():
        raise SideError(f"tox could not create {environment}; see its output above")
    return Interpreter(name, python)
