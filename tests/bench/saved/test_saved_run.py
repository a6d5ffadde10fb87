"""The model of pytest-benchmark's files: every reader refuses a wrong run.

All wrong fields are in `tests/recorded/test_saved.py`.
"""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.compare.command import main as compare
from benchmarks.report.reading import read_environment
from benchmarks.saved.records import LARGEST_FILE
from benchmarks.saved.saved_run import SavedRun
from rnn_core.commands.status import ExitStatus
from tests.helpers.matrix_results import FACTS as VERSIONS
from tests.helpers.matrix_results import MACHINE
from tests.helpers.saved_runs import saved_benchmark, saved_content

FACTS = {**VERSIONS, **MACHINE}
VALID = saved_content(
    [
        saved_benchmark("one", 1e-3, stage="step"),
        saved_benchmark("two", 2e-3, lower_quartile=None, instructions=7, peak_bytes=5),
    ],
    {"cpu": FACTS},
)


Damage = Callable[[Path], object]


def holds(content: bytes) -> Damage:
    """Write a file with this content."""
    return lambda path: path.write_bytes(content)


def changed(path: str, value: Any) -> Damage:
    """Write a run with another value at this path, such as "benchmarks.0.stats.median"."""
    content: Any = copy.deepcopy(VALID)
    *parents, last = (int(key) if key.isdigit() else key for key in path.split("."))
    inner = content
    for key in parents:
        inner = inner[key]
    inner[last] = value
    return holds(json.dumps(content).encode())


def larger(path: Path) -> None:
    """Make a file that is too large, and takes no room on the disk."""
    with path.open("wb") as file:
        file.truncate(LARGEST_FILE + 1)


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that every reader accepts."""
    path = tmp_path_factory.mktemp("valid") / "run.json"
    path.write_text(json.dumps(VALID), encoding="utf-8")
    return path


WRONG: list[tuple[Damage, str]] = [
    (holds(b""), "the file is empty"),
    (changed("benchmarks.0.stats.median", -1), "stats.median: input should be greater"),
    (changed("benchmarks.1.fullname", "one"), "a benchmark occurs twice"),
    (changed("datetime", int("9" * 4300)), "datetime: input should be a valid datetime"),
    (larger, "must have at most 16777216 bytes"),
]


@pytest.mark.parametrize(("damage", "message"), WRONG)
def test_every_reader_refuses_a_wrong_run(
    damage: Damage, message: str, valid: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`compare` ends with 2, not with 1, which means slower; the report lists the file."""
    path = tmp_path / "benchmarks.json"
    damage(path)

    with pytest.raises((ValueError, OSError), match="^") as refused:
        SavedRun.load(path)
    assert message in str(refused.value)
    assert compare([str(path), str(valid)]) == ExitStatus.WRONG_INPUT
    printed = capsys.readouterr().err
    assert str(path) in printed
    assert message in printed
    assert len(printed.splitlines()) == 1
    [problem] = (
        each for each in read_environment(tmp_path).problems if each.file == "benchmarks.json"
    )
    assert message in problem.reason


def test_extreme_times_can_be_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ratios and their intervals stay within what a comparison can show."""
    (tmp_path / "pairs").mkdir()
    for number in range(1, 21):
        times = (1e-9, 1e5)[:: 1 if number % 3 else -1]
        for side, time in zip(("baseline", "candidate"), times, strict=True):
            content = saved_content([saved_benchmark("one", time)], {"cpu": FACTS})
            path = tmp_path / "pairs" / f"{number:04}-{side}.json"
            path.write_text(json.dumps(content), encoding="utf-8")

    assert compare([f"{tmp_path}:{side}" for side in ("baseline", "candidate")]) == (
        ExitStatus.CANNOT_TELL
    )
    assert "cannot tell" in capsys.readouterr().out
