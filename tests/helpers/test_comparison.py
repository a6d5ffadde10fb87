"""`assert_close` accepts arrays within the tolerance, and reports all others."""

import numpy as np
import pytest

from tests.helpers.comparison import Tolerance, assert_close, describe_difference

LIMIT = Tolerance(relative=0.01, absolute=0.001)


def test_arrays_within_the_tolerance_pass() -> None:
    """The limit here is 0.01 times the largest magnitude, 10, plus 0.001."""
    assert_close({"a": [-10, 0.0], "b": 0}, {"a": [-10.1, 0.1], "b": 0.001}, LIMIT)


@pytest.mark.parametrize("actual", [[-10, 0.102], [-10.102, 0], [-10, -0.102]])
def test_one_entry_outside_the_tolerance_fails(actual: list[float]) -> None:
    """One entry outside the limit, on either side, is enough."""
    with pytest.raises(AssertionError, match="1 of 2 entries differ"):
        assert_close({"a": [-10, 0]}, {"a": actual}, LIMIT)


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


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_fail(value: float) -> None:
    """They differ from every number and are reported as the worst entry."""
    report = describe_difference(np.zeros(3), np.array([9, value, 0]), LIMIT)

    assert report.startswith("2 of 3 entries differ, worst at [1]: expected 0, got ")


def test_infinite_expectation_is_refused() -> None:
    """It would allow any value."""
    with pytest.raises(ValueError, match="expected must be finite"):
        describe_difference(np.inf, 1, LIMIT)


def test_different_shapes_fail() -> None:
    """Shapes are not broadcast."""
    report = describe_difference(np.zeros((2, 1)), np.zeros(2), LIMIT)

    assert report == "expected shape [2, 1], got [2]"


def test_different_names_fail() -> None:
    """A missing and an unexpected array are both reported."""
    with pytest.raises(AssertionError, match=r"^w_f \(forget gate\): missing\n  also b: not exp"):
        assert_close({"a": 1, "w_f": 1}, {"a": 1, "b": 1}, LIMIT)


def test_empty_arrays_pass() -> None:
    """An array without entries has no largest magnitude to compare with."""
    assert describe_difference(np.zeros((0, 2)), np.zeros((0, 2)), LIMIT) == ""
