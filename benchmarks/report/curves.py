"""The three experiments as the page shows them, with few enough points for a table."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.notebook import figures as notebook
from benchmarks.notebook.figures import column
from benchmarks.report.matrix import Environment
from rnn_core import EXPERIMENTS, History
from rnn_core.commands.text import event_text

# Largest number of points of a curve, and so of rows of its table.
MOST_POINTS = 50
# No axis goes below this value, or above its reciprocal; the range of float32 is far smaller.
LEAST = 1e-100
# The gates of the LSTM share a line for each kind of parameter.
GATES = {"w": "inputs", "u": "states", "b": "biases"}
GATE = re.compile(r"recurrent\.(?P<kind>[wub])_.+")


@dataclass(frozen=True)
class Point:
    """The values of a few consecutive steps.

    Attributes:
        largest: largest finite value; None if there is none.
        zero: whether all values are exactly zero.
        nonfinite: whether a value is NaN or infinite.
    """

    largest: float | None
    zero: bool
    nonfinite: bool

    @property
    def drawn(self) -> float:
        """The value on a logarithmic axis; NaN, which is not drawn, if it does not fit there."""
        value = np.nan if self.largest is None else self.largest
        return value if LEAST < value < 1 / LEAST else np.nan

    @property
    def text(self) -> str:
        """The value in the table."""
        if self.zero:
            return "exactly 0"
        finite = "" if self.largest is None else f"{self.largest:.4g}"
        broken = "NaN or infinite" if self.nonfinite else ""
        return ", ".join(filter(None, (finite, broken)))


@dataclass(frozen=True)
class Curves:
    """A run, and the environments in which it was equal to the last bit.

    Attributes:
        experiment: name of the experiment.
        where: names of the environments, with the device if it is not the CPU.
        versions: versions of Paddle in these environments.
        history: history of the run.
        ends: last step of each point, `[P]`.
        norms: largest gradient norm before clipping at each point, by the label of the line.
        loss: mean squared error at each point.
        accuracy: accuracy of the last epoch that ends within a point; None if none does.
        events: events of the run, in words.
    """

    experiment: str
    where: tuple[str, ...]
    versions: str
    history: History
    ends: tuple[int, ...]
    norms: Mapping[str, Sequence[Point]]
    loss: Sequence[Point]
    accuracy: Sequence[float | None]
    events: tuple[str, ...]

    @property
    def heads(self) -> list[str]:
        """The heads of the table's columns."""
        return ["step", *self.norms, "loss", "accuracy"]

    @property
    def rows(self) -> list[list[str]]:
        """The rows of the table, with the numbers of the picture."""
        starts = [1, *(end + 1 for end in self.ends)]
        points = zip(
            starts, self.ends, self.accuracy, self.loss, *self.norms.values(), strict=False
        )
        return [
            [
                str(end) if start == end else f"{start} to {end}",
                *(norm.text for norm in norms),
                loss.text,
                "" if accuracy is None else f"{accuracy:.0%}",
            ]
            for start, end, accuracy, loss, *norms in points
        ]


@dataclass(frozen=True)
class PrintedRow:
    """A figure that the notebook printed, beside the figure of each group of runs.

    Attributes:
        figure: the printed figure.
        cells: text of each group's figure, and whether its error is allowed; None if the group has
            no such run.
        error: largest error of any group; NaN if no group has such a run.
    """

    figure: notebook.Figure
    cells: tuple[tuple[str, bool] | None, ...]
    error: float


@dataclass(frozen=True)
class Printed:
    """The notebook's figures, with a column for each group of environments that agree."""

    columns: tuple[tuple[str, tuple[str, ...]], ...]
    rows: tuple[PrintedRow, ...]

    @property
    def outside(self) -> int:
        """The number of figures whose error is too large in at least one group."""
        return sum(any(cell and not cell[1] for cell in row.cells) for row in self.rows)

    @property
    def reproduced(self) -> int:
        """The number of figures that a group has, and no group with too large an error."""
        return sum(any(row.cells) for row in self.rows) - self.outside


def curves_of(environments: Iterable[Environment]) -> dict[str, list[Curves]]:
    """Return the different runs of each experiment, those of most environments first."""
    found: dict[str, list[Curves]] = {}
    for experiment in EXPERIMENTS:
        groups: dict[tuple[bytes, ...], list[tuple[str, History]]] = {}
        for label, histories in _labelled(environments):
            if experiment in histories:
                history = histories[experiment]
                groups.setdefault(_bits(history), []).append((label, history))
        ordered = sorted(groups.values(), key=lambda group: -len(group))
        found[experiment] = [_curves(experiment, group) for group in ordered]
    return found


