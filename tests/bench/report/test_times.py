"""Step times beside those of the previous Paddle version."""

from benchmarks.report.formats import StepTime
from benchmarks.report.matrix import environments_of
from benchmarks.report.reading import EnvironmentResults
from benchmarks.report.times import blocks_of
from tests.helpers.matrix_results import left


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
