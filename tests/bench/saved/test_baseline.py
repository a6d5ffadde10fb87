"""The choice of the baseline among saved runs, and how two runs differ."""

from typing import Any

import pytest

from benchmarks.saved.baseline import (
    SavedRun,
    best_comparable,
    differences,
    machine_identity,
    obstacles,
    read_run,
    uncompared,
)

CPU = {
    "paddle": "3.3.1",
    "numpy": "2.4.0",
    "threads": "1",
    "flags": "",
    "system": "Linux",
    "machine": "x86_64",
    "cpu": "Model A",
    "cpu_count": "2",
    "device": "cpu",
    "device_name": "cpu",
}
GPU = CPU | {"device": "gpu:0", "device_name": "Card A"}


def saved(day: int, *environments: dict[str, str], names: tuple[str, ...] = ("a",)) -> SavedRun:
    """Return a saved run, measured on that day on the devices of `environments`."""
    by_device = {environment["device"]: environment for environment in environments}
    benchmarks = [
        {"fullname": name, "stats": {"median": 1.0}, "extra_info": {"device": device}}
        for device in by_device
        for name in names
    ]
    content = {
        "datetime": f"2026-11-{day:02}T12:00:00+00:00",
        "machine_info": machine_identity(by_device),
        "environment": by_device,
        "benchmarks": benchmarks,
    }
    # Each Python numbers its own files, so the number does not tell the date.
    return read_run(f"folder/{99 - day:04}_x.json", content)


def test_the_newest_run_of_the_same_machine_is_the_baseline() -> None:
    """The date of a run decides; a newer run of another machine does not count."""
    runs = [saved(3, CPU), saved(1, CPU), saved(9, CPU | {"cpu": "Model B"})]

    assert best_comparable(runs, machine_identity({"cpu": CPU}), []) is runs[0]


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
    """Versions, threads and flags are named with both values; machine and device are not."""
    then = CPU | {"paddle": "3.0.0", "threads": "2", "flags": "FLAGS_x=1", "cpu": "Model B"}

    assert differences({"cpu": CPU}, {"cpu": then}) == [
        "paddle 3.0.0 -> 3.3.1",
        "threads 2 -> 1",
        "flags FLAGS_x=1 -> none",
    ]
    assert differences({"cpu": CPU}, {"cpu": CPU}) == []


def test_a_difference_on_one_of_two_devices_names_the_device() -> None:
    """The device follows both values in brackets."""
    then = {"cpu": CPU, "gpu:0": GPU | {"flags": "NVIDIA_TF32_OVERRIDE=0"}}

    assert differences({"cpu": CPU, "gpu:0": GPU}, then) == [
        "flags NVIDIA_TF32_OVERRIDE=0 -> none (gpu:0)"
    ]


def test_uncompared_benchmarks_are_named() -> None:
    """Those of only one run are named; other devices of the saved run do not count."""
    run = saved(1, CPU, names=("kept", "gone"))
    gpu_only = saved(1, GPU, names=("kept", "gone"))

    assert uncompared(["kept", "new"], run, ["cpu"]) == (["new"], ["gone"])
    assert uncompared(["kept"], gpu_only, ["cpu"]) == ([], [])


@pytest.mark.parametrize("content", [[], {}, {"benchmarks": []}, {"datetime": "yesterday"}, None])
def test_foreign_content_is_refused(content: Any) -> None:
    """The error names the file."""
    with pytest.raises(ValueError, match=r"0001_x\.json is not a run of this suite: "):
        read_run("0001_x.json", content)