def printed_of(environments: Iterable[Environment]) -> Printed:
    """Return the notebook's figures beside those of every environment."""
    groups: dict[tuple[float | None, ...], list[tuple[str, str]]] = {}
    figures = list(notebook.figures())
    for label, histories in _labelled(environments):
        values = tuple(
            figure.of(histories[figure.experiment]) if figure.experiment in histories else None
            for figure in figures
        )
        groups.setdefault(values, []).append((label, column(next(iter(histories.values())))))
    rows = []
    for index, figure in enumerate(figures):
        ours = [values[index] for values in groups]
        errors = [figure.error(value) for value in ours if value is not None]
        cells = tuple(
            None if value is None else (figure.text(value), figure.error(value) <= figure.rtol)
            for value in ours
        )
        # Not fmax: a NaN must not be hidden.
        rows.append(PrintedRow(figure, cells, float(np.max(errors)) if errors else np.nan))
    columns = tuple(
        (_versions(version for _, version in group), tuple(label for label, _ in group))
        for group in groups.values()
    )
    return Printed(columns, tuple(rows) if groups else ())


def _versions(versions: Iterable[str]) -> str:
    """Join the versions of Paddle: "Paddle 2.6.2, 3.3.1"."""
    return ", Paddle ".join(dict.fromkeys(versions)).replace(", Paddle Paddle", ",")


def _labelled(environments: Iterable[Environment]) -> Iterable[tuple[str, dict[str, History]]]:
    """Yield the histories of each environment and device, by experiment."""
    for environment in environments:
        devices: dict[str, dict[str, History]] = {}
        for (device, experiment), history in environment.results.histories.items():
            devices.setdefault(device, {})[experiment] = history
        for device, histories in devices.items():
            yield environment.name + ("" if device == "cpu" else f" on {device}"), histories


def _bits(history: History) -> tuple[bytes, ...]:
    """Return bytes that are the same for runs that are equal to the last bit."""
    series = [history.loss, history.accuracy, *history.raw_norms.values()]
    series += history.clipped_norms.values()
    return tuple(values.tobytes() for values in series)


def _curves(experiment: str, group: Sequence[tuple[str, History]]) -> Curves:
    history = group[0][1]
    steps = history.recorded
    size = -(-len(steps) // MOST_POINTS)
    # Points of whole epochs, so that each has an accuracy.
    size = size if size <= 1 else -(-size // 4) * 4
    ends = [*range(size, len(steps), size), len(steps)] if len(steps) else []
    lines: dict[str, list[NDArray[Any]]] = {}
    for name, values in history.raw_norms.items():
        lines.setdefault(_line(name), []).append(values)
    last = [int(steps[end - 1]) for end in ends]
    # By the number of the point in which an epoch ended.
    points = np.searchsorted(last, history.epoch_ends).tolist()
    accuracies = dict(zip(points, history.accuracy.tolist(), strict=True))
    return Curves(
        experiment=experiment,
        where=tuple(label for label, _ in group),
        versions=_versions(column(each) for _, each in group),
        history=history,
        ends=tuple(last),
        norms={name: _points(np.stack(values), ends) for name, values in lines.items()},
        loss=_points(history.loss[np.newaxis], ends),
        accuracy=tuple(accuracies.get(point) for point in range(len(last))),
        events=tuple(f"{event.kind} at {event_text(event)}" for event in history.events),
    )


def _line(name: str) -> str:
    """Return the label of a parameter's line; all gates of a kind share one."""
    gate = GATE.fullmatch(name)
    return f"recurrent.{gate['kind']}, {GATES[gate['kind']]}, largest gate" if gate else name


def _points(values: NDArray[Any], ends: Sequence[int]) -> tuple[Point, ...]:
    """Return the points of `values` `[N, R]`, R recorded steps of N parameters."""
    points = []
    for start, end in pairwise([0, *ends]):
        part = values[:, start:end]
        finite = part[np.isfinite(part)]
        points.append(
            Point(
                largest=float(finite.max()) if finite.size else None,
                zero=bool((part == 0).all()),
                nonfinite=finite.size < part.size,
            )
        )
    return tuple(points)
