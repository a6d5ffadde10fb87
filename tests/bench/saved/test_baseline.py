"""Which saved run is taken as the baseline, which is refused, and in what two runs differ."""

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
    """A run as its file would hold it, measured on that day on the devices of `environments`."""
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
    # Each Python counts its files by itself, so the number says nothing of the date.
    return read_run(f"folder/{99 - day:04}_x.json", content)


def test_newest_of_the_same_machine_is_taken() -> None:
    """The newest comparable run wins by its date, though the newest of all is another machine's."""
    runs = [saved(3, CPU), saved(1, CPU), saved(9, CPU | {"cpu": "Model B"})]

    assert best_comparable(runs, machine_identity({"cpu": CPU}), []) is runs[0]


@pytest.mark.parametrize("key", ["system", "machine", "cpu", "cpu_count"])
def test_other_machine_is_refused_with_words(key: str) -> None:
    """Whatever identifies the machine, a difference in it is named with both values."""
    now, then = machine_identity({"cpu": CPU}), machine_identity({"cpu": CPU | {key: "other"}})

    assert obstacles(now, then) == [f"{key} is 'other' there, {CPU[key]!r} here"]
    assert obstacles(now, now) == []


def test_other_device_is_refused_with_words() -> None:
    """A device that was not measured, or that is another card, cannot be compared."""
    cpu, both = machine_identity({"cpu": CPU}), machine_identity({"cpu": CPU, "gpu:0": GPU})
    other = machine_identity({"cpu": CPU, "gpu:0": GPU | {"device_name": "Card B"}})

    assert obstacles(both, cpu) == ["it did not measure gpu:0"]
    assert obstacles(both, other) == ["gpu:0 is 'Card B' there, 'Card A' here"]
    assert obstacles(cpu, both) == []


def test_differences_are_named() -> None:
    """Paddle, NumPy and threads are named then and now; machine and device are not."""
    then = CPU | {"paddle": "3.0.0", "threads": "2", "flags": "FLAGS_x=1", "cpu": "Model B"}

    assert differences({"cpu": CPU}, {"cpu": then}) == [
        "paddle 3.0.0 -> 3.3.1",
        "threads 2 -> 1",
        "flags FLAGS_x=1 -> none",
    ]
    assert differences({"cpu": CPU}, {"cpu": CPU}) == []


def test_difference_of_one_device_names_it() -> None:
    """What differs on one of two devices says on which."""
    then = {"cpu": CPU, "gpu:0": GPU | {"flags": "NVIDIA_TF32_OVERRIDE=0"}}

    assert differences({"cpu": CPU, "gpu:0": GPU}, then) == [
        "flags NVIDIA_TF32_OVERRIDE=0 -> none (gpu:0)"
    ]


def test_uncompared_benchmarks_are_named() -> None:
    """What only one of the two runs has is named; other devices of the saved one do not count."""
    run = saved(1, CPU, names=("kept", "gone"))
    gpu_only = saved(1, GPU, names=("kept", "gone"))

    assert uncompared(["kept", "new"], run, ["cpu"]) == (["new"], ["gone"])
    assert uncompared(["kept"], gpu_only, ["cpu"]) == ([], [])


@pytest.mark.parametrize("content", [[], {}, {"benchmarks": []}, {"datetime": "yesterday"}, None])
def test_foreign_content_is_refused(content: Any) -> None:
    """Content that no run of this suite saves is an error that names the file."""
    with pytest.raises(ValueError, match=r"0001_x\.json is no run of this suite: "):
        read_run("0001_x.json", content)
