"""Which saved run a new one can be compared with, and how the two differ."""

from collections.abc import Iterable, Mapping

from benchmarks.saved.saved_run import Machine, SavedRun

# Facts that identify a machine. All other facts may change, and are reported if they do.
MACHINE = ("system", "machine", "cpu", "cpu_count")
DEVICE = ("device", "device_name")

Environments = Mapping[str, Mapping[str, str]]


def machine_identity(environments: Environments) -> Machine:
    """Return what two runs must have in common to be compared: the machine, and its devices."""
    first = next(iter(environments.values()))
    devices = {device: facts["device_name"] for device, facts in environments.items()}
    return Machine(**{key: first[key] for key in MACHINE}, devices=devices)


def obstacles(now: Machine, saved: Machine) -> list[str]:
    """Return why times from two machines cannot be compared; empty if they can."""
    found = [
        f"{key} differs: {getattr(saved, key)!r} and {getattr(now, key)!r}"
        for key in MACHINE
        if getattr(saved, key) != getattr(now, key)
    ]
    for device, called in now.devices.items():
        there = saved.devices.get(device)
        if there is None:
            found.append(f"{device} was not measured")
        elif there != called:
            found.append(f"{device} differs: {there!r} and {called!r}")
    return found


def best_comparable(
    runs: Iterable[SavedRun], machine: Machine, names: Iterable[str]
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
        for key in {**environment, **saved[device]}:
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
        if name not in names and bench.extra_info.device in measured
    ]
    return sorted(names - run.benchmarks.keys()), sorted(gone)
