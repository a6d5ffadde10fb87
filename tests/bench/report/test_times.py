"""Step times beside those of the previous Paddle version."""

from benchmarks.report.matrix import environments_of
from benchmarks.report.times import blocks_of
from tests.helpers.matrix_results import left, step_time


def test_step_times_have_ratios_to_the_previous_version() -> None:
    """It is the next older Paddle on the same machine, with the same Python if possible."""
    results = []
    for median, paddle, python, cpu in (
        (4, "2.6.2", "3.10.1", "A CPU"),
        (2, "3.0.0", "3.11.1", "A CPU"),
        (3, "3.0.0", "3.10.1", "A CPU"),
        (6, "3.3.1", "3.10.1", "A CPU"),
        (5, "3.10.0", "3.10.1", "A CPU"),
        (7, "3.11.0", "3.10.1", "A CPU"),
        (1, "3.3.1", "3.12.1", "Another"),
    ):
        each = left(f"{paddle} {python} {cpu}", paddle=paddle, python=python, cpu=cpu)
        each.times += [
            step_time(median),
            step_time(9, implementation="textbook"),
            step_time(1, implementation="textbook", stage="forward"),
        ]
        results.append(each)
    results[3].times += [
        step_time(1, device="gpu:0"),
        step_time(1, shape="B"),
        step_time(1, cell="C"),
        step_time(1, cell="own.py:workload", shape="", implementation="eager"),
    ]
    block, *others = blocks_of(environments_of(results))

    assert (block.title, len(others)) == ("RNN, B1 T10 H128, cpu", 4)
    assert others[-1].title == "own.py:workload, cpu"
    assert {row.times["textbook"].median for row in block.rows} == {9}
    assert block.implementations == ("textbook", "kernel")
    assert [row.before and row.before.place.paddle for row in block.rows] == [
        *(None, "2.6.2", "2.6.2", "3.0.0", None, "3.3.1", "3.10.0")
    ]
    assert {row.environment.name: row.ratio("kernel") for row in block.rows} == {
        "2.6.2 3.10.1 A CPU": None,
        "3.0.0 3.11.1 A CPU": 2 / 4,
        "3.0.0 3.10.1 A CPU": 3 / 4,
        "3.3.1 3.10.1 A CPU": 6 / 3,
        "3.10.0 3.10.1 A CPU": 5 / 6,
        "3.11.0 3.10.1 A CPU": 7 / 5,
        "3.3.1 3.12.1 Another": None,
    }
