"""The matrix of environments: places, failures, step times, curves and the notebook's figures."""

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import numpy as np
import pytest

from benchmarks.notebook import figures as notebook
from benchmarks.report.curves import Curves, curves_of, printed_of
from benchmarks.report.formats import Case, StepTime
from benchmarks.report.matrix import (
    Environment,
    breakages_of,
    environments_of,
    failures_of,
    headline,
    rows_of,
    skips_of,
    version,
    worst_of,
)
from benchmarks.report.reading import EnvironmentResults, Problem
from benchmarks.report.times import blocks_of
from benchmarks.saved.run_file import RunFile, Selection
from tests.helpers.matrix_results import made_up

PASSED, FAILED = Case("test_a::x", "passed"), Case("test_a::x", "failed", "1 != 2")


WHOLE = Selection(source="TESTPATHS", paths=("tests",), whole=("tests",), options=())


def left(name: str, *cases: Case, day: int = 24, **facts: str) -> EnvironmentResults:
    """Return the results of an environment; without facts, no file describes it."""
    results = EnvironmentResults(name, cases={"tests": list(cases)})
    if facts:
        devices = {"cpu": {"device": "cpu", "cpu": "A CPU", **facts}}
        date = datetime(2026, 11, day, tzinfo=timezone.utc)
        results.runs["tests"] = RunFile(
            date=date,
            arguments=(),
            environments=devices,
            selection=WHOLE,
            expected=(),
            exit_status=0,
        )
    return results


def matrix(*pairs: tuple[str, str]) -> list[EnvironmentResults]:
    """Return an environment for each Paddle and Python, in which all tests pass."""
    return [
        left(f"{paddle}-{python}", PASSED, paddle=paddle, python=python) for paddle, python in pairs
    ]


def names(environments: list[Environment]) -> list[str]:
    """Return the names of environments."""
    return [each.name for each in environments]


def test_environments_are_ordered_by_version_numbers() -> None:
    """Paddle 3.10 comes after 3.3, Python 3.9 before 3.11."""
    pairs = [("3.10.0", "3.11.7"), ("3.3.1", "3.11.7"), ("2.6.2", "3.9.1"), ("3.3.1", "3.10.13")]
    pythons, rows = rows_of(environments_of(matrix(*pairs)))

    assert pythons == ["3.9", "3.10", "3.11"]
    assert [(row.device, row.paddle) for row in rows] == [
        ("cpu", "2.6.2"),
        ("cpu", "3.3.1"),
        ("cpu", "3.10.0"),
    ]
    assert [[names(list(cell)) for cell in row.cells] for row in rows if row.paddle == "3.3.1"] == [
        [[], ["3.3.1-3.10.13"], ["3.3.1-3.11.7"]]
    ]


def test_an_environment_without_facts_is_placed_by_its_name() -> None:
    """Other names have no place."""
    broken = [
        left("py312-paddle31-gpu"),
        left("bench-paddle32"),
        left("mine"),
        left("py310-paddle26-cpu"),
    ]
    environments = environments_of([*broken, *matrix(("3.2.2", "3.11.7"))])

    assert {each.name: tuple(each.place) for each in environments} == {
        "py312-paddle31-gpu": ("gpu", "3.1", "3.12"),
        # The patch version is that of another environment.
        "bench-paddle32": ("cpu", "3.2.2", "unknown"),
        "py310-paddle26-cpu": ("cpu", "2.6", "3.10"),
        "mine": ("unknown", "unknown", "unknown"),
        "3.2.2-3.11.7": ("cpu", "3.2.2", "3.11"),
    }


def test_an_environment_with_a_gpu_is_placed_with_the_gpus() -> None:
    """Even though it tests the CPU too."""
    results = left("a", PASSED, paddle="3.3.1", python="3.11.7")
    devices = results.runs["tests"].environments
    devices["gpu:0"] = {**devices["cpu"], "device": "gpu:0"}

    assert environments_of([results])[0].place.device == "gpu"


