"""Make inputs, read them, and keep those that show a fault of a reader."""

import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.mutations import CHANGES, bytes_changed

# Share of inputs that are structured changes of valid files; the others are changes of bytes.
STRUCTURED = 0.6
MOST_CHANGES = 3
TIME_LIMIT = 10.0  # In seconds of the processor; a usual input takes a millisecond.
MEMORY_LIMIT = 2**26  # In bytes.


class TooSlow(BaseException):
    """Reading took longer than `TIME_LIMIT`; not an Exception, so that no reader catches it."""


@dataclass(frozen=True)
class Reader:
    """A reader of one kind of file.

    Attributes:
        name: name of the reader.
        suffix: kind of file: "npz", "json" or "xml".
        write: functions that write a valid file each.
        read: function that reads a file.
        check: function that raises AssertionError if a result breaks an invariant.
        errors: documented errors.
    """

    name: str
    suffix: str
    write: tuple[Callable[[Path], object], ...]
    read: Callable[[Path], Any]
    check: Callable[[Any], object]
    errors: tuple[type[Exception], ...] = (OSError, ValueError)


@dataclass
class Findings:
    """What was found in the inputs of one reader.

    Attributes:
        inputs: number of inputs.
        structured: number of inputs made by structured changes only.
        accepted: number of inputs that were read without an error.
        problems: number of inputs by problem.
        files: path of the smallest input found for each problem.
    """

    inputs: int = 0
    structured: int = 0
    accepted: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    files: dict[str, Path] = field(default_factory=dict)


class Fuzzer:
    """Tries changed files on one reader.

    Args:
        reader: reader to test.
        seed: random seed of the inputs.
        folder: folder for the files.

    Raises:
        AssertionError: the reader does not accept a valid file.
    """

    def __init__(self, reader: Reader, seed: int, folder: Path) -> None:
        self.reader, self.seed, self.folder = reader, seed, folder
        self.path = folder / f"{reader.name}.{reader.suffix}"
        self.found = Findings()
        self.valid: list[bytes] = []
        for write in reader.write:
            write(self.path)
            self.valid.append(self.path.read_bytes())
            problem = self.problem(self.valid[-1])
            assert self.found.accepted == len(self.valid), f"{reader.name}: a valid file: {problem}"
        self.found = Findings()

    def try_one(self) -> None:
        """Make one input and read it."""
        random = Random(f"{self.seed} {self.reader.name} {self.found.inputs}")  # noqa: S311
        valid = random.choice(self.valid)
        structured = random.random() < STRUCTURED
        change = CHANGES[self.reader.suffix] if structured else bytes_changed
        seeds = [random.random() for _ in range(random.randint(1, MOST_CHANGES))]
        content, made = valid, 0
        for each in seeds:
            try:
                content = change(content, Random(each))  # noqa: S311
            except Exception:  # The change before left nothing to parse.
                break
            made += 1
        self.found.inputs += 1
        self.found.structured += structured and made > 0
        problem = self.problem(content)
        if problem is None:
            return
        self.found.problems[problem] += 1
        # One change alone often has the same effect.
        for each in seeds[:made]:
            alone = change(valid, Random(each))  # noqa: S311
            if len(seeds) > 1 and self.problem(alone) == problem:
                content = alone
        number = list(self.found.problems).index(problem) + 1
        file = self.folder / f"{self.reader.name}-{number}.{self.reader.suffix}"
        if problem not in self.found.files or len(content) < file.stat().st_size:
            file.write_bytes(content)
            self.found.files[problem] = file

    def problem(self, content: bytes) -> str | None:
        """What is wrong with the way in which a file is read; None if nothing is."""
        self.path.write_bytes(content)
        before = _peak()
        try:
            with _time_limit():
                result = self.reader.read(self.path)
                self.found.accepted += 1
                self.reader.check(result)
        except self.reader.errors as error:
            if len(str(error)) > 2000 or not str(error).isprintable():
                return f"raw or long text of the file in {type(error).__name__} {_place(error)}"
        except (Exception, TooSlow) as error:
            what = f": {error}" if isinstance(error, AssertionError) else ""
            return f"{type(error).__name__} {_place(error)}{what}"[:300]
        if _peak() - before > MEMORY_LIMIT:
            return "takes too much memory"
        return None


def _place(error: BaseException) -> str:
    """Where an error was raised, in code of this project."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename] or list(frames)
    return f"at {Path(ours[-1].filename).name}:{ours[-1].lineno}"


def _peak() -> int:
    """The largest memory of this process so far, in bytes; 0 if the system does not tell."""
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


@contextmanager
def _time_limit() -> Iterator[None]:
    """Raise `TooSlow` in a block that takes too long, where the system has such an alarm."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def end(*_: object) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, TIME_LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def fuzz(fuzzers: Sequence[Fuzzer], more: Iterator[object]) -> None:
    """Try one input on each reader in turn, as long as there is `more`."""
    for _ in more:
        for fuzzer in fuzzers:
            fuzzer.try_one()
