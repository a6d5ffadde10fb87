"""Step times of each environment, beside those of the previous Paddle version."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from packaging.version import Version

from benchmarks.report.formats import StepTime
from benchmarks.report.matrix import Environment
from benchmarks.saved.baseline import MACHINE
from benchmarks.saved.result_files import Row, beside_cpu
from benchmarks.text import version
from benchmarks.workloads.stages import WHOLE_STEP
from benchmarks.workloads.training_step import PADDLE_IMPLEMENTATIONS


@dataclass(frozen=True)
class TimesRow:
    """The step times of one environment.

    Attributes:
        environment: the environment.
        times: time of each implementation that was measured.
        before: environment of the previous version, for the ratios; None if there is none.
        times_before: times of the previous version; empty if there is none.
    """

    environment: Environment
    times: Mapping[str, StepTime]
    before: Environment | None
    times_before: Mapping[str, StepTime]

    def ratio(self, name: str) -> float | None:
        """Return an implementation's median as a multiple of the previous version's."""
        now, then = self.times.get(name), self.times_before.get(name)
        return None if now is None or then is None else now.median / then.median


@dataclass(frozen=True)
class TimesBlock:
    """The step times of one cell and shape on one device, in all environments."""

    title: str
    implementations: tuple[str, ...]
    rows: tuple[TimesRow, ...]


def blocks_of(environments: Sequence[Environment]) -> list[TimesBlock]:
    """Return a block for each device, shape and cell, in the order of measurement."""
    found: dict[tuple[str, str, str], dict[str, dict[str, StepTime]]] = {}
    by_name = {each.name: each for each in environments}
    for each in environments:
        for time in each.results.times:
            if time.stage == WHOLE_STEP:
                block = found.setdefault((time.device, time.shape, time.cell), {})
                block.setdefault(each.name, {})[time.implementation] = time
    blocks = []
    for (device, shape, cell), measured in found.items():
        names = dict.fromkeys(
            [*PADDLE_IMPLEMENTATIONS, *(n for each in measured.values() for n in each)]
        )
        used = tuple(name for name in names if any(name in each for each in measured.values()))
        rows = []
        for name, times in measured.items():
            older = before(by_name[name], map(by_name.__getitem__, measured))
            then = {} if older is None else measured[older.name]
            rows.append(TimesRow(by_name[name], times, older, then))
        title = ", ".join(filter(None, (cell, shape, device)))
        blocks.append(TimesBlock(title, used, tuple(rows)))
    return blocks


def against_cpu(environments: Sequence[Environment]) -> list[tuple[str, Row, float, float]]:
    """Return the medians of whole steps that an environment timed on the CPU and another device.

    Returns:
        The name of the environment, device, cell, shape and implementation, and both medians.
    """
    found = []
    for each in environments:
        steps = [time for time in each.results.times if time.stage == WHOLE_STEP]
        pairs = beside_cpu({time[:4]: time.median for time in steps})
        found += [(each.name, row, cpu, own) for row, (cpu, own) in pairs.items()]
    return found


def before(environment: Environment, others: Iterable[Environment]) -> Environment | None:
    """Return the environment of the next older Paddle on the same machine.

    One with the same Python is preferred.
    """
    place, machine = environment.place, [environment.facts.get(key) for key in MACHINE]

    def rank(each: Environment) -> tuple[Version, bool, str]:
        return version(each.place.paddle), each.place.python == place.python, each.name

    older = [
        each
        for each in others
        if version(each.place.paddle) < version(place.paddle)
        and [each.facts.get(key) for key in MACHINE] == machine
    ]
    return max(older, key=rank, default=None)
