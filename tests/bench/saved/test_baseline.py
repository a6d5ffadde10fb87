"""The choice of the baseline among saved runs, and how two runs differ."""

import json
from datetime import datetime, timezone

import pytest

from benchmarks.saved.baseline import (
    best_comparable,
    differences,
    machine_identity,
    obstacles,
    uncompared,
)
from benchmarks.saved.saved_run import SavedRun
from tests.helpers.matrix_results import FACTS, MACHINE
from tests.helpers.saved_runs import saved_benchmark, saved_content

CPU = {**FACTS, **MACHINE, "threads": "1"}
GPU = CPU | {"device": "gpu:0", "device_name": "Card A"}


def saved(day: int, *environments: dict[str, str], names: tuple[str, ...] = ("a",)) -> SavedRun:
    """Return a saved run, measured on that day on the devices of `environments`."""
    by_device = {environment["device"]: environment for environment in environments}
    device = environments[0]["device"]
    benchmarks = [saved_benchmark(name, 1.0, device=device) for name in names]
    when = datetime(2026, 11, day, tzinfo=timezone.utc)
    return SavedRun.model_validate_json(json.dumps(saved_content(benchmarks, by_device, when)))


def test_the_newest_run_of_the_same_machine_is_the_baseline() -> None:
    """The date of a run decides; a newer run of another machine does not count."""
    runs = [saved(3, CPU), saved(1, CPU), saved(9, CPU | {"cpu": "Model B"})]

    assert best_comparable(runs, machine_identity({"cpu": CPU}), []) is runs[0]
    assert best_comparable(runs[2:], machine_identity({"cpu": CPU}), []) is None


def test_run_with_more_of_the_benchmarks_is_the_baseline() -> None:
    """A newer run of a few does not replace it."""
    runs = [saved(2, CPU, names=("a", "b")), saved(3, CPU, names=("a", "c", "d"))]

    assert best_comparable(runs, machine_identity({"cpu": CPU}), ["a", "b"]) is runs[0]


@pytest.mark.parametrize("key", ["system", "machine", "cpu", "cpu_count"])
def test_another_machine_is_an_obstacle(key: str) -> None:
    """Every fact that identifies the machine is named with both values if it differs."""
    now, then = machine_identity({"cpu": CPU}), machine_identity({"cpu": CPU | {key: "other"}})

    assert obstacles(now, then) == [f"{key} differs: 'other' and {CPU[key]!r}"]
    assert obstacles(now, now) == []


def test_another_device_is_an_obstacle() -> None:
    """A device that was not measured, or another card under the same name, is not comparable."""
    cpu, both = machine_identity({"cpu": CPU}), machine_identity({"cpu": CPU, "gpu:0": GPU})
    other = machine_identity({"cpu": CPU, "gpu:0": GPU | {"device_name": "Card B"}})

    assert obstacles(both, cpu) == ["gpu:0 was not measured"]
    assert obstacles(both, other) == ["gpu:0 differs: 'Card B' and 'Card A'"]
    assert obstacles(cpu, both) == []


def test_differences_are_named() -> None:
    """Versions, threads, flags, and what only one knows; machine and device are not."""
    then = CPU | {"paddle": "3.0.0", "threads": "2", "flags": "FLAGS_x=1", "cpu": "Model B"}
    then |= {"onednn": "3.6", "cuda": ""}

    assert differences({"cpu": CPU | {"blas": "MKL", "cuda": "12"}}, {"cpu": then}) == [
        "paddle 3.0.0 -> 3.3.1",
        "flags FLAGS_x=1 -> none",
        "threads 2 -> 1",
        "blas unknown -> MKL",
        "cuda none -> 12",
        "onednn 3.6 -> unknown",
    ]
    assert differences({"cpu": CPU}, {"cpu": CPU}) == []


def test_a_difference_on_some_devices_names_the_devices() -> None:
    """They follow both values in brackets."""
    then = {"cpu": CPU} | dict.fromkeys(("gpu:0", "gpu:1"), GPU | {"flags": "A=0"})

    assert differences({"cpu": CPU, "gpu:0": GPU, "gpu:1": GPU}, then) == [
        "flags A=0 -> none (gpu:0, gpu:1)"
    ]


def test_uncompared_benchmarks_are_named() -> None:
    """Those of only one run are named; other devices of the saved run do not count."""
    run = saved(1, CPU, names=("kept", "gone"))
    gpu_only = saved(1, GPU, names=("kept", "gone"))

    assert uncompared(["kept", "new"], run, ["cpu"]) == (["new"], ["gone"])
    assert uncompared(["kept"], gpu_only, ["cpu"]) == ([], [])
