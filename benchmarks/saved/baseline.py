"""Which saved run a new one can be compared with, and how the two differ."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

# Facts that identify a machine. All other facts may change, and are reported if they do.
MACHINE = ("system", "machine", "cpu", "cpu_count")
DEVICE = ("device", "device_name")

Environments = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class SavedRun:
    """A saved run.

    Attributes:
        name: path of its file, relative to the storage.
        when: time at which it ended.
        machine: facts that must be equal for a comparison: see `machine_identity`.
        environments: facts of each device, from `rnn_core.runtime.environment`.
        benchmarks: benchmarks by node id, as pytest-benchmark saves them.
    """

    name: str
    when: datetime
    machine: Mapping[str, Any]
    environments: Environments
    benchmarks: Mapping[str, Mapping[str, Any]]


def machine_identity(environments: Environments) -> dict[str, Any]:
    """Return what two runs must have in common to be compared: the machine, and its devices."""
    first = next(iter(environments.values()))
    identity: dict[str, Any] = {key: first[key] for key in MACHINE}
    identity["devices"] = {
        device: environment["device_name"] for device, environment in environments.items()
    }
    return identity


def read_run(name: str, data: Any) -> SavedRun:
    """Return the saved run that a file holds.

    Raises:
        ValueError: the content is not a run of this suite.
    """
    try:
        machine, environments = data["machine_info"], data["environment"]
        when = datetime.fromisoformat(data["datetime"])
        benchmarks = {bench["fullname"]: bench for bench in data["benchmarks"]}
        machine = {key: machine[key] for key in (*MACHINE, "devices")}
        environments = {device: dict(environments[device]) for device in dict(machine["devices"])}
        for bench in benchmarks.values():
            float(bench["stats"]["median"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{name} is not a run of this suite: {reason}") from error
    if when.tzinfo is None:
        when = when.replace(tzinfo=timezone.utc)
    return SavedRun(name, when, machine, environments, benchmarks)


def obstacles(now: Mapping[str, Any], saved: Mapping[str, Any]) -> list[str]:
    """Return why times from two machines cannot be compared; empty if they can."""
    found = [
        f"{key} differs: {saved[key]!r} and {now[key]!r}"
        for key in MACHINE
        if saved[key] != now[key]
    ]
    for device, called in now["devices"].items():
        there = saved["devices"].get(device)
        if there is None:
            found.append(f"{device} was not measured")
        elif there != called:
            found.append(f"{device} differs: {there!r} and {called!r}")
    return found


def best_comparable(
    runs: Iterable[SavedRun], machine: Mapping[str, Any], names: Iterable[str]
) -> SavedRun | None:
    """Return the best baseline, if there is one.

    It is a run on this machine and these devices with as many of the benchmarks `names` as
    possible, so that a run of a few benchmarks does not replace a complete one. Among several such
    runs, it is the newest.
    """
    wanted = set(names)
    comparable = [run for run in runs if not obstacles(machine, run.machine)]
    return max(
        comparable,
        key=lambda run: (len(wanted & run.benchmarks.keys()), run.when),
        default=None,
    )


def differences(now: Environments, saved: Environments) -> list[str]:
    """Return how the environments differ, apart from the machine: "numpy 1.26.4 -> 2.4.0"."""
    found: dict[str, list[str]] = {}
    for device, environment in now.items():
        for key in [*environment, *(set(saved[device]) - set(environment))]:
            old, new = saved[device].get(key, "unknown"), environment.get(key, "unknown")
            if old != new and key not in (*MACHINE, *DEVICE):
                found.setdefault(f"{key} {old or 'none'} -> {new or 'none'}", []).append(device)
    return [
        text if len(devices) == len(now) else f"{text} ({', '.join(devices)})"
        for text, devices in found.items()
    ]


def uncompared(now: Iterable[str], run: SavedRun, devices: Iterable[str]) -> tuple[list[str], ...]:
    """Return the node ids that only this run has, and those that only the saved run has.

    Benchmarks of the saved run on other devices are not counted.
    """
    names, measured = set(now), set(devices)
    gone = [
        name
        for name, bench in run.benchmarks.items()
        if name not in names and bench.get("extra_info", {}).get("device") in measured
    ]
    return sorted(names - run.benchmarks.keys()), sorted(gone)
