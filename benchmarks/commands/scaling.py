"""How the time and memory of a training step grow: python -m benchmarks.scaling.

Time over the number of time steps T, the hidden size H and the batch size B, and peak memory over
T, on a CPU. benchmarks/README.md explains the tables.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from tqdm import tqdm

from benchmarks.commands.common import Outcome, begin, finish, implementations_parser
from benchmarks.measuring.interleave import LEAST_ROUNDS, Round, median_ms, time_rounds
from benchmarks.measuring.memory import measure_peak, saved_bytes
from benchmarks.text import significant, table
from benchmarks.workloads.implementations import make_contender
from benchmarks.workloads.same_work import check_same_work
from benchmarks.workloads.training_step import PADDLE_IMPLEMENTATIONS, Shape
from rnn_core.commands.arguments import at_least, names_from, plot_path
from rnn_core.commands.plot import COLORS
from rnn_core.runtime.files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_ROUNDS = 21
SAME_WORK = Shape(batch=4, steps=10, size=64)


LETTERS = {"batch": "B", "steps": "T", "size": "H"}


class Sweep(NamedTuple):
    """Shapes that differ in one number.

    Attributes:
        base: shape whose number is replaced.
        field: name of the replaced number.
        sizes: its values, in increasing order.
        theory: theoretical exponent of the growth for large sizes.
    """

    base: Shape
    field: str
    sizes: tuple[int, ...]
    theory: str

    def shapes(self) -> Iterator[tuple[int, Shape]]:
        """Yield each size and its shape."""
        for size in self.sizes:
            yield size, self.base._replace(**{self.field: size})

    @property
    def letter(self) -> str:
        """Return the letter of the replaced number in the name of a shape."""
        return LETTERS[self.field]

    @property
    def others(self) -> str:
        """Return the numbers that stay the same, such as "B1 H128"."""
        names = [name for name in LETTERS if name != self.field]
        return " ".join(f"{LETTERS[name]}{getattr(self.base, name)}" for name in names)


SWEEPS = {
    "T": Sweep(Shape(1, 1, 128), "steps", (10, 30, 100, 300, 1000), "1"),
    "H": Sweep(Shape(16, 10, 1), "size", (32, 64, 128, 256, 512, 1024), "towards 2"),
    "B": Sweep(Shape(1, 10, 128), "batch", (1, 4, 16, 64, 256), "towards 1"),
    # Large enough that the saved states exceed the size of a memory page many times.
    "memory": Sweep(Shape(16, 1, 128), "steps", (100, 300, 1000), "1"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0: finished; 1: an implementation does different work; 2: wrong arguments, or an implementation
    fails; 3: a file could not be written; 130: Ctrl-C.
    """
    options, names, outcome = begin(_parser(), arguments, PADDLE_IMPLEMENTATIONS)

    def save_plot(path: Path) -> None:
        with write_whole(path) as file:
            draw(outcome, names).savefig(file, format=path.suffix[1:].lower())

    return finish(
        lambda: measure(options, names, outcome.data),
        outcome,
        lambda: tables(outcome, names),
        options.save,
        ("plot", options.plot, save_plot),
    )


def measure(options: argparse.Namespace, names: Sequence[str], data: list[dict[str, Any]]) -> None:
    """Measure every sweep of every cell, and add the results to `data` one by one."""
    for cell in options.cells:
        check_same_work(names, cell, SAME_WORK)
    parts = [(cell, what) for cell in options.cells for what in options.sweeps]
    sizes = sum(len(SWEEPS[what].sizes) for _, what in parts)
    with tqdm(total=sizes, disable=None, leave=False) as bar:
        for cell, what in parts:
            points: list[dict[str, Any]] = []
            data.append({"cell": cell, "sweep": what, "points": points})
            for size, shape in SWEEPS[what].shapes():
                bar.set_description(f"{cell} {what} {shape}")
                if what == "memory":
                    points.append({"size": size, "bytes": peaks(names, cell, shape)})
                else:
                    rounds: list[Round] = []
                    points.append({"size": size, "rounds": rounds})
                    calls = {name: make_contender(name, cell, shape).step for name in names}
                    # One by one, so that Ctrl-C leaves the finished rounds.
                    rounds.extend(time_rounds(calls, MOST_ROUNDS, options.seed, options.seconds))
                bar.update()


