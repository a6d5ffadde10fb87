"""The first tensor that differs between two traces of a step."""

import math
from typing import Any

import numpy as np
import pytest

from benchmarks.behaviour.culprits import compare, find_culprit
from benchmarks.behaviour.envelope import allowed_operator
from benchmarks.behaviour.files import Trace, Traced


def traced(*values: Any, scale: float = 1.0, operator: str = "tanh") -> Trace:
    """Make a trace of tensors a, b, ..."""
    tensors = [
        Traced(name, operator, np.asarray(value), scale)
        for name, value in zip("abcdef", values, strict=False)
    ]
    return Trace(tensors, b"", b"", b"")


def test_culprit_is_the_first_tensor_that_differs() -> None:
    """Its differing elements are counted and measured; NaN equals NaN."""
    same = [np.nan, 1.0, np.inf]
    one = traced(np.array(same), np.array([*same, 3.0, 4.0]), np.array([5.0]), scale=2.0)
    other = traced(np.array(same), np.array([*same, 3.5, 4.25]), np.array([6.0]))

    found = find_culprit(one, other, None)

    assert found is not None
    assert (found.tensor.name, *found[1:]) == ("b", 2, 0.5, 0.25, True)
    assert str(found) == (
        "b, computed by tanh: 2 of 5 elements differ, by at most 5.0e-01, 2.5e-01 of their scale"
    )
    assert find_culprit(one, one, None) is None


def test_wrong_operator_comes_before_one_that_rounds() -> None:
    """The replay, in which errors do not propagate, decides which operator is wrong."""
    one = traced(np.array([1.0]), np.array([1.0]), np.array([1.0]))
    other = traced(np.array([1 + 1e-7]), np.array([1.1]), np.array([1.2]))
    replay = traced(np.array([1 + 1e-7]), np.array([1.0]), np.array([1.1]))

    found = find_culprit(one, other, replay)
    rounding = find_culprit(one, other, one)

    assert found is not None
    assert rounding is not None
    assert (found.tensor.name, found.beyond) == ("c", True)
    assert (rounding.tensor.name, rounding.beyond) == ("a", False)


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        (np.zeros(3), -np.zeros(3), "zeros of different sign"),
        (np.zeros(3, np.float32), np.zeros(3), "different dtype or shape"),
        (np.zeros(3), np.zeros((3, 1)), "different dtype or shape"),
        (np.zeros(2), np.array([0, np.nan]), "1 of 2 elements differ, by at most inf"),
        (np.array([1e308]), np.array([-1e308]), "1 of 1 elements differ, by at most 1.8e+308"),
        (np.array([1, 2]), np.array([1, 3]), "1 of 2 elements differ, by at most 1.0e+00"),
    ],
)
def test_culprit_says_how_the_tensors_differ(a: Any, b: Any, words: str) -> None:
    """The text names a different sign of zero, dtype or shape, or counts the elements."""
    (found,) = compare(traced(a, scale=0.0), traced(b, scale=0.0))

    assert words in str(found)
    assert found.beyond == (words != "zeros of different sign")
    assert found.differing == (a.size if "dtype" in words else "1 of" in words)


def test_rounding_does_not_explain_a_tensor_that_is_absent() -> None:
    """The candidate did not compute it, as it does not compute the gradient of a frozen weight."""
    one, other = traced(1.0, 2.0), traced(1.0)
    (absent,) = compare(one, other)

    assert (absent.tensor.name, absent.differing, absent.beyond) == ("b", 1, True)
    assert math.isnan(absent.largest)
    assert [find_culprit(one, *given) for given in ((other, None), (one, other))] == 2 * [absent]
    assert find_culprit(one, other, None, needed=False) == absent._replace(beyond=False)
    assert find_culprit(one, one, other, needed=False) is None
    last = Trace(traced(1.0, 3.0).tensors[1:], b"", b"", b"")
    assert [each.tensor.name for each in compare(one, last)] == ["a", "b"]
    assert [each.tensor.name for each in compare(one, last, needed=False)] == ["b", "a"]
    assert str(absent) == "b, computed by tanh: only the baseline has it"


def test_limit_of_a_whole_layer_is_larger_than_that_of_an_operator() -> None:
    """A layer runs many operators, and their rounding adds up."""
    operators = ("gradient of kernel RNN", "kernel LSTM", "gradient of matmul")
    layer, other, operator = (
        allowed_operator(Traced("h", name, np.zeros(1), 1.0)) for name in operators
    )

    assert operator < layer == other
