"""Python interpreters, by path, name, tox environment, revision, and version of Paddle."""

import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import NamedTuple

from benchmarks import ROOT
from benchmarks.environments.paddle import Base, find_paddle, list_versions, names_paddle
from benchmarks.environments.store import environment_of
from benchmarks.revisions import SideError as SideError
from benchmarks.revisions import source_of, working_tree
from benchmarks.runner import find_tool, run
from rnn_core.runtime.messages import printable

TOX = ROOT / ".tox"
# Run in isolated mode, so that the environment's own start-up files print nothing.
PROBE = ("-I", "-c", "import sys; print(sys.version_info >= (3, 10))")
BASE = ("-I", "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3]); print(sys.base_prefix)")
PROBE_LIMIT = 60.0  # seconds
ALLOWED = (
    "allowed are a version of Paddle (3.3.0, paddlepaddle-gpu==2.6.2, newest), a wheel (a path or "
    "URL), a Python interpreter (a path, or a name on PATH), a tox environment (paddle30, "
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


class Origin(NamedTuple):
    """Where versions and wheels of Paddle are installed from, and for which Python.

    Attributes:
        python: version (3.12), path or name of the interpreter; None for this one.
        index_url: index that is searched first; None for the one that the installer uses.
    """

    python: str | None = None
    index_url: str | None = None

    @property
    def base(self) -> Base:
        """The interpreter.

        Raises:
            SideError: it is missing or cannot be used.
        """
        text = self.python or sys.executable
        if re.fullmatch(r"3\.\d+", text):
            text = f"python{text}"
        found = find_program(text)
        if found is None:
            raise SideError(f"{printable(text)} is not on PATH: give the path of an interpreter")
        return Base(found.python, *run([found.python, *BASE]).output.split("\n")[:2])

    def versions(self) -> list[str]:
        """Return the versions of Paddle with a wheel for the interpreter, oldest first.

        Pre-releases are included: `benchmarks.environments.paddle.FINAL` matches the others.

        Raises:
            SideError: there are none, the index cannot be reached, or the interpreter is missing.
        """
        return list_versions(self.base, index_url=self.index_url)


HERE = Origin()

# Returns the interpreter that a text names, or None if it is another kind of name. Raises
# SideError if it is this kind of name, but the interpreter cannot be used.
Finder = Callable[[str], Interpreter | None]


def names_new_process(text: str) -> bool:
    """Whether a text names a revision or a Paddle, even if a file or folder has this name."""
    return REVISION.fullmatch(text) is not None or names_paddle(text)


def find_interpreter(text: str, origin: Origin = HERE) -> Interpreter:
    """Return the interpreter that a user named, by the first finder that knows such names.

    Args:
        text: what the user named.
        origin: where a version or wheel of Paddle is installed from, if it is not yet.

    Raises:
        SideError: no finder knows the name, or the interpreter cannot be used.
        OSError: a file cannot be read or written.
    """
    named = [partial(find, origin=origin) for find in (find_revision, find_installed)]
    finders: tuple[Finder, ...] = (*named, find_program, find_tox_environment)
    for find in finders:
        found = find(text)
        if found is not None:
            return found
    raise SideError(f"{printable(text)} is not an interpreter or tox environment: {ALLOWED}")


def find_revision(text: str, origin: Origin) -> Interpreter | None:
    """Find an interpreter, this one unless another is named, for a copy of rnn_core.

    Raises:
        SideError: there is no such revision or interpreter, or git cannot be used.
        OSError: the copy cannot be written.
    """
    match = REVISION.fullmatch(text)
    if match is None:
        return None
    revision, environment = match.groups()
    source, commit = source_of(revision) if revision else working_tree()
    # Last, because it may take minutes to make the environment.
    python = find_interpreter(environment, origin).python if environment else Path(sys.executable)
    name = text if revision else WORKING_TREE
    return Interpreter(f"{name} ({commit})", python, source, commit if revision else WORKING_TREE)


def find_installed(text: str, origin: Origin) -> Interpreter | None:
    """Find the interpreter of an environment with a Paddle, which is made if there is none.

    Raises:
        SideError: Paddle cannot be installed, or the interpreter is missing.
        OSError: a file cannot be read or written.
    """
    if not names_paddle(text):
        return None
    base = origin.base
    paddle = find_paddle(text, base, origin.index_url)
    return Interpreter(paddle.name, environment_of(paddle, base))


def find_program(text: str) -> Interpreter | None:
    """Find an interpreter by its path, or by its name on PATH.

    The interpreter is named after its environment. Links are not followed, because a virtual
    environment's interpreter is a link to one outside it.

    Raises:
        SideError: the path is not that of a Python interpreter, 3.10 or newer.
    """
    # Not Path(text), which would turn ./python into a bare name, to look up on PATH.
    bare = not os.path.dirname(text)  # noqa: PTH120
    program = shutil.which(os.path.expanduser(text))  # noqa: PTH111 - as in find_side
    if program is None:
        if bare:
            return None
        raise SideError(f"{printable(text)} is not an executable file: {ALLOWED}")
    python = Path(os.path.abspath(program))  # noqa: PTH100 - resolve() would follow links
    check_python(text, python)
    inside = not bare and python.parent.name in ("bin", "Scripts")
    return Interpreter(python.parents[1].name if inside else python.name, python)


@cache
def check_python(text: str, python: Path) -> None:
    """Raise SideError unless the program is a Python interpreter, 3.10 or newer.

    A program that is one is started only once.
    """
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
    if found := _python_of(existing):
        return Interpreter(name, found)
    tox = find_tool("tox")
    if not tox:
        raise SideError(
            f"{printable(name)} is not an environment, and tox is not installed: {ALLOWED}"
        )
    # tox would create an environment of any name, but an unknown one has no Paddle.
    if environment not in run([*tox, "list", "--no-desc", "-q"]).output.split():
        return None
    # Creating an environment takes minutes: show tox's progress.
    created = run([*tox, "run", "-e", environment, "--notest"], capture=False)
    found = _python_of([TOX / environment])
    if created.status != 0 or found is None:
        raise SideError(f"tox could not create {environment}; see its output above")
    return Interpreter(name, found)


def _python_of(environments: Sequence[Path]) -> Path | None:
    programs = product(environments, ("bin/python", "Scripts/python.exe"))
    return next((path for folder, name in programs if (path := folder / name).is_file()), None)