def peaks(names: Sequence[str], cell: str, shape: Shape) -> dict[str, int]:
    """Return the peak memory of each implementation's step, in bytes."""
    return {name: measure_peak(name, cell, str(shape).replace(" ", "-")) for name in names}


def growth(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Return the exponent p of value = c size^p, fitted over the upper half of the sizes.

    In the lower half, the constant cost of calls dominates. Returns NaN for fewer than two sizes,
    or if a value is not positive.
    """
    x, y = (np.asarray(numbers[len(sizes) // 2 :], float) for numbers in (sizes, values))
    if len(x) < 2 or (y <= 0).any():
        return float("nan")
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def per_step(steps: Sequence[float], values: Sequence[float]) -> float:
    """Return the slope b of value = a + b steps; NaN for fewer than two steps."""
    return float(np.polyfit(steps, values, 1)[0]) if len(steps) > 1 else float("nan")


def tables(outcome: Outcome, names: Sequence[str]) -> str:
    """Return the times or bytes of each sweep, and how they grow."""
    parts: list[str] = []
    exponents: list[list[str]] = []
    slopes: list[list[str]] = []
    for entry in outcome.data:
        cell, what, points = entry["cell"], entry["sweep"], measured_points(entry)
        if not points:
            continue
        sweep = SWEEPS[what]
        sizes = [point["size"] for point in points]
        columns = {name: [value_of(point, name) for point in points] for name in names}
        rows = [
            [str(size), *(shown(columns[name][index], what) for name in names)]
            for index, size in enumerate(sizes)
        ]
        unit = "peak memory of a step, MiB" if what == "memory" else "median ms of a step"
        parts += [f"{cell}, {sweep.others}: {unit}", "", table([sweep.letter, *names], rows), ""]
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
            f"Growth, {outcome.environment['threads']} thread(s): exponent p of time = c size^p, "
            "fitted over the upper half of the sizes",
            "",
            table(head, exponents),
            "",
        ]
    if slopes:
        parts += [
            "Memory: bytes per time step, and the size of the saved states alone",
            "",
            table(["cell", *names, "states alone"], slopes),
            "",
        ]
    return "\n".join(parts).rstrip()


def measured_points(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the points of a sweep with results; after Ctrl-C, the last may have none."""
    return [point for point in entry["points"] if point.get("rounds") or "bytes" in point]


def shown(value: float, what: str) -> str:
    """Return a value as text: bytes in MiB, or a time in milliseconds."""
    return f"{value / 2**20:.1f}" if what == "memory" else significant(value)


def value_of(point: dict[str, Any], name: str) -> float:
    """Return the result at a point, in milliseconds or bytes."""
    return float(point["bytes"][name]) if "bytes" in point else median_ms(point["rounds"], name)


def draw(outcome: Outcome, names: Sequence[str]) -> "Figure":
    """Draw a panel with logarithmic axes for each sweep, and a row of panels for each cell."""
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
            title=f"{cell}, {SWEEPS[what].others}",
            xlabel=SWEEPS[what].letter,
            ylabel="peak memory, MiB" if what == "memory" else "step, ms",
        )
    panels[0][0].legend(fontsize="small")
    environment = outcome.environment
    figure.suptitle(
        f"One training step, Paddle {environment['paddle']}, {environment['threads']} thread(s)"
    )
    return figure


def _parser() -> argparse.ArgumentParser:
    parser = implementations_parser("scaling", __doc__, PADDLE_IMPLEMENTATIONS)
    parser.add_argument(
        "--sweeps",
        type=names_from(tuple(SWEEPS)),
        default=tuple(SWEEPS),
        metavar="NAME,...",
        help=f"sweeps to measure: any of {', '.join(SWEEPS)} (default: all)",
    )
    parser.add_argument(
        "--seconds",
        type=at_least(0),
        default=4,
        help=f"time limit for each point; no new round starts after it, but at least "
        f"{LEAST_ROUNDS} are measured (default: 4)",
    )
    parser.add_argument(
        "--plot",
        type=plot_path,
        metavar="FILE",
        help="file for a plot of the results (.svg, .png or .pdf)",
    )
    return parser
