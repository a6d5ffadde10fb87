"""The model of pytest-benchmark's files: which runs are refused, and that every reader does so."""

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


def test_a_saved_run_is_read(valid: Path) -> None:
    """A benchmark's time is its median, or None if it was sampled and mostly disturbed."""
    run = SavedRun.load(valid)

    assert (run.name, run.when.isoformat()) == (str(valid), "2026-11-25T12:00:00+00:00")
    assert [run.benchmarks[name].value("time") for name in ("one", "two")] == [1e-3, None]
    assert run.benchmarks["one"].value("instructions") is None
    assert run.benchmarks["two"].value("instructions") == 7
    assert run.benchmarks["two"].value("memory") == 5
    assert run.environments == {"cpu": FACTS}


WRONG: list[tuple[Damage, str]] = [
    (holds(b""), "the file is empty"),
    (changed("benchmarks.0.stats.median", -1), "stats.median: input should be greater"),
    (changed("benchmarks.0.stats.median", 5e-324), "or equal to 0.000000001, got 5e-324"),
    (changed("benchmarks.0.stats.median", 1e300), "stats.median: input should be less than"),
    (changed("benchmarks.0.stats.median", 2), "benchmarks.0.stats: value error, must rise from"),
    (changed("benchmarks.0.stats.rounds", 0), "stats.rounds: input should be greater"),
    (changed("benchmarks.0.stats.outliers", 0), "stats.outliers: input should be a valid str"),
    (changed("benchmarks.0.extra_info", []), "extra_info: input should be an object"),
    (changed("benchmarks.0.extra_info.device", []), "extra_info.device: input should be"),
    (changed("benchmarks.1.extra_info.lower_quartile", 0), "lower_quartile: input should be gre"),
    (changed("benchmarks.1.extra_info.fixed_work_ms", 0), "fixed_work_ms: input should be gre"),
    (changed("benchmarks.1.fullname", "one"), "a benchmark occurs twice"),
    (changed("machine_info.devices", {}), "machine_info.devices: dictionary should have at le"),
    (changed("environment", {"gpu:0": FACTS}), "must have the same devices"),
    (changed("environment.cpu", {}), "must have the version of paddle"),
    (changed("datetime", "0001-01-01T00:00:00"), "must be in the years 2000 to 2999"),
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
