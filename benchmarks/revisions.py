"""Copies of rnn_core: that of a commit of this repository, or of the working tree as it is now.

A copy is a folder with nothing but rnn_core in it, which is removed when the process exits. It is
made by `git archive`, since a worktree of git would be registered in the repository, where a killed
command leaves it, and would also have the benchmarks of that commit.
"""

import atexit
import shutil
import tempfile
import zipfile
from contextlib import ExitStack, suppress
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from benchmarks import ROOT
from benchmarks.locks import lock_folder
from benchmarks.runner import Result, run

REPOSITORY = ROOT
# With a dot, so that it is not taken for results.
COPIES = ROOT / "results" / ".revisions"
LONGEST_WAIT = 60.0  # seconds, for other commands that make or remove copies
_locks = ExitStack()  # Those of this process's copies, held until it ends.


class SideError(Exception):
    """A side of a comparison is missing or damaged, or cannot be used or compared."""


class Source(NamedTuple):
    """A copy of rnn_core.

    Attributes:
        folder: folder that holds it.
        commit: abbreviated commit, followed by a digest of the changes to it if there are any.
    """

    folder: Path
    commit: str


def source_of(revision: str) -> Source:
    """Copy the rnn_core of a commit.

    Args:
        revision: branch, tag or commit, in any form that git knows.

    Raises:
        SideError: there is no such revision, or it has no rnn_core; or git cannot be used.
        OSError: the copy cannot be written.
    """
    commit = _commit(revision)
    folder = _new_folder()
    archive = folder / "rnn_core.zip"
    made = _git("archive", "--format=zip", f"--output={archive}", commit, "rnn_core")
    if made.status:
        raise SideError(f"commit {commit} has no rnn_core: {made.last_lines()}")
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
    archive.unlink()
    return Source(folder, commit)


def working_tree() -> Source:
    """Copy the rnn_core of the working tree, so that no later edit is measured.

    Raises:
        SideError: git cannot be used, or has no commit yet.
        OSError: the copy cannot be written.
    """
    commit = _commit("HEAD")
    folder = _new_folder()
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / "rnn_core", folder / "rnn_core", ignore=ignored)
    # Whatever the user's git shows by default.
    status = ("status", "--porcelain", "--untracked-files=normal", "rnn_core")
    if _git("--no-optional-locks", *status).output:
        commit += f" with changes {_digest(folder / 'rnn_core')}"
    return Source(folder, commit)


def _commit(revision: str) -> str:
    """Return the abbreviated commit that a revision names."""
    inside = _git("rev-parse", "--git-dir")
    if inside.status:
        raise SideError(f"{REPOSITORY} is not a git checkout: {inside.last_lines()}")
    named = _git("rev-parse", "--verify", "--quiet", "--short", f"{revision}^{{commit}}")
    if named.status == 0:
        return named.output.strip()
    message = f"{REPOSITORY} has no revision {revision}"
    if _git("rev-parse", "--is-shallow-repository").output.strip() == "true":
        fetch = "git fetch --unshallow origin '+refs/heads/*:refs/remotes/origin/*'"
        raise SideError(f"{message}. This clone is shallow; the rest comes with: {fetch}")
    raise SideError(
        f"{message}: allowed are a branch (main, origin/main), a tag and a commit. The newest of "
        "another repository come with git fetch"
    )


def _git(*arguments: str) -> Result:
    try:
        return run(["git", *arguments], folder=REPOSITORY)
    except FileNotFoundError as error:
        raise SideError("git is not installed") from error


def _new_folder() -> Path:
    """Make a folder, and remove those that killed commands have left."""
    with lock_folder(COPIES, LONGEST_WAIT):
        for path in COPIES.iterdir():
            if path.is_dir():
                # A running command has locked its own.
                with suppress(BlockingIOError), lock_folder(path):
                    shutil.rmtree(path)
        folder = Path(tempfile.mkdtemp(dir=COPIES))
        _locks.enter_context(lock_folder(folder))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _digest(folder: Path) -> str:
    """Return a digest of the names and contents of all files in a folder."""
    digest = blake2b(digest_size=4)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            digest.update(f"{path.relative_to(folder)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()