def incomplete(name: str, paddle: str) -> EnvironmentResults:
    """Return an environment that passed, but lacks a file."""
    results = left(name, PASSED, paddle=paddle)
    results.problems.append(Problem("tests.xml", "missing"))
    return results


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([], "No environment left results"),
        ([left("a", PASSED)], "The one environment passed"),
        ([left("a", PASSED), left("b", PASSED)], "All 2 environments passed"),
        ([left("a", PASSED), left("b", FAILED)], "1 of 2 environments has failures"),
        ([left("a", PASSED), incomplete("b", "3.3.1")], "1 of 2 environments is incomplete"),
        (
            [left("a", PASSED), left("b", FAILED), incomplete("c", "3.3.1")],
            "1 of 3 environments has failures, 1 more is incomplete",
        ),
    ],
)
def test_headline_counts_failed_and_incomplete_environments(
    results: list[EnvironmentResults], expected: str
) -> None:
    """Failures come before missing files."""
    assert headline(environments_of(results)) == expected


def test_environments_that_did_not_pass_are_grouped_by_state() -> None:
    """With the fact that only those of a state share; a single one shares nothing."""
    results = [
        left("good", PASSED, paddle="3.3.1"),
        left("bad", FAILED, paddle="2.6.2"),
        left("worse", FAILED, paddle="2.6.2"),
        incomplete("short", "3.3.1"),
    ]

    assert [
        (state, names(those), pattern)
        for state, those, pattern in worst_of(environments_of(results))
    ] == [
        ("failed", ["bad", "worse"], "all with Paddle 2.6.2, and no other"),
        ("incomplete", ["short"], ""),
    ]


def test_errors_in_fixtures_are_failures() -> None:
    """Skipped tests are not."""
    [each] = environments_of([left("a", Case("x", "error"), Case("y", "skipped", "no GPU"))])

    assert (each.state, each.verdict) == ("failed", "1 failed")
    assert each.counts == {"failed": 1, "skipped": 1}


@pytest.mark.parametrize(
    ("failing", "pattern"),
    [
        ([0, 1], "all with Paddle 2.6.2, and no other"),
        ([0, 2], "all with Python 3.10, and no other"),
        ([0], ""),
        ([0, 1, 2], ""),
        ([0, 1, 2, 3], "everywhere"),
    ],
)
def test_a_failure_has_the_fact_that_only_its_environments_share(
    failing: list[int], pattern: str
) -> None:
    """All that fail share it, and no other environment that ran the test has it."""
    pairs = [("2.6.2", "3.10.1"), ("2.6.2", "3.11.1"), ("3.3.1", "3.10.1"), ("3.3.1", "3.11.1")]
    results = matrix(*pairs)
    for index in failing:
        results[index].cases["tests"] = [FAILED]
    [failure] = failures_of(environments_of(results))

    assert (len(failing), 4, pattern) == (len(failure.where), failure.ran, failure.pattern)
    assert failure.where[0][1].reason == "1 != 2"


def test_failures_in_most_environments_come_first() -> None:
    """Environments that skipped a test did not run it."""
    other = Case("test_b::y", "failed", "3")
    environments = environments_of(
        [
            left("a", FAILED, other),
            left("b", PASSED, other),
            left("c", Case("test_b::y", "skipped")),
        ]
    )

    assert [
        (failure.name, len(failure.where), failure.ran) for failure in failures_of(environments)
    ] == [("test_b::y", 2, 2), ("test_a::x", 1, 2)]


def test_tests_that_fail_in_the_same_environments_are_one_breakage() -> None:
    """Tests that failed in other environments, or with another pattern, are separate."""
    more = [FAILED, replace(FAILED, name="test_b::y")]
    environments = environments_of(
        [left("a", *more, paddle="2.6.2"), left("b", *more, Case("z", "failed"), paddle="2.6.2")]
    )
    found = breakages_of(failures_of([*environments, *environments_of(matrix(("3.3.1", "3.11")))]))

    assert [
        (names(list(each.where)), [failure.name for failure in each.failures], each.pattern)
        for each in found
    ] == [
        (["a", "b"], ["test_a::x"], "all with Paddle 2.6.2, and no other"),
        (["a", "b"], ["test_b::y"], "everywhere"),
        (["b"], ["z"], ""),
    ]


def test_skips_are_counted_by_reason() -> None:
    """With the number of tests in each environment."""
    gpu, torch = Case("a", "skipped", "no GPU"), Case("b", "skipped", "no torch")
    skips = skips_of(
        environments_of([left("a", torch, gpu, replace(gpu, name="c")), left("b", gpu)])
    )

    assert [(skip.reason, skip.where) for skip in skips] == [
        ("no GPU", (("a", 2), ("b", 1))),
        ("no torch", (("a", 1),)),
    ]


