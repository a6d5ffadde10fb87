"""`assert_close` accepts arrays within the tolerance, and reports all others."""

from typing import Any

import numpy as np
import pytest

from tests.helpers.comparison import Tolerance, assert_close, describe_difference

LIMIT = Tolerance(relative=0.01, absolute=0.001)


@pytest.mark.parametrize(
    ("expected", "actual", "report"),
    [
        # The limit is 0.01 times the largest magnitude, 10, plus 0.001.
        ([-10, 0], [-10.1, 0.1], ""),
        (0, 0.001, ""),
        ([-10, 0], [-10, 0.102], "1 of 2 entries differ, worst at [1]: expected 0, got 0.102, "),
        ([-10, 0], [-10.102, 0], "1 of 2 entries differ, worst at [0]: expected -10, got -10.102"),
        ([-10, 0], [-10, -0.102], "1 of 2 entries differ"),
        *(
            (
                [0, 0, 0],
                [9, value, 0],
                f"2 of 3 entries differ, worst at [1]: expected 0, got {value}",
            )
            for value in (np.nan, np.inf, -np.inf)
        ),
        # Shapes are not broadcast, and an array without entries has no largest magnitude.
        ([[0], [0]], [0, 0], "expected shape [2, 1], got [2]"),
        (np.zeros((0, 2)), np.zeros((0, 2)), ""),
    ],
)
def test_difference_is_that_of_the_worst_entry(expected: Any, actual: Any, report: str) -> None:
    """One entry outside the limit is enough, on either side; the report is empty if none is."""
    found = describe_difference(expected, actual, LIMIT)

    assert found.startswith(report)
    assert bool(found) == bool(report)


def test_report_describes_every_mismatch_in_order() -> None:
    """It gives place, tensor, gate, number of wrong entries, the worst of them and the limit."""
    expected = {"recurrent.w_i": np.ones((2, 2)), "recurrent.u_f": np.ones((2, 2))}
    actual = {"recurrent.u_f": np.array([[1, 1.5], [2, 1]]), "recurrent.w_i": np.full((2, 2), 1.25)}

    with pytest.raises(AssertionError) as failure:
        assert_close(expected, actual, LIMIT, where="training step 3")

    assert str(failure.value) == (
        "training step 3: recurrent.w_i (input gate): 4 of 4 entries differ, "
        "worst at [0, 0]: expected 1, got 1.25, error 0.25, allowed 0.011\n"
        "  also recurrent.u_f (forget gate): 2 of 4 entries differ, "
        "worst at [1, 0]: expected 1, got 2, error 1, allowed 0.011"
    )


def test_infinite_expectation_is_refused() -> None:
    """It would allow any value."""
    with pytest.raises(ValueError, match="expected must be finite"):
        describe_difference(np.inf, 1, LIMIT)


def test_different_names_fail() -> None:
    """A missing and an unexpected array are both reported."""
    with pytest.raises(AssertionError, match=r"^w_f \(forget gate\): missing\n  also b: not exp"):
        assert_close({"a": 1, "w_f": 1}, {"a": 1, "b": 1}, LIMIT)
