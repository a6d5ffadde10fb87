"""The reporting comparison: what it lets pass, and what its report says."""

import numpy as np
import pytest

from tests.helpers.comparison import Tolerance, assert_close, describe_difference

LIMIT = Tolerance(relative=0.01, absolute=0.001)


def test_equal_passes() -> None:
    """Arrays within the limit pass: 0.01 times the largest magnitude, 10, plus 0.001."""
    assert_close({"a": [-10, 0.0], "b": 0}, {"a": [-10.1, 0.1], "b": 0.001}, LIMIT)


@pytest.mark.parametrize("actual", [[-10, 0.102], [-10.102, 0], [-10, -0.102]])
def test_past_the_limit_fails(actual: list[float]) -> None:
    """One entry past the limit, on either side, is enough."""
    with pytest.raises(AssertionError, match="1 of 2 entries differ"):
        assert_close({"a": [-10, 0]}, {"a": actual}, LIMIT)


def test_report() -> None:
    """It names step, tensor and gate in the order given, the count, the worst entry, the limit."""
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


@pytest.mark.parametrize(
    ("name", "gate"),
    [("b_i", "input gate"), ("x.u_f", "forget gate"), ("w_o", "output gate"), ("w_a", "candidate")],
)
def test_report_names_the_gate(name: str, gate: str) -> None:
    """A parameter of the LSTM is named with its gate."""
    with pytest.raises(AssertionError, match=rf"^{name} \({gate}\): "):
        assert_close({name: 1}, {name: 2}, LIMIT)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_finite_fails(value: float) -> None:
    """NaN and infinity differ from every number, and are the worst of all."""
    report = describe_difference(np.zeros(3), np.array([9, value, 0]), LIMIT)

    assert report.startswith("2 of 3 entries differ, worst at [1]: expected 0, got ")


def test_expected_must_be_finite() -> None:
    """An infinite expectation would allow everything."""
    with pytest.raises(ValueError, match="expected must be finite"):
        describe_difference(np.inf, 1, LIMIT)


def test_shapes_must_agree() -> None:
    """Nothing is broadcast."""
    report = describe_difference(np.zeros((2, 1)), np.zeros(2), LIMIT)

    assert report == "shape [2, 1] expected, got [2]"


def test_names_must_agree() -> None:
    """A missing array and one too many are named."""
    with pytest.raises(AssertionError, match=r"^w_f \(forget gate\): missing\n  also b: not exp"):
        assert_close({"a": 1, "w_f": 1}, {"a": 1, "b": 1}, LIMIT)


def test_empty_arrays_agree() -> None:
    """An array without entries has no largest magnitude."""
    assert describe_difference(np.zeros((0, 2)), np.zeros((0, 2)), LIMIT) == ""