def test_results_of_another_day_are_marked_as_old() -> None:
    """They are not from the same run of the matrix."""
    results = [left("old", PASSED, day=20, paddle="3.3.1"), left("new", PASSED, paddle="3.3.1")]

    assert {each.name: each.old for each in environments_of(results)} == {
        "old": "4 days older than the newest",
        "new": "",
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ""),
        ({"source": "ARGS", "paths": ("tests",)}, ""),
        ({"source": "ARGS", "paths": ("tests/core/test_cells.py",)}, "not all tests"),
        ({"source": "INVOCATION_DIR", "paths": ("/project/tests/core",)}, "not all tests"),
        ({"options": ("--ignore",)}, "not all tests"),
        ({"deselected": 1}, "not all tests"),
        ({"stopped": "stopping after 1 failures"}, "not all tests"),
        (None, "perhaps not all tests (an earlier version saved this)"),
    ],
)
def test_a_run_of_some_tests_is_marked(changes: dict[str, Any] | None, expected: str) -> None:
    """By path, by deselection, or because it stopped early; of an old file it is not known."""
    results = left("a", PASSED, paddle="3.3.1")
    selection = None if changes is None else WHOLE.model_copy(update=changes)
    results.runs["tests"] = results.runs["tests"].model_copy(update={"selection": selection})

    assert environments_of([results])[0].part == expected


def test_versions_without_numbers_come_last() -> None:
    """Development versions have arbitrary names."""
    assert sorted(["unknown", "3.10", "2.6.2"], key=version) == ["2.6.2", "3.10", "unknown"]


def test_step_times_have_ratios_to_the_previous_version() -> None:
    """The next older Paddle on the same machine, with the same Python if possible."""

    def timed(median: float, paddle: str, python: str, cpu: str = "A CPU") -> EnvironmentResults:
        results = left(f"{paddle} {python} {cpu}", paddle=paddle, python=python, cpu=cpu)
        parts = ("cpu", "RNN", "B1 T10 H128")
        results.times = [
            StepTime(*parts, "kernel", "step", median, median, median),
            StepTime(*parts, "textbook", "step", 9, 9, 9),
            StepTime(*parts, "textbook", "forward", 1, 1, 1),
        ]
        return results

    [block] = blocks_of(
        environments_of(
            [
                timed(4, "2.6.2", "3.10.1"),
                timed(2, "3.0.0", "3.11.1"),
                timed(3, "3.0.0", "3.10.1"),
                timed(6, "3.3.1", "3.10.1"),
                timed(1, "3.3.1", "3.12.1", cpu="Another"),
            ]
        )
    )

    assert block.implementations == ("textbook", "kernel")
    kernel = {row.environment.name: row.ratios[1] for row in block.rows}
    assert kernel == {
        "2.6.2 3.10.1 A CPU": None,
        "3.0.0 3.11.1 A CPU": 2 / 4,
        "3.0.0 3.10.1 A CPU": 3 / 4,
        "3.3.1 3.10.1 A CPU": 6 / 3,
        "3.3.1 3.12.1 Another": None,
    }


def with_history(name: str, **changes: Any) -> EnvironmentResults:
    """Return an environment with a history of the exploding run."""
    results = left(name)
    results.histories["cpu", "exploding-rnn"] = made_up("exploding-rnn", **changes)
    return results


def test_runs_equal_to_the_last_bit_share_curves() -> None:
    """For every Paddle; a difference of one bit in one loss separates them."""
    loss = made_up("exploding-rnn").loss
    other = loss.copy()
    other[3] = np.nextafter(other[3], np.inf)
    environments = environments_of(
        [with_history("a", paddle="2.6.2"), with_history("b"), with_history("c", loss=other)]
    )
    found = curves_of(environments)["exploding-rnn"]

    assert [curves.where for curves in found] == [("a", "b"), ("c",)]
    assert found[0].versions == "Paddle 2.6.2, 3.3.1"


def curves(**changes: Any) -> Curves:
    """Return the curves of one made-up run."""
    [found] = curves_of(environments_of([with_history("a", **changes)]))["exploding-rnn"]
    return found


