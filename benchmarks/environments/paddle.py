"""A Paddle that can be installed: a version on a package index, or a wheel."""

import os
import re
import sys
from dataclasses import dataclass
from hashlib import blake2b
from importlib import metadata
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from benchmarks.revisions import SideError
from benchmarks.runner import Result, find_tool, run
from rnn_core.runtime.messages import printable

CPU = "paddlepaddle"
NEWEST = "newest"
VERSION = r"\d+\.\d+\.\d+[\w.+]*"
# 3.3.0, newest, paddlepaddle-gpu==2.6.2.
NAMED = re.compile(rf"(?:(paddlepaddle(?:-\w+)?)==)?({VERSION}|{NEWEST})")
WHEEL_FILE = re.compile(rf"(paddlepaddle(?:_\w+)?)-({VERSION})-.+\.whl")
FINAL = re.compile(r"[\d.]+(\.post\d+)?")
# The errors of pip and uv. Lines of uv are wrapped, and a missing network is a warning of pip.
REASON = re.compile(
    r"^\s*(?:ERROR|error|cause): (.+(?:\n {4,}.+)*)|new connection: (.+?)'", re.MULTILINE
)


class Base(NamedTuple):
    """The interpreter that an environment is made with.

    Attributes:
        python: its path.
        version: its version, such as 3.11.7.
        prefix: folder of its installation.
    """

    python: Path
    version: str
    prefix: str


@dataclass(frozen=True)
class Paddle:
    """A Paddle to install.

    Attributes:
        distribution: name of the package: paddlepaddle, paddlepaddle-gpu.
        version: its version.
        wheel: path or URL of the wheel; empty for a version on an index.
        digest: digest of the wheel, or of its URL.
        index_url: index that has the version; None for the one that the installer uses.
    """

    distribution: str
    version: str
    wheel: str = ""
    digest: str = ""
    index_url: str | None = None

    @property
    def requirement(self) -> str:
        """The version, as a requirement."""
        return f"{self.distribution}=={self.version}"

    @property
    def name(self) -> str:
        """Name in results: 3.3.0, paddlepaddle-gpu==2.6.2, a wheel's file and digest."""
        if self.wheel:
            return f"{_file_name(self.wheel)} ({self.digest})"
        return self.version if self.distribution == CPU else self.requirement


def names_paddle(text: str) -> bool:
    """Whether a text is the name of a version, or a path or URL of a wheel."""
    return bool(NAMED.fullmatch(text)) or _file_name(text).endswith(".whl")


def find_paddle(text: str, base: Base, index_url: str | None = None) -> Paddle:
    """Return the Paddle that a text names: see `names_paddle`.

    Raises:
        SideError: the wheel is missing or of another package, or the newest version is unknown.
        OSError: the wheel cannot be read.
    """
    if match := NAMED.fullmatch(text):
        distribution, version = match[1] or CPU, match[2]
        if version == NEWEST:
            found = list_versions(base, distribution, index_url)
            version = ([each for each in found if FINAL.fullmatch(each)] or found)[-1]
        return Paddle(distribution, version, index_url=index_url)
    match = WHEEL_FILE.fullmatch(_file_name(text))
    if match is None:
        raise SideError(f"{text} is not a wheel of Paddle: paddlepaddle-VERSION-....whl")
    distribution, version = match[1].replace("_", "-"), match[2]
    if "://" in text:
        return Paddle(
            distribution, version, text, blake2b(text.encode(), digest_size=4).hexdigest()
        )
    path = Path(os.path.expanduser(text)).absolute()  # noqa: PTH111 - as in find_side
    if not path.is_file():
        raise SideError(f"{text} is not a file")
    return Paddle(distribution, version, str(path), _digest_of(path))


def list_versions(base: Base, distribution: str = CPU, index_url: str | None = None) -> list[str]:
    """Return the versions with a wheel for a Python, oldest first, with pre-releases.

    Raises:
        SideError: the index has none, or cannot be reached.
    """
    pip = [sys.executable, "-m", "pip"]
    if not any(metadata.distributions(name="pip")):  # Environments of uv have none.
        pip = [*find_tool("uv"), "tool", "run", "pip"]
    what = ["index", "versions", distribution, "--pre", "--only-binary=:all:"]
    index = ["--index-url", index_url] if index_url else []
    result = run([*pip, *what, "--python-version", base.version, *index])
    found = re.search(r"^Available versions: (.+)", result.output, re.MULTILINE)
    if found is None:
        where = f" on {index_url}" if index_url else ""
        raise SideError(
            f"no {distribution} for Python {base.version} was found{where}: {reason_of(result)}"
        )
    return found[1].split(", ")[::-1]


def reason_of(result: Result) -> str:
    """Return the errors of pip or uv in one line."""
    found = REASON.findall(result.output + result.error)
    reasons = dict.fromkeys(" ".join("".join(groups).split()) for groups in found)
    return printable("; ".join(reasons) or result.last_lines(), longest=1000)


def _file_name(text: str) -> str:
    """Return the last part of a path or URL, without what may follow a URL's path."""
    if "://" in text:
        text = unquote(re.sub("[?#].*", "", text))
    return Path(text).name


def _digest_of(path: Path) -> str:
    digest = blake2b(digest_size=4)
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()
