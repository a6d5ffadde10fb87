"""Which saved run a new one may be compared with, and in what the two differ."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

# Equal on one machine; what else an environment holds may change, and is named.
MACHINE = ("system", "machine", "cpu", "cpu_count")
DEVICE = ("device", "device_name")

Environments = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class SavedRun:
    """A run from the storage.

    Attributes:
        name: of its file, below the storage.
        when: it ended.
        machine: what must be equal to compare: see `machine_identity`.
        environments: of each device, as `rnn_core.runtime.environment` describes it.
        benchmarks: by their full names.
    """

    name: str
    when: datetime
    machine: Mapping[str, Any]
    environments: Environments
    benchmarks: Mapping[str, Mapping[str, Any]]


def machine_identity(environments: Environments) -> dict[str, Any]:
    """What two runs must have in common: the machine, and what each device is called."""
    first = next(iter(environments.values()))
    identity: dict[str, Any] = {key: first[key] for key in MACHINE}
    identity["devices"] = {
        device: environment["device_name"] for device, environment in environments.items()
    }
    return identity


def read_run(name: str, data: Any) -> SavedRun:
    """A saved run from the content of its file.

    Raises:
        ValueError: the content is not what a run of this suite saves.
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
        reason = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{name} is no run of this suite: {reason}") from error
    if when.tzinfo is None:
        when = when.replace(tzinfo=timezone.utc)
    return SavedRun(name, when, machine, environments, benchmarks)


def obstacles(now: Mapping[str, Any], saved: Mapping[str, Any]) -> list[str]:
    """Why times from the machine `saved` say nothing about those from `now`; empty if they do."""
    found = [
        f"{key} is {saved[key]!r} there, {now[key]!r} here"
        for key in MACHINE
        if saved[key] != now[key]
    ]
    for device, called in now["devices"].items():
        there = saved["devices"].get(device)
        if there is None:
            found.append(f"it did not measure {device}")
        elif there != called:
            found.append(f"{device} is {there!r} there, {called!r} here")
    return found


def best_comparable(
    runs: Iterable[SavedRun], machine: Mapping[str, Any], names: Iterable[str]
) -> SavedRun | None:
    """Of the runs of this machine and devices, the newest with most of the benchmarks `names`.

    A run of a few benchmarks is no reason to forget the run of all that came before it.
    """
    wanted = set(names)
    comparable = [run for run in runs if not obstacles(machine, run.machine)]
    return max(
        comparable,
        key=lambda run: (len(wanted & run.benchmarks.keys()), run.when),
        default=None,
    )


def differences(now: Environments, saved: Environments) -> list[str]:
    """What differs in the environments, machine aside: "numpy 1.26.4 -> 2.4.0"."""
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
    """Full names of benchmarks that only this run has, and that only the saved one has.

    What the saved run measured on other devices is not counted.
    """
    names, measured = set(now), set(devices)
    gone = [
        name
        for name, bench in run.benchmarks.items()
        if name not in names and bench.get("extra_info", {}).get("device") in measured
    ]
    return sorted(names - run.benchmarks.keys()), sorted(gone)
