"""The result of a comparison: its file, its words and its status."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.compare.result import Comparison, Drift, Measured, Pace
from rnn_core.commands.status import ExitStatus
from tests.helpers.matrix_results import comparison, write_json


def load(folder: Path, content: Any) -> Comparison:
    """Read a comparison with this content."""
    write_json(folder / "comparison.json", content)
    return Comparison.load(folder / "comparison.json")


def changed(**changes: Any) -> dict[str, Any]:
    """A comparison with changes to its first benchmark or to that benchmark's time."""
    content = comparison()
    benchmark = content["benchmarks"][0]
    time = benchmark["measures"]["time"]
    for name, value in changes.items():
        (time if name in time else benchmark)[name] = value
    return content


def test_a_saved_comparison_is_read_back_equal(tmp_path: Path) -> None:
    """Every field is kept, and the file names the version of its format."""
    found = load(tmp_path, comparison())
    (tmp_path / "again").mkdir()
    found.save(tmp_path / "again")

    assert Comparison.load(tmp_path / "again" / "comparison.json") == found
    assert json.loads((tmp_path / "again" / "comparison.json").read_text())["format"] == (
        "rnn_core comparison 3"
    )


def course(**changes: Any) -> dict[str, Any]:
    """A comparison with changes to how its times were measured."""
    content = comparison()
    content["courses"]["time"] |= changes
    return content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (comparison(format="rnn_core comparison 4"), "format: input should be 'rnn_core compar"),
        (course(within=-1), "courses.time.within: input should be greater than 0, got -1"),
        (comparison(confidence=1.5), "confidence: input should be less than 1, got 1.5"),
        (course(outcome="lost"), "courses.time.outcome: input should be 'settled', 'out of time'"),
        (comparison(courses={}), "the file: value error, courses.time is missing"),
        (changed(verdict="less memory"), "benchmarks.0: value error, 'less memory' is not a verdi"),
        (changed(verdict="awful"), "benchmarks.0.measures.time.verdict: input should be 'slower'"),
        (changed(ratio=float("nan")), "invalid JSON: NaN is not JSON"),
        (changed(low=-1), "benchmarks.0.measures.time.low: input should be greater than or equal"),
        (changed(baseline=-2.0), "benchmarks.0.measures.time.baseline: input should be greater"),
        (changed(measures={}), "benchmarks.0.measures: dictionary should have at least 1 item"),
        (changed(measures={"luck": {}}), "benchmarks.0.measures.luck"),
        (comparison(behaviour=[{}]), "behaviour.0.experiment is missing"),
    ],
)
def test_wrong_field_is_named(content: dict[str, Any], message: str, tmp_path: Path) -> None:
    """The message begins with the field and says what is wrong with it."""
    with pytest.raises(ValueError, match="^") as refused:
        load(tmp_path, content)

    assert str(refused.value).startswith(message)


def result(**changes: Any) -> Measured:
    """The result of a benchmark without a verdict."""
    return Measured(**comparison()["benchmarks"][-1]["measures"]["time"] | changes)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.4, 0.6, "0.400-0.600"),
        (None, 0.6, "up to 0.600"),
        (0.4, None, "from 0.400"),
        (None, None, ""),
    ],
)
def test_an_interval_may_be_open(low: float | None, high: float | None, expected: str) -> None:
    """If the resamples do not reach far enough, only the other end is given."""
    assert result(low=low, high=high).interval() == expected


@pytest.mark.parametrize(
    ("effect", "pairs", "expected"),
    [
        (0.0124, None, "would have detected an increase of 1.2%"),
        (0.124, None, "would have detected an increase of 12%"),
        (0.996, None, "would have detected an increase of 100%"),
        (0.124, 5, "would have detected an increase of 12%, needs about 5 more pairs"),
        (1.5, 5, "would not have detected an increase of 100%, needs about 5 more pairs"),
        (None, None, "would not have detected an increase of 100%"),
    ],
)
def test_advice_says_what_helps(effect: float | None, pairs: int | None, expected: str) -> None:
    """It names the smallest slowdown that would have been detected, and the missing pairs."""
    assert result(smallest_effect=effect, pairs_to_settle=pairs).advice == expected
    assert result(verdict="same", pairs_to_settle=pairs).advice == ""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("test_stages.py::test_stage[cpu-step-RNN]", "cpu-step-RNN"),
        ("test_traced.py::test_traced[cpu-first-RNN]", "cpu-first-RNN"),
        ("test_own.py::test_it", "test_it"),
    ],
)
def test_parameters_of_a_benchmark(tmp_path: Path, name: str, expected: str) -> None:
    """They are what the brackets contain, or else the test's name."""
    benchmark, *_ = load(tmp_path, changed(name=name)).benchmarks
    assert benchmark.parameters == expected


def test_behaviour_that_cannot_be_compared_is_undecided(tmp_path: Path) -> None:
    """Rounding alone makes even its first step differ too much."""
    facts = ("w", "eager", "equal within rounding", 0, 1, None, None, None, "")
    verdict = vars(BehaviourVerdict(*facts))  # type: ignore[arg-type]
    content = comparison(behaviour=[verdict])
    content["benchmarks"] = [
        each for each in content["benchmarks"] if each["measures"]["time"]["verdict"] == "same"
    ]

    assert load(tmp_path, content).status == ExitStatus.CANNOT_TELL
    content["behaviour"] = []
    assert load(tmp_path, content).status == ExitStatus.OK


def test_drift_is_the_largest_change_of_a_side() -> None:
    """Each side is compared with itself only."""
    drift = Drift(
        baseline=Pace(fastest_ms=1.0, slowest_ms=1.05),
        candidate=Pace(fastest_ms=2.0, slowest_ms=2.5),
    )

    assert drift.change == pytest.approx(0.25)
    assert "up to 25% longer in one process than in another: the machine drifted" in drift.text
    assert "steady" in drift.model_copy(update={"candidate": None}).text


@pytest.mark.parametrize(
    ("verdicts", "different", "status"),
    [
        (["same", "faster"], False, ExitStatus.OK),
        (["same", "faster", "cannot tell"], False, ExitStatus.CANNOT_TELL),
        (["same", "slower"], False, ExitStatus.FINDING),
        (["cannot tell", "slower"], False, ExitStatus.FINDING),
        (["same"], True, ExitStatus.FINDING),
        (["cannot tell"], True, ExitStatus.FINDING),
        (["cannot tell"], False, ExitStatus.CANNOT_TELL),
        ([], False, ExitStatus.CANNOT_TELL),
    ],
)
def test_status_follows_from_the_verdicts(
    verdicts: list[Any], different: bool, status: ExitStatus, tmp_path: Path
) -> None:
    """Slower or different is a finding; otherwise, a missing verdict gives CANNOT_TELL."""
    found = load(tmp_path, comparison() if different else comparison(behaviour=[]))
    benchmarks = tuple(
        found.benchmarks[0].model_copy(update={"measures": {"time": result(verdict=word)}})
        for word in verdicts
    )

    assert found.model_copy(update={"benchmarks": benchmarks}).status == status
