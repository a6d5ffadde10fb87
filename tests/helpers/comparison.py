"""Compare named arrays, and report which differ, where, and by how much."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

GATE_NAMES = {"i": "input gate", "f": "forget gate", "o": "output gate", "a": "candidate"}


class Tolerance(NamedTuple):
    """Largest error of an entry: `relative` times the array's largest magnitude, plus `absolute`.

    The error is not relative to the entry itself, because an entry near zero is the difference of
    larger numbers and carries their rounding.
    """

    relative: float
    absolute: float = 0.0

    def allowed(self, expected: NDArray[np.float64]) -> float:
        """The largest error that passes."""
        return self.relative * float(np.abs(expected).max(initial=0)) + self.absolute


def assert_close(
    expected: Mapping[str, Any], actual: Mapping[str, Any], tolerance: Tolerance, where: str = ""
) -> None:
    """Fail with a report unless both have the same names and their arrays are close.

    The report follows the order of `expected`. If that is the order of computation, its first line
    names the first wrong result.

    Args:
        expected: arrays or numbers by name.
        actual: arrays or numbers of the code under test, by the same names.
        tolerance: tolerance for every array.
        where: beginning of the report, such as "training step 3".
    """
    __tracebackhide__ = True
    lines = [f"{with_gate(name)}: missing" for name in expected if name not in actual]
    lines += [f"{with_gate(name)}: not expected" for name in actual if name not in expected]
    for name in [name for name in expected if name in actual]:
        if difference := describe_difference(expected[name], actual[name], tolerance):
            lines.append(f"{with_gate(name)}: {difference}")
    if lines:
        raise AssertionError((f"{where}: " if where else "") + "\n  also ".join(lines))


def describe_difference(expected: Any, actual: Any, tolerance: Tolerance) -> str:
    """Description of how two arrays differ; empty if they are close."""
    e, a = np.asarray(expected, dtype=np.float64), np.asarray(actual, dtype=np.float64)
    if e.shape != a.shape:
        return f"expected shape {list(e.shape)}, got {list(a.shape)}"
    allowed = tolerance.allowed(e)
    if not np.isfinite(allowed):
        raise ValueError("expected must be finite")
    with np.errstate(invalid="ignore"):
        # NaN compares as False, so test what is within the limit.
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
    """The name of an array, followed by its gate if it is a parameter of the LSTM."""
    gate = re.search(r"\b[wub]_([ifoa])$", name)
    return f"{name} ({GATE_NAMES[gate[1]]})" if gate else name
