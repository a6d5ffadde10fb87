"""How the time of a training step grows, and its memory: python -m benchmarks.scaling.

The time over the steps T, the size H and the batch B, and the peak memory over T, on a CPU.
README.md beside this file says how to read the tables.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from tqdm import tqdm

from benchmarks.commands.common import (
    FINISHED,
    NOT_WRITTEN,
    Outcome,
    at_least,
    begin,
    finish,
    list_of,
    make_parser,
    milliseconds,
    table,
)
from benchmarks.measuring.interleave import LEAST_ROUNDS, Round, median_ms, time_rounds
from benchmarks.measuring.memory import measure_peak, saved_bytes
from benchmarks.workloads.implementations import make_contender
from benchmarks.workloads.same_work import check_same_work
from benchmarks.workloads.training_step import PADDLE_IMPLEMENTATIONS, Shape
from rnn_core.commands.plot import COLORS, check_plot_path
from rnn_core.runtime.files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_ROUNDS = 21
SAME_WORK = Shape(batch=4, steps=10, size=64)


class Sweep(NamedTuple):
    """One quantity takes sizes, the others stay.

    Attributes:
        base: the shape in which one number is replaced.
        field: of the shape, the one that is.
        sizes: which it takes, rising.
        theory: how the time grows where the size is large.
    """

    base: Shape
    field: str
    sizes: tuple[int, ...]
    theory: str

    def shapes(self) -> Iterator[tuple[int, Shape]]:
        """Each size, and the shape that has it."""
        for size in self.sizes:
            yield size, self.base._replace(**{self.field: size})

    @property
    def others(self) -> str:
        """What stays: "B1 H128"."""
        letters = {"batch": "B", "steps": "T", "size": "H"}
        names = [name for name in letters if name != self.field]
        return " ".join(f"{letters[name]}{getattr(self.base, name)}" for name in names)


SWEEPS = {
    "T": Sweep(Shape(1, 1, 128), "steps", (10, 30, 100, 300, 1000), "1"),
    "H": Sweep(Shape(16, 10, 1), "size", (32, 64, 128, 256, 512, 1024), "towards 2"),
    "B": Sweep(Shape(1, 10, 128), "batch", (1, 4, 16, 64, 256), "towards 1"),
}
# Large enough that what a step saves is many times the size of a page.
MEMORY = Sweep(Shape(16, 1, 128), "steps", (100, 300, 1000), "1")
WHAT = (*SWEEPS, "memory")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0: finished; 1: an implementation fails or does other work; 2: bad arguments;
    3: a file could not be written; 130: Ctrl-C.
    """
    options, names, outcome = begin(_parser(), arguments, PADDLE_IMPLEMENTATIONS)

    def measure() -> None:
        for cell in options.cells:
            check_same_work(names, cell, SAME_WORK)
        parts = [(cell, what) for cell in options.cells for what in options.sweeps]
        sizes = sum(len(_sweep(what).sizes) for _, what in parts)
        with tqdm(total=sizes, disable=None, leave=False) as bar:
            for cell, what in parts:
                points: list[dict[str, Any]] = []
                outcome.data.append({"cell": cell, "sweep": what, "points": points})
                for size, shape in _sweep(what).shapes():
                    bar.set_description(f"{cell} {what} {shape}")
                    if what == "memory":
                        points.append({"size": size, "bytes": peaks(names, cell, shape)})
                    else:
                        points.append({"size": size, "rounds": []})
                        measured: list[Round] = points[-1]["rounds"]
                        calls = {name: make_contender(name, cell, shape).step for name in names}
                        # As they come: after Ctrl-C, those that are finished are there.
                        measured.extend(
                            time_rounds(calls, MOST_ROUNDS, options.seed, options.seconds)
                        )
                    bar.update()

    status = finish(measure, outcome, lambda: tables(outcome, names), options.save)
    if status == FINISHED and options.plot is not None:
        try:
            with write_whole(options.plot) as file:
                draw(outcome, names).savefig(file, format=options.plot.suffix[1:].lower())
        except OSError as error:
            print(f"error: no plot: {error}", file=sys.stderr)
            return NOT_WRITTEN
        print(f"plot: {options.plot}")
    return status


def peaks(names: Sequence[str], cell: str, shape: Shape) -> dict[str, int]:
    """Bytes of each implementation's step, each in a process of its own."""
    return {name: measure_peak(name, cell, str(shape).replace(" ", "-")) for name in names}