def test_zeros_and_nan_are_written_in_words() -> None:
    """A logarithmic axis cannot show them."""
    norms = np.array([2.0, 0, np.nan, np.inf, *[1.0] * 16])
    rows = curves(raw_norms={"W": norms}, clipped_norms={"W": norms}).rows

    assert [row[1] for row in rows[:5]] == [
        "2",
        "exactly 0",
        "NaN or infinite",
        "NaN or infinite",
        "1",
    ]
    assert ["step", rows[0][0], rows[-1][0]] == ["step", "1", "20"]


def test_a_point_of_a_long_run_is_the_largest_of_40_steps() -> None:
    """It also says whether a value was not finite."""
    results = left("a")
    history = made_up("clipped-rnn")
    history.raw_norms["recurrent.W"][:] = np.arange(2000)
    history.raw_norms["recurrent.W"][100] = np.nan
    results.histories["cpu", "clipped-rnn"] = history
    [found] = curves_of(environments_of([results]))["clipped-rnn"]

    assert tuple(range(40, 2001, 40)) == found.ends
    assert found.rows[0][:2] == ["1 to 40", "39"]
    assert found.rows[2][:2] == ["81 to 120", "119, NaN or infinite"]
    assert found.rows[0][-1] == f"{history.accuracy[9]:.0%}"


def test_the_gates_of_the_lstm_share_a_line_for_each_kind() -> None:
    """Its points are the largest gate's."""
    results = left("a")
    results.histories["cpu", "clipped-lstm"] = made_up("clipped-lstm")
    [found] = curves_of(environments_of([results]))["clipped-lstm"]

    assert [name.rpartition(",")[0] for name in found.norms] == [
        "recurrent.w, inputs",
        "recurrent.u, states",
        "recurrent.b, biases",
    ]
    raw = made_up("clipped-lstm").raw_norms
    largest = max(raw[f"recurrent.w_{gate}"][:40].max() for gate in "fi")
    assert next(iter(found.norms.values()))[0].largest == largest


def test_the_notebooks_figures_are_compared_with_each_run() -> None:
    """Equal runs share a column; figures that are off or missing are marked."""
    printed = {figure.step: figure for figure in notebook.figures() if figure.name == "norm of W"}
    norms = made_up("exploding-rnn").raw_norms
    exact = {name: values.copy() for name, values in norms.items()}
    for row in notebook.EXPLODING_RNN:
        for name in "WUb":
            exact[f"recurrent.{name}"][row.step - 1] = getattr(row, name)
    off = {name: values.copy() for name, values in exact.items()}
    off["recurrent.U"][0] *= 1 + 2e-6
    zeros = np.zeros(5)
    table = printed_of(
        environments_of(
            [
                with_history("a", raw_norms=exact, accuracy=zeros),
                with_history("b", raw_norms=exact, accuracy=zeros),
                with_history("c", raw_norms=off, accuracy=zeros),
            ]
        )
    )
    first, second = table.rows[:2]

    assert list(table.columns) == [("Paddle 3.3.1", ("a", "b")), ("Paddle 3.3.1", ("c",))]
    assert len(table.rows) == 36
    assert ("19.658676", True) == first.cells[0] == first.cells[1]
    assert printed[1] == first.figure
    assert tuple(cell is not None and cell[1] for cell in second.cells) == (True, False)
    assert pytest.approx(2e-6, rel=1e-3) == second.error
    assert table.outside == 1
    # There are no runs of the other experiments.
    assert table.experiments["clipped-rnn"][0].cells == (None, None)


def test_a_run_that_ended_early_lacks_the_later_figures() -> None:
    """They are missing, not wrong."""
    figures = list(notebook.figures())
    early = made_up(
        "exploding-rnn",
        loss=np.ones(2),
        raw_norms={"recurrent.W": np.ones(2)},
        clipped_norms={"recurrent.W": np.ones(2)},
        accuracy=np.array([]),
        epoch_ends=np.array([], dtype=np.int64),
    )

    assert {
        (figure.name, figure.step)
        for figure in figures
        if figure.experiment == "exploding-rnn" and figure.of(early) is not None
    } == {("norm of W", 1), ("norm of W", 2)}
