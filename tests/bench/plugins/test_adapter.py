"""What the suite takes from pytest-benchmark, and keeps from it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pytest_benchmark.stats import Metadata

from benchmarks.plugins.adapter import BenchmarkSession, rounds_of


def timed(*seconds: float) -> Any:
    """Return a benchmark with these rounds; without any, it failed."""
    names = {"name": "b", "fullname": "a::b", "extra_info": {"stage": "step"}}
    others = dict.fromkeys(("group", "param", "params", "cprofile_stats"))
    fixture = SimpleNamespace(**names, **others, skipped=False)
    benchmark = Metadata(fixture, 1, {})  # type: ignore[no-untyped-call]
    for each in seconds:
        benchmark.stats.update(each)  # type: ignore[no-untyped-call]
    return benchmark


def session(**attributes: object) -> tuple[BenchmarkSession, Any, Any]:
    """Return the adapter, pytest-benchmark's session with these attributes, and its options."""
    theirs = SimpleNamespace(**attributes)
    option = SimpleNamespace(benchmark_compare=True, benchmark_columns=None)
    plugins = SimpleNamespace(get_plugin=lambda _: theirs)
    config: Any = SimpleNamespace(option=option, pluginmanager=plugins)
    return BenchmarkSession(config), theirs, option


def test_benchmark_has_its_median_and_its_rounds_and_a_failed_one_has_none() -> None:
    """Rounds are in the order of measurement, and benchmarks those that have run so far."""
    measured = timed(1.0, 6.0, 2.0)
    ours, theirs, _ = session(benchmarks=[])

    assert ours.benchmarks == []
    theirs.benchmarks += [measured, timed()]
    assert ours.benchmarks == [("a::b", 2.0, {"stage": "step"}), ("a::b", None, {"stage": "step"})]
    assert rounds_of(SimpleNamespace(stats=measured)) == [1.0, 6.0, 2.0]  # type: ignore[arg-type]


def test_columns_histogram_and_baseline_are_set() -> None:
    """Columns of the command line stay, and the tables show a baseline without its folder."""
    ours, theirs, option = session(histogram="folder/picture")
    ours.compare_with("folder/0001_a.json", {"a::b": {}})
    ours.show_columns(["median"])
    ours.show_columns(["min"])

    assert option.benchmark_columns == ["median"]
    assert ours.histogram == Path("folder/picture")
    assert theirs.compared_mapping == {Path("0001_a.json"): {"a::b": {}}}