def growth(sizes: Sequence[float], values: Sequence[float]) -> float:
    """The exponent p in value = c size^p, fitted over the upper half of the sizes.

    The lower half is the cost of calls, which does not grow. NaN from fewer than two sizes, or
    where a value is not positive.
    """
    x, y = (np.asarray(numbers[len(sizes) // 2 :], float) for numbers in (sizes, values))
    if len(x) < 2 or (y <= 0).any():
        return float("nan")
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def per_step(steps: Sequence[float], values: Sequence[float]) -> float:
    """The slope b in value = a + b steps, over all of them; NaN from fewer than two."""
    return float(np.polyfit(steps, values, 1)[0]) if len(steps) > 1 else float("nan")


def tables(outcome: Outcome, names: Sequence[str]) -> str:
    """Every sweep's times or bytes, and how they grow, of what was measured."""
    parts: list[str] = []
    exponents: list[list[str]] = []
    slopes: list[list[str]] = []
    for entry in outcome.data:
        cell, what, points = entry["cell"], entry["sweep"], measured_points(entry)
        if not points:
            continue
        sweep = _sweep(what)
        sizes = [point["size"] for point in points]
        columns = {name: [value_of(point, name) for point in points] for name in names}
        rows = [
            [str(size), *(shown(columns[name][index], what) for name in names)]
            for index, size in enumerate(sizes)
        ]
        unit = "peak memory of a step, MiB" if what == "memory" else "median ms of a step"
        letter = "T" if what == "memory" else what
        parts += [f"{cell}, {sweep.others}: {unit}", "", table([letter, *names], rows), ""]
        if what == "memory":
            slopes.append([cell, *(f"{per_step(sizes, columns[name]):.0f}" for name in names)])
            slopes[-1].append(str(saved_bytes(cell, sweep.base.batch, sweep.base.size)))
        else:
            exponents.append([cell, what, sweep.theory])
            exponents[-1] += [f"{growth(sizes, columns[name]):.2f}" for name in names]
    if not parts:
        return "Nothing was measured."
    if exponents:
        head = ["cell", "over", "theory", *names]
        parts += [
            f"Growth, {outcome.environment['threads']} thread(s): the exponent p where the time is "
            "proportional to size^p, over the upper half of the sizes",
            "",
            table(head, exponents),
            "",
        ]
    if slopes:
        parts += [
            "Memory: bytes per time step, and what the saved states alone need",
            "",
            table(["cell", *names, "states alone"], slopes),
            "",
        ]
    return "\n".join(parts).rstrip()


def measured_points(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """The points of a sweep that have something in them; after Ctrl-C, the last may have not."""
    return [point for point in entry["points"] if point.get("rounds") or "bytes" in point]


def shown(value: float, what: str) -> str:
    """Bytes in MiB, or milliseconds as they are."""
    return f"{value / 2**20:.1f}" if what == "memory" else milliseconds(value)


def value_of(point: dict[str, Any], name: str) -> float:
    """What was measured at a point: milliseconds or bytes."""
    return float(point["bytes"][name]) if "bytes" in point else median_ms(point["rounds"], name)


def draw(outcome: Outcome, names: Sequence[str]) -> "Figure":
    """Every sweep in a panel, both axes logarithmic: a row for each cell."""
    from matplotlib.figure import Figure

    cells = list(dict.fromkeys(entry["cell"] for entry in outcome.data))
    whats = list(dict.fromkeys(entry["sweep"] for entry in outcome.data))
    figure = Figure(figsize=(3.5 * len(whats), 3 * len(cells) + 0.6), layout="constrained")
    panels = figure.subplots(len(cells), len(whats), squeeze=False)
    for entry in outcome.data:
        cell, what, points = entry["cell"], entry["sweep"], measured_points(entry)
        axes = panels[cells.index(cell)][whats.index(what)]
        sizes = [point["size"] for point in points]
        for name, color in zip(names, COLORS, strict=False):
            values = np.array([value_of(point, name) for point in points])
            values = values / 2**20 if what == "memory" else values
            positive = np.where(values > 0, values, np.nan)
            axes.plot(sizes, positive, label=name, color=color, marker=".", linewidth=1)
        axes.set(
            xscale="log",
            yscale="log",
            title=f"{cell}, {_sweep(what).others}",
            xlabel="T" if what == "memory" else what,
            ylabel="peak memory, MiB" if what == "memory" else "step, ms",
        )
    panels[0][0].legend(fontsize="small")
    environment = outcome.environment
    figure.suptitle(
        f"One training step, Paddle {environment['paddle']}, {environment['threads']} thread(s)"
    )
    return figure


def _sweep(what: str) -> Sweep:
    return MEMORY if what == "memory" else SWEEPS[what]


def _parser() -> argparse.ArgumentParser:
    parser = make_parser("scaling", __doc__, PADDLE_IMPLEMENTATIONS)
    parser.add_argument(
        "--sweeps",
        type=list_of(WHAT),
        default=WHAT,
        metavar="NAME,...",
        help=f"of {', '.join(WHAT)} (default: all)",
    )
    parser.add_argument(
        "--seconds",
        type=at_least(0),
        default=4,
        help=f"for each point, after which no round begins; at least {LEAST_ROUNDS} rounds are "
        "measured (default: 4)",
    )
    parser.add_argument(
        "--plot", type=_plot_path, metavar="FILE", help="draw it (.svg, .png or .pdf)"
    )
    return parser


def _plot_path(text: str) -> Path:
    path = Path(text)
    try:
        check_plot_path(path)
    except (ImportError, ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return path
