"""Step times of each environment, beside those of the previous Paddle version."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.report.formats import StepTime
from benchmarks.report.matrix import Environment, version
from benchmarks.saved.baseline import MACHINE
from benchmarks.workloads.stages import WHOLE_STEP
from benchmarks.workloads.training_step import PADDLE_IMPLEMENTATIONS


@dataclass(frozen=True)
class TimesRow:
    """The step times of one environment.

    Attributes:
        environment: the environment.
        cells: time of each implementation; None if it was not measured.
        before: environment of the previous version, which the ratios refer to.
        ratios: median of each implementation as a multiple of the previous version's; None if
            there is none.
    """

    environment: Environment
    cells: tuple[StepTime | None, ...]
    before: Environment | None
    ratios: tuple[float | None, ...]


@dataclass(frozen=True)
class TimesBlock:
    """The step times of one cell and shape on one device, in all environments."""

    device: str
    cell: str
    shape: str
    implementations: tuple[str, ...]
    rows: tuple[TimesRow, ...]

    @property
    def title(self) -> str:
        """Cell, shape and device."""
        return f"{self.cell}, {self.shape}, {self.device}"


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
        ordered = [by_name[name] for name in measured]
        rows = tuple(_row(each, ordered, measured, used) for each in ordered)
        blocks.append(TimesBlock(device, cell, shape, used, rows))
    return blocks


def before(environment: Environment, others: Iterable[Environment]) -> Environment | None:
    """Return the environment of the next older Paddle on the same machine.

    One with the same Python is preferred.
    """
    place, machine = environment.place, [environment.facts.get(key) for key in MACHINE]

    def rank(each: Environment) -> tuple[tuple[int, ...], bool, str]:
        return version(each.place.paddle), each.place.python == place.python, each.name

    older = [
        each
        for each in others
        if version(each.place.paddle) < version(place.paddle)
        and [each.facts.get(key) for key in MACHINE] == machine
    ]
    return max(older, key=rank, default=None)


def _row(
    environment: Environment,
    others: Sequence[Environment],
    measured: dict[str, dict[str, StepTime]],
    implementations: Sequence[str],
) -> TimesRow:
    own = measured[environment.name]
    older = before(environment, others)
    then = {} if older is None else measured[older.name]
    ratios = tuple(
        own[name].median / then[name].median if name in own and name in then else None
        for name in implementations
    )
    return TimesRow(environment, tuple(map(own.get, implementations)), older, ratios)
