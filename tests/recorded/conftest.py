"""Fixtures of the recorded outputs."""

import math
import os
import re
import sys
from collections.abc import Callable, Iterator
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest_regressions.common import check_text_files
from pytest_regressions.file_regression import FileRegressionFixture

from tests import ROOT

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


class Tried:
    """Calls functions, and keeps what they return, raise and print.

    Attributes:
        folder: an empty folder, which is the working directory.
        lines: the lines so far.
        names: names that replace other texts.
    """

    def __init__(
        self, folder: Path, printed: Callable[[], tuple[str, str]], record: FileRegressionFixture
    ) -> None:
        self.folder, self.printed, self.record = folder, printed, record
        self.lines: list[str] = []
        self.names = {str(folder): "FOLDER", str(ROOT): "ROOT", sys.executable: "PYTHON"}

    def __call__(
        self, title: str, call: Callable[..., object], *given: object, **named: object
    ) -> None:
        """Call a function. Of a wrong command line, the usage is left out."""
        try:
            result = call(*given, **named)
            # Python 3.10 prints the name of a status.
            found = str(int(result) if isinstance(result, IntEnum) else result)
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            found = f"{type(error).__name__}: {error}"
        # Python marks a part of a line in a traceback, depending on its version.
        lines = [line for line in found.splitlines() if not re.fullmatch(r"[ ~^]+", line)]
        self.lines.append(f"{title}: " + "\n  | ".join(lines))
        out, err = self.printed()
        self.lines += [f"  > {line}" for line in out.splitlines()]
        lines = [line for line in err.splitlines() if line.strip() and line[:7] != "usage: "]
        self.lines += [f"  ! {line}" for line in lines]

    def check(self, computed: bool = False) -> None:
        """Compare the lines, without what depends on the machine, with the recorded ones.

        Args:
            computed: whether numbers, of four digits, are computed by Paddle and may be rounded
                otherwise.
        """
        text = "\n".join(self.lines) + "\n"
        for old in sorted(self.names, key=len, reverse=True):  # tox's Python lies in the project.
            text = text.replace(old, self.names[old])
        self.record.check(text, check_fn=check_but_rounding if computed else None)


def check_but_rounding(obtained: Path, expected: Path) -> None:
    """Raise AssertionError unless texts are equal but for a number's fourth digit."""
    one, other = (path.read_text(encoding="utf-8") for path in (obtained, expected))
    numbers = zip(NUMBER.findall(one), NUMBER.findall(other), strict=False)
    close = all(math.isclose(float(a), float(b), rel_tol=1.01e-3) for a, b in numbers)
    if not close or NUMBER.sub("", one) != NUMBER.sub("", other):
        check_text_files(obtained, expected, encoding="utf-8")


@pytest.fixture
def tried(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    file_regression: FileRegressionFixture,
) -> Iterator[Tried]:
    """Call functions in an empty folder, on a wide terminal."""
    monkeypatch.setenv("COLUMNS", "2000")
    monkeypatch.setattr(os, "fsync", lambda _: None)  # It takes most of the time.
    monkeypatch.setattr(sys, "path", [*sys.path])
    # Python would take a file of the same size and second for the one that it has compiled.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    modules = set(sys.modules)
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield Tried(folder, capsys.readouterr, file_regression)
    for name in set(sys.modules) - modules:
        if name.startswith(("lm", "workload_")):
            del sys.modules[name]


@pytest.fixture
def even_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all weights of new models be the same in every version of Paddle."""
    import paddle  # Not at the top: pytest may import this file before a fault is planted.

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
