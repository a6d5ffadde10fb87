"""Reads the files of Valgrind's tool callgrind: what each function costs, and who called it.

The format is described in "Callgrind Format Specification" in Valgrind's manual. callgrind_annotate
prints it for people, and gprof2dot takes functions of the same name in two libraries for one.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.instructions.functions import NO_SYMBOLS, Function, Operator, Profile, Profiles
from benchmarks.interpreters import SideError
from rnn_core.runtime.files import read_file, write_json

# In bytes. A training step takes 0.5 MB.
LARGEST_DUMP = 2**26
TRIGGER = "desc: Trigger: Client Request: "
UNKNOWN = "(unknown)"
# What runs a Paddle operator, in all versions: its function in C++, its function in Python, and its
# node in the backward pass.
OPERATOR = re.compile(
    r"\b(?:([a-z]\w*)_ad_func|paddle::experimental::([a-z]\w*)|eager_api_(\w+))\("
    r"|\b(\w+)GradNode(?:Final)?::operator\(\)"
)
# What a thread of Paddle 2.6 and 3.0 does once a second, so that it costs a call more on a busy
# machine: up to 1% was measured. It never returns.
BACKGROUND = "bvar::detail::SamplerCollector::run()"
RECURSIVE = re.compile(r"'\d+$")
WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Key(NamedTuple):
    """What identifies a function in two versions of its library."""

    name: str
    library: str


class Calls(NamedTuple):
    """Calls of one function by another.

    Attributes:
        number: number of calls.
        cost: their instructions, with all that they call.
    """

    number: int = 0
    cost: int = 0

    def plus(self, other: "Calls") -> "Calls":
        """Return both together."""
        return Calls(self.number + other.number, self.cost + other.cost)


class Dump(NamedTuple):
    """The content of a file.

    Attributes:
        name: name of the count.
        costs: each function's own instructions.
        callers: for each function, its calls by caller.
    """

    name: str
    costs: Mapping[Key, float]
    callers: Mapping[Key, Mapping[Key, Calls]]

    def profile(self, calls: int) -> Profile:
        """Return what the functions and operators cost in one of so many calls."""
        costs: dict[Key, float] = defaultdict(float)
        for key, cost in self.costs.items():
            costs[Key(NO_SYMBOLS, key.library) if key.name.startswith("0x") else key] += cost
        operators: dict[str, Calls] = defaultdict(Calls)
        for key, callers in self.callers.items():
            if name := operator_of(key.name):
                for caller, found in callers.items():
                    if not self.operator(caller):  # Else it is part of another operator's cost.
                        operators[name] = operators[name].plus(found)
        return Profile(
            operators=tuple(
                Operator(name=name, cost=found.cost / calls, calls=found.number / calls)
                for name, found in sorted(operators.items(), key=lambda item: -item[1].cost)
            ),
            functions=tuple(
                Function(
                    name=key.name,
                    library=key.library,
                    cost=cost / calls,
                    operator=self.operator(key),
                )
                for key, cost in sorted(costs.items(), key=lambda item: -item[1])
            ),
        )

    def without(self, name: str) -> "Dump":
        """Return the rest without a function and its calls.

        What others call too costs less in proportion to these calls.
        """
        keys = [key for key in self.costs if key.name == name]
        if not keys:
            return self
        left = dict(self.costs)
        called: dict[Key, dict[Key, int]] = defaultdict(dict)
        for callee, callers in self.callers.items():
            for caller, calls in callers.items():
                called[caller][callee] = calls.cost

        def remove(key: Key, share: float, path: Sequence[Key]) -> None:
            if key in left:  # Otherwise, it does nothing but call others.
                left[key] -= share * self.costs[key]
            for callee, cost in called[key].items():
                if callee not in path:
                    whole = self.costs.get(callee, 0) + sum(called[callee].values()) or 1
                    remove(callee, share * cost / whole, (*path, callee))

        for key in keys:
            remove(key, 1, (key,))
        # Of the thread's own functions, a rounding error is left.
        return self._replace(costs={key: cost for key, cost in left.items() if cost > 0.5})

    def operator(self, key: Key) -> str:
        """Return the nearest Paddle operator that called a function; empty if none did.

        Of several callers, the one whose calls cost most counts.
        """
        passed = set()
        while not (name := operator_of(key.name)):
            passed.add(key)
            callers = {
                caller: calls.cost
                for caller, calls in self.callers.get(key, {}).items()
                if caller not in passed
            }
            if not callers:
                return ""
            key = max(callers, key=lambda caller: callers[caller])
        return name


def total_of(path: Path) -> int:
    """Return the instructions that a file counts, without those of the background thread.

    Raises:
        OSError, ValueError: the file is missing or not complete.
    """
    data = path.read_bytes()
    if BACKGROUND.encode() in data:
        return round(sum(read_dump(path).costs.values()))
    return _total(path, data)


def _total(path: Path, data: bytes) -> int:
    found = re.search(rb"\ntotals: (\d+)\s*$", data[-64:])
    if found is None:
        raise ValueError(f"{path} is not a complete file of callgrind")
    return int(found[1])


def read_dump(path: Path) -> Dump:
    """Read a file.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is damaged, or not complete.
    """
    data = read_file(path, LARGEST_DUMP)
    lines = iter(data.decode(errors="replace").splitlines())
    try:
        dump = _parse(lines)
    except (KeyError, IndexError, ValueError, StopIteration) as error:
        raise ValueError(f"{path} is not a file of callgrind: {error!r}") from error
    if sum(dump.costs.values()) != _total(path, data):
        raise ValueError(f"{path} is damaged: its costs do not add up to its total")
    return dump.without(BACKGROUND)


def save_functions(dumps: Path, path: Path) -> None:
    """Write the functions of each benchmark that a process counted to one file.

    Args:
        dumps: path of the process's dumps, without their numbers.
        path: path of the new file.

    Raises:
        OSError: a file cannot be read or written.
        SideError: a dump is damaged.
    """
    profiles = {}
    try:
        for each in sorted(dumps.parent.glob(f"{dumps.name}.*")):
            dump = read_dump(each)
            calls, _, benchmark = dump.name.partition(" ")
            if benchmark:
                profiles[benchmark] = dump.profile(int(calls))
    except ValueError as error:
        raise SideError(f"Valgrind's counts cannot be read: {error}") from error
    write_json(path, Profiles(benchmarks=profiles).dump())


def _parse(lines: Iterator[str]) -> Dump:
    name = ""
    costs: dict[Key, int] = defaultdict(int)
    callers: dict[Key, dict[Key, Calls]] = defaultdict(lambda: defaultdict(Calls))
    names: dict[tuple[str, str], str] = {}  # By kind and number; written only the first time.
    now: dict[str, str] = {}
    for line in lines:
        field, _, text = line.partition("=")
        if field in ("ob", "fn", "cob", "cfn"):
            number, _, name_there = text.partition(" ")
            named = field[-2:], number
            now[field] = names[named] = name_there or names[named]
        elif field == "calls":
            # The next line has the position and the cost of the calls.
            callee = _key(now["cfn"], now.pop("cob", now["ob"]))
            caller = _key(now["fn"], now["ob"])
            new = Calls(int(text.split()[0]), int(next(lines).split()[1]))
            callers[callee][caller] = callers[callee][caller].plus(new)
        elif line[:1] in tuple("0123456789+-*"):
            costs[_key(now["fn"], now["ob"])] += int(line.split()[1])
        elif line.startswith(TRIGGER):
            name = line.removeprefix(TRIGGER)
    return Dump(name, costs, callers)


def _key(function: str, library: str) -> Key:
    # A recursive call is the same function: f'2.
    name = RECURSIVE.sub("", function)
    return Key(name, UNKNOWN if library == "???" else library.rpartition("/")[2])


def operator_of(function: str) -> str:
    """Return the Paddle operator that a function is, such as `matmul_grad`; empty if it is none."""
    found = OPERATOR.search(function)
    if found is None:
        return ""
    *forward, node = found.groups()
    if node:
        return "_".join(WORD.split(node)).lower() + "_grad"
    return str(next(filter(None, forward))).removesuffix("_impl")
