"""Comparing named arrays, with a report that says which differ, where, and by how much."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

GATE_NAMES = {"i": "input gate", "f": "forget gate", "o": "output gate", "a": "candidate"}


class Tolerance(NamedTuple):
    """How far an entry may be off: `relative` times its array's largest magnitude, + `absolute`.

    Not `relative` times the entry itself: an entry near zero is the difference of larger numbers,
    and carries their rounding.
    """

    relative: float
    absolute: float = 0.0

    def allowed(self, expected: NDArray[np.float64]) -> float:
        """The largest error that passes."""
        return self.relative * float(np.abs(expected).max(initial=0)) + self.absolute


def assert_close(
    expected: Mapping[str, Any], actual: Mapping[str, Any], tolerance: Tolerance, where: str = ""
) -> None:
    """Fail with a report unless both hold the same names, with arrays as close as allowed.

    The report takes the names in the order of `expected`: give them in the order in which they
    are computed, and its first line names where the fault is.

    Args:
        expected: arrays or numbers by name.
        actual: the same from the code under test.
        tolerance: for every array.
        where: put before the report, as "training step 3".
    """
    __tracebackhide__ = True
    mismatches = find_mismatches(expected, actual, tolerance)
    if mismatches:
        place = f"{where}: " if where else ""
        first, *others = mismatches
        more = "".join(f"\n  also {other}" for other in others)
        raise AssertionError(f"{place}{first}{more}")


def find_mismatches(
    expected: Mapping[str, Any], actual: Mapping[str, Any], tolerance: Tolerance
) -> list[str]:
    """One line for each name that differs, in the order of `expected`; none if all are close."""
    lines = [f"{with_gate(name)}: missing" for name in expected if name not in actual]
    lines += [f"{with_gate(name)}: not expected" for name in actual if name not in expected]
    for name in expected:
        if name in actual:
            difference = describe_difference(expected[name], actual[name], tolerance)
            if difference:
                lines.append(f"{with_gate(name)}: {difference}")
    return lines


def describe_difference(expected: Any, actual: Any, tolerance: Tolerance) -> str:
    """How two arrays differ by more than allowed; empty if they do not."""
    e, a = np.asarray(expected, dtype=np.float64), np.asarray(actual, dtype=np.float64)
    if e.shape != a.shape:
        return f"shape {list(e.shape)} expected, got {list(a.shape)}"
    allowed = tolerance.allowed(e)
    if not np.isfinite(allowed):
        raise ValueError("expected must be finite")
    with np.errstate(invalid="ignore"):
        # NaN is past every limit, so ask what is inside it.
        error = np.abs(e - a)
        wrong = ~(error <= allowed)
    if not wrong.any():
        return ""
    worst = np.unravel_index(int(np.nan_to_num(error, nan=np.inf, posinf=np.inf).argmax()), e.shape)
    index = [int(i) for i in worst]
    return (
        f"{wrong.sum()} of {wrong.size} entries differ, worst at {index}: "
        f"expected {e[worst]:.9g}, got {a[worst]:.9g}, error {error[worst]:.2g}, "
        f"allowed {allowed:.2g}"
    )


def with_gate(name: str) -> str:
    """The name of an array and, if it is a parameter of the LSTM, of its gate."""
    gate = re.search(r"\b[wub]_([ifoa])$", name)
    return f"{name} ({GATE_NAMES[gate[1]]})" if gate else name
