"""Fixtures of the recorded outputs."""

import math
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest_regressions.common import check_text_files
from pytest_regressions.file_regression import FileRegressionFixture

from tests.helpers.recorded import ended, portable

# pytest may import this file before a fault is planted: the rest is imported in the fixtures.

Check = Callable[..., None]
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


@pytest.fixture
def check(file_regression: FileRegressionFixture) -> Check:
    """A function that compares a text or lines with the recorded ones.

    Args of the function:
        found: text or lines.
        names: names that replace folders and other texts.
        extension: end of the recorded file's name.
        computed: whether numbers, of four digits, are computed by Paddle and may be rounded
            otherwise.
    """

    def compare(
        found: str | Iterable[str],
        names: Mapping[Any, str] | None = None,
        extension: str = ".txt",
        computed: bool = False,
    ) -> None:
        text = found if isinstance(found, str) else "".join(f"{line}\n" for line in found)
        text = portable(text, {str(old): new for old, new in (names or {}).items()})
        check_fn = check_but_rounding if computed else None
        file_regression.check(text, "utf-8", extension, check_fn=check_fn)

    return compare


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the working directory."""
    path = tmp_path / "here"
    path.mkdir()
    monkeypatch.chdir(path)
    monkeypatch.setattr(os, "fsync", lambda _: None)  # It takes most of the time.
    return path


def check_but_rounding(obtained: Path, expected: Path) -> None:
    """Raise AssertionError unless texts are equal but for a number's fourth digit."""
    one, other = (path.read_text(encoding="utf-8") for path in (obtained, expected))
    numbers = zip(NUMBER.findall(one), NUMBER.findall(other), strict=False)
    rounded = all(same_but_rounding(a, b) for a, b in numbers)
    if not rounded or NUMBER.sub("", one) != NUMBER.sub("", other):
        check_text_files(obtained, expected, encoding="utf-8")


def same_but_rounding(obtained: str, expected: str) -> bool:
    """Whether the same format may give two texts for a number that is rounded otherwise.

    Whole numbers are not rounded.
    """
    if obtained == expected or (obtained.isdecimal() and expected.isdecimal()):
        return obtained == expected
    a, b = float(obtained), float(expected)
    digits, most = (len(re.sub(r"e.*|[-.]", "", text)) for text in (obtained, expected))
    return a != b and math.isclose(a, b, rel_tol=1.01e-3) and digits <= max(most, 4)


@pytest.fixture
def one_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with two CPUs and without GPUs, whose facts are always the same."""
    from tests.helpers.matrix_results import FACTS, MACHINE

    monkeypatch.setattr("rnn_core.runtime.devices.available_devices", lambda: ["cpu"])
    monkeypatch.setattr("paddle.version.full_version", "9.9.9")
    monkeypatch.setattr("paddle.device.is_compiled_with_cuda", lambda: False)
    monkeypatch.setattr("benchmarks.measuring.threads.cpus", lambda: 2)
    facts = {**FACTS, **MACHINE}
    monkeypatch.setattr("tests.helpers.fake_processes.describe_environment", lambda: facts)


class Tried:
    """Calls functions, and keeps what they return, raise and print.

    Attributes:
        folder: an empty folder, which is the working directory.
        lines: the lines so far.
        names: names that replace other texts.
    """

    def __init__(self, folder: Path, check: Check) -> None:
        self.folder, self.compare = folder, check
        self.lines: list[str] = []
        self.names = {str(folder): "FOLDER"}

    def __call__(
        self, title: str, call: Callable[..., object], *given: object, **named: object
    ) -> None:
        """Call a function."""
        found = ended(call, *given, **named)
        # Python marks a part of a line in a traceback, depending on its version.
        lines = [line for line in found.text.split("\n") if not re.fullmatch(r"[ ~^]+", line)]
        self.lines.append(f"{title}: " + "\n  | ".join(lines))
        self.lines += [f"  > {line}" for line in found.out.splitlines()]
        self.lines += [f"  ! {line}" for line in found.err.splitlines() if line.strip()]

    def check(self, computed: bool = False) -> None:
        """Compare the lines with the recorded ones."""
        self.compare(self.lines, self.names, computed=computed)


@pytest.fixture
def tried(folder: Path, monkeypatch: pytest.MonkeyPatch, check: Check) -> Iterator[Tried]:
    """Call functions in an empty folder, on a wide terminal."""
    monkeypatch.setenv("COLUMNS", "2000")
    monkeypatch.setattr(sys, "path", [*sys.path])
    # Python would take a file of the same size and second for the one that it has compiled.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    modules = set(sys.modules)
    yield Tried(folder, check)
    for name in set(sys.modules) - modules:
        if name.startswith(("lm", "workload_")):
            del sys.modules[name]


@pytest.fixture
def even_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all weights of new models be the same in every version of Paddle."""
    import paddle

    create = paddle.nn.Layer.create_parameter

    def created(*given: Any, **named: Any) -> Any:
        weight = create(*given, **named)
        if not weight.numpy().any():  # Such as a bias that a layer must not have.
            return weight
        size = int(np.prod(weight.shape))
        values = np.cos(np.arange(size) + size).reshape(weight.shape)
        weight.set_value(values.astype(str(weight.numpy().dtype)))
        return weight

    monkeypatch.setattr(paddle.nn.Layer, "create_parameter", created)
