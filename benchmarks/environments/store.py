"""Environments with one Paddle each, made once and kept in one folder.

Each has a folder of its own, with the virtual environment and a lock. A file that is written last
tells that the environment is complete. Virtual environments cannot be moved, so that they are not
made elsewhere and renamed.
"""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from benchmarks import ROOT
from benchmarks.environments.paddle import Base, Paddle, list_versions, reason_of
from benchmarks.locks import lock_folder
from benchmarks.revisions import SideError
from benchmarks.runner import Program, Result, find_tool, run_together
from rnn_core.runtime.files import write_text
from rnn_core.runtime.messages import complain
from rnn_core.runtime.versions import numpy_for

STORE = ROOT / ".environments"
COMPLETE = "complete.txt"
LONGEST_WAIT = 3600.0  # seconds, for another command that makes the same environment
# What a measured process needs beside Paddle and NumPy, as in pyproject.toml.
MEASURED = (
    "setuptools",
    "tqdm>=4.66",
    "filelock>=3.12",
    "pytest>=9,<10",
    "pytest-benchmark>=5.3.1,<6",
    "pytest-xdist>=3.8,<4",
    "pydantic>=2.8,<3",
    "pytest-codspeed>=5.0.4,<6; sys_platform == 'linux'",
)
PIP_INSTALL = ("-m", "pip", "install", "--disable-pip-version-check", "--no-input")
IMPORT = "from rnn_core.runtime.versions import import_paddle; import_paddle()"


class Kept(NamedTuple):
    """An environment in the store.

    Attributes:
        name: name of its folder.
        size: size of its files in bytes.
        content: what is installed; None if it is not complete: it is being made, or the command
            that made it was killed.
    """

    name: str
    size: int
    content: str | None


def environment_of(paddle: Paddle, base: Base) -> Path:
    """Return the interpreter of the environment with a Paddle, which is made if there is none.

    A version that is not on the Paddle's own index comes from the default one, so that a release
    can be compared with what another index has.

    Raises:
        SideError: the Paddle cannot be installed; nothing is left of the environment.
        OSError: a file cannot be written, or another command makes the environment too long.
    """
    folder = STORE / _name(paddle, base)
    python = folder / "env" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if _usable(folder, python):
        return python
    index = paddle.index_url
    if index and paddle.version not in list_versions(base, paddle.distribution, index):
        return environment_of(replace(paddle, index_url=None), base)
    with lock_folder(folder, LONGEST_WAIT):
        if not _usable(folder, python):  # Otherwise, another command has made it meanwhile.
            try:
                (folder / COMPLETE).unlink(missing_ok=True)  # Of one whose interpreter is gone.
                _install(paddle, base, folder / "env", python)
                write_text(folder / COMPLETE, paddle.wheel or paddle.requirement)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
    return python


def kept_environments() -> list[Kept]:
    """Return all environments in the store, by name.

    Raises:
        OSError: the store cannot be read.
    """
    found = []
    for folder in sorted(filter(Path.is_dir, STORE.glob("*"))):
        size = sum(path.lstat().st_size for path in folder.rglob("*"))
        complete = folder / COMPLETE
        found.append(
            Kept(folder.name, size, complete.read_text("utf-8") if complete.exists() else None)
        )
    return found


def remove_environment(name: str) -> None:
    """Remove an environment of the store.

    Raises:
        OSError: it is being made, or cannot be removed.
    """
    with lock_folder(STORE / name):
        (STORE / name / COMPLETE).unlink(missing_ok=True)  # First, in case this is interrupted.
        shutil.rmtree(STORE / name)


def _name(paddle: Paddle, base: Base) -> str:
    """Return the name of an environment: two that may differ have different names."""
    parts = (paddle.digest, paddle.index_url, base.prefix, *MEASURED)
    digest = blake2b(repr(parts).encode(), digest_size=4).hexdigest()
    return f"{paddle.distribution}-{paddle.version}-python{base.version}-{digest}"


def _usable(folder: Path, python: Path) -> bool:
    return (folder / COMPLETE).is_file() and python.is_file()


def _install(paddle: Paddle, base: Base, folder: Path, python: Path) -> None:
    """Make an environment, with uv if it is installed.

    Raises:
        SideError: the Paddle cannot be installed, or not imported.
    """
    what = f"{paddle.wheel or paddle.requirement} for Python {base.version}"
    complain(f"installing {what} in {folder.parent}", kind="note")
    shutil.rmtree(folder, ignore_errors=True)  # Left by a command that was killed.
    uv = find_tool("uv")
    create = [*uv, "venv", "--python", str(base.python)] if uv else [str(base.python), "-m", "venv"]
    install = (
        [*uv, "pip", "install", "--python", str(python)] if uv else [str(python), *PIP_INSTALL]
    )
    index = ["--index-url", paddle.index_url] if paddle.index_url else []
    _run([*create, str(folder)], what)
    try:
        # Alone, because its index may lack the other packages or have other versions of them.
        _run([*install, *index, "--no-deps", paddle.wheel or paddle.requirement], what)
    except SideError:
        if not paddle.wheel:
            existing = list_versions(base, paddle.distribution, paddle.index_url)
            if paddle.version not in existing:
                raise SideError(
                    f"{paddle.distribution} has no version {paddle.version} for Python "
                    f"{base.version}: there are {', '.join(existing)}"
                ) from None
        raise
    _run([*install, paddle.requirement, numpy_for(paddle.version), *MEASURED], what)
    _run([str(python), "-c", IMPORT], what)


def _run(command: Sequence[str], what: str) -> None:
    """Run a program while a bar shows the time.

    Raises:
        SideError: it failed.
    """
    results: list[Result] = []
    form = "installing {desc}: {elapsed}"
    with tqdm(desc=what, disable=None, leave=False, bar_format=form) as bar:
        run_together([Program(command)], lambda _, result: results.append(result), 1, bar.refresh)
    if results[0].status:
        raise SideError(f"{what} cannot be installed: {reason_of(results[0])}")
