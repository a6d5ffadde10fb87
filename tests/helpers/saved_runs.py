"""Made-up files of pytest-benchmark."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from benchmarks.saved.baseline import machine_identity

NOON = datetime(2026, 11, 25, 12, tzinfo=timezone.utc)


def saved_benchmark(name: str, median: float, *, spread: float = 0, **info: Any) -> dict[str, Any]:
    """Return a benchmark as pytest-benchmark saves it.

    Args:
        name: node id of the test.
        median: median of the rounds in seconds.
        spread: distance of the quartiles from the median.
        info: facts that the test recorded.
    """
    times = {"min": -1.5, "q1": -1.0, "median": 0.0, "q3": 1.0, "max": 2.0, "mean": 0.25}
    stats: dict[str, Any] = {key: median + share * spread for key, share in times.items()}
    stats |= {"stddev": 0.0, "iqr": 2 * spread, "ops": 1.0, "outliers": "0;0"}
    return {"fullname": name, "extra_info": info, "stats": stats | {"rounds": 1, "iterations": 1}}


def saved_content(
    benchmarks: Sequence[Mapping[str, Any]],
    environments: Mapping[str, Mapping[str, str]],
    when: datetime = NOON,
) -> dict[str, Any]:
    """Return the content of a saved run, without the fields that are never read."""
    return {
        "machine_info": machine_identity(environments).dump(),
        "environment": environments,
        "datetime": when.isoformat(),
        "benchmarks": benchmarks,
    }
