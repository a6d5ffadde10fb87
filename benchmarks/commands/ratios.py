"""Times of whole training steps by all implementations: python -m benchmarks.ratios.

All implementations are timed in turn, in one process, on a CPU. A second table shows the cost of
recording every norm in every step; `--sweep` shows how time and memory grow with a step's size.
benchmarks/README.md explains the tables.
"""

import argparse
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np
import paddle
from tqdm import tqdm

from benchmarks.commands.common import results_file
from benchmarks.commands.parser import make_parser
from benchmarks.measuring.interleave import Round, median_ms, ratio, time_rounds
from benchmarks.measuring.memory import allocated_peak
from benchmarks.measuring.threads import cpus
from benchmarks.text import significant, table
from benchmarks.workloads.implementations import IMPLEMENTATIONS, PEERS, absent, make_contender
from benchmarks.workloads.same_work import DifferentWorkError, check_same_work
from benchmarks.workloads.training_step import SHAPES, Shape, Work
from rnn_core.commands.arguments import any_path, at_least, names_from, writable_path
from rnn_core.commands.output import write_files
from rnn_core.commands.plot import COLORS, check_plot_path, write_figure
from rnn_core.commands.status import ExitStatus
from rnn_core.config import CELLS, EXECUTIONS, Cell
from rnn_core.runtime.environment import describe_environment
from rnn_core.runtime.messages import complain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REFERENCE = "paddle"
RECORDED = ", recorded"
# Shapes that differ in one number, by its letter.
SWEEPS = {
    "T": tuple(Shape(16, steps, 128) for steps in (10, 30, 100, 300, 1000)),
    "H": tuple(Shape(16, 10, size) for size in (32, 64, 128, 256, 512, 1024)),
    "B": tuple(Shape(batch, 10, 128) for batch in (1, 4, 16, 64, 256)),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0: finished; 1: an implementation does different work; 2: wrong arguments, or an implementation
    fails; 3: a file could not be written; 130: Ctrl-C.

    After a signal or an error, the results so far are printed, but not saved: a file always holds
    the results of a complete run.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    paddle.device.set_device("cpu")
    implementations, skipped = choose(parser, options.implementations)
    if options.to is not None and options.to not in implementations:
        parser.error(
            f"--to must be one of the measured implementations, {', '.join(implementations)}, "
            f"got {options.to!r}"
        )
    if options.plot is not None:
        if options.sweep is None:
            parser.error("--plot draws a sweep, and needs --sweep")
        try:
            check_plot_path(options.plot)
        except (ValueError, ImportError, OSError) as error:
            parser.error(str(error))
    if options.sweep:
        swept = (shape for letter in options.sweep for shape in SWEEPS[letter])
        options.shapes = tuple(dict.fromkeys(swept))
    facts = environment()
    data: list[dict[str, Any]] = []
    status = ExitStatus.OK
    try:
        measure(options, implementations, data)
    except DifferentWorkError as error:
        complain(f"not the same work, nothing was timed: {error}")
        return ExitStatus.FINDING
    except KeyboardInterrupt:
        status = ExitStatus.INTERRUPTED
    except RuntimeError as error:
        complain(str(error))
        status = ExitStatus.WRONG_INPUT
    found = tables(data, facts["threads"], implementations, options.to)
    end = ["", "Incomplete: these are the results so far."]
    if status == ExitStatus.OK:
        text = "\n".join([found, "", *skipped])
        content = {"skipped": skipped, "results": data}
        status, names = write_files(
            results_file(options.save, text, facts, content),
            ("plot", options.plot, lambda path: write_figure(draw(data, implementations), path)),
        )
        end = ["", *names] if names else []
    print("\n".join([*skipped, *([""] if skipped else []), found, *end]), flush=True)
    return status


def choose(
    parser: argparse.ArgumentParser, asked: Sequence[str] | None
) -> tuple[list[str], list[str]]:
    """Return the implementations to measure, and the reasons why others are not measured.

    Naming an implementation that is not installed is an error.
    """
    reasons = {name: absent(name) for name in asked or IMPLEMENTATIONS}
    missing = [f"{name} is not measured: {reason}" for name, reason in reasons.items() if reason]
    if asked and missing:
        parser.error("; ".join(missing))
    return [name for name, reason in reasons.items() if reason is None], missing


def measure(
    options: argparse.Namespace, implementations: Sequence[str], data: list[dict[str, Any]]
) -> None:
    """Measure every cell and shape, and add the rounds to `data` one by one."""
    points = [(cell, shape) for cell in options.cells for shape in options.shapes]
    for cell, shape in tqdm(points, desc="same work?", disable=None, leave=False):
        check_same_work(implementations, cell, shape)
    with tqdm(total=len(points) * options.rounds, disable=None, leave=False) as bar:
        for cell, shape in points:
            bar.set_description(f"{cell} {shape}")
            rounds: list[Round] = []
            data.append({"cell": cell, "shape": str(shape), "rounds": rounds})
            calls = calls_of(implementations, cell, shape)
            for times in time_rounds(calls, options.rounds):
                rounds.append(times)
                bar.update()
            data[-1]["peak_bytes"] = {
                name: allocated_peak(calls[name], "cpu")
                for name in implementations
                if name not in PEERS
            }


def calls_of(
    implementations: Sequence[str], cell: Cell, shape: Shape
) -> dict[str, Callable[[], object]]:
    """Return the steps to time, with a recorded one for each execution of `rnn_core`."""
    calls: dict[str, Callable[[], object]] = {}
    for name in implementations:
        contender = make_contender(name, cell, shape)
        calls[name] = contender.step
        if name in EXECUTIONS and isinstance(contender, Work):
            calls[name + RECORDED] = contender.recorded
    return calls


def tables(
    data: Sequence[dict[str, Any]],
    threads: str,
    implementations: Sequence[str],
    to: str | None = None,
) -> str:
    """Return the tables, for the points with at least one round."""
    points = [point for point in data if point["rounds"]]
    if not points:
        return "Nothing was measured."
    to = to or (REFERENCE if REFERENCE in implementations else implementations[0])
    fewest = min(len(point["rounds"]) for point in points)
    steps = [
        [
            point["cell"],
            point["shape"],
            *(
                f"{significant(median_ms(point['rounds'], name))} ms"
                + (f", {ratio(point['rounds'], name, to)}" if name != to else "")
                for name in implementations
            ),
        ]
        for point in points
    ]
    lines = [
        f"Training step, {threads} thread(s), at least {fewest} rounds: median time, and ratio to "
        f"{to} (median of the rounds' ratios, and their middle half)",
        "",
        table(["cell", "shape", *implementations], steps),
    ]
    ours = [name for name in implementations if name in EXECUTIONS]
    if ours:
        recorded = [
            [
                point["cell"],
                point["shape"],
                *(str(ratio(point["rounds"], name + RECORDED, name)) for name in ours),
            ]
            for point in points
        ]
        lines += [
            "",
            "Recording: ratio of a step that records all norms, the loss and the correct "
            "predictions to one that records nothing",
            "",
            table(["cell", "shape", *ours], recorded),
        ]
    grown = [
        [cell, letter, what, *(f"{growth(*columns[name]):.2f}" for name in implementations)]
        for cell, letter, what, columns in curves(points, implementations)
    ]
    if grown:
        lines += [
            "",
            "Growth: exponent p of time or peak memory = c size^p, fitted over the upper half of "
            "the sizes; in theory it tends to 1 over T and B, and to 2 over H",
            "",
            table(["cell", "over", "what", *implementations], grown),
        ]
    return "\n".join(lines)


Curve = tuple[list[int], list[float]]


def curves(
    points: Sequence[Mapping[str, Any]], implementations: Sequence[str]
) -> Iterator[tuple[str, str, str, dict[str, Curve]]]:
    """Yield the sweeps in the measured points: cell, letter, "time, ms" or "memory, MiB", curves.

    A curve has the sizes and the value at each; it is empty where no value is known.
    """
    for cell in dict.fromkeys(point["cell"] for point in points):
        found = {str(point["shape"]): point for point in points if point["cell"] == cell}
        for letter, shapes in SWEEPS.items():
            swept = [(shape, found[str(shape)]) for shape in shapes if str(shape) in found]
            if len(swept) < len(shapes):
                continue
            sizes = [{"B": s.batch, "T": s.steps, "H": s.size}[letter] for s, _ in swept]
            times = {
                name: (sizes, [median_ms(point["rounds"], name) for _, point in swept])
                for name in implementations
            }
            peaks = {
                name: [point.get("peak_bytes", {}).get(name) for _, point in swept]
                for name in implementations
            }
            yield cell, letter, "time, ms", times
            yield (
                cell,
                letter,
                "memory, MiB",
                {
                    name: (sizes, [peak / 2**20 for peak in known]) if all(known) else ([], [])
                    for name, known in peaks.items()
                },
            )


def growth(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Return the exponent p of value = c size^p, fitted over the upper half of the sizes.

    In the lower half, the constant cost of calls dominates. NaN for fewer than two sizes.
    """
    x, y = (np.log(numbers[len(sizes) // 2 :]) for numbers in (sizes, values))
    return float(np.polyfit(x, y, 1)[0]) if len(x) > 1 else float("nan")


def draw(data: Sequence[dict[str, Any]], implementations: Sequence[str]) -> "Figure":
    """Draw time and memory over each sweep's sizes, with logarithmic axes; a row for each cell."""
    from matplotlib.figure import Figure

    found = list(curves(data, implementations))
    rows = list(dict.fromkeys(cell for cell, *_ in found))
    columns = list(dict.fromkeys((letter, what) for _, letter, what, _ in found))
    figure = Figure(figsize=(3.5 * len(columns), 3 * len(rows)), layout="constrained")
    panels = figure.subplots(len(rows), len(columns), squeeze=False)
    for cell, letter, what, lines in found:
        axes = panels[rows.index(cell)][columns.index((letter, what))]
        for (name, (sizes, values)), color in zip(lines.items(), COLORS, strict=False):
            axes.plot(sizes, values, label=name, color=color, marker=".", linewidth=1)
        axes.set(xscale="log", yscale="log", title=cell, xlabel=letter, ylabel=what)
    panels[0][0].legend(fontsize="small")
    return figure


def environment() -> dict[str, str]:
    """Return what the times depend on: Paddle's environment, the peers' versions, CPUs, date."""
    versions = dict.fromkeys(PEERS, "not installed")
    for name in PEERS:
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return {
        **describe_environment("cpu"),
        **versions,
        "cpus_used": str(cpus()),
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def _parser() -> argparse.ArgumentParser:
    parser = make_parser("ratios", __doc__, threads=True)
    parser.add_argument(
        "--implementations",
        type=names_from(IMPLEMENTATIONS),
        metavar="NAME,...",
        help=f"implementations to measure: any of {', '.join(IMPLEMENTATIONS)} (default: all "
        "that are installed)",
    )
    parser.add_argument(
        "--cells",
        type=names_from(CELLS),
        default=CELLS,
        metavar="NAME,...",
        help=f"cells to measure: any of {', '.join(CELLS)} (default: all)",
    )
    shapes = parser.add_mutually_exclusive_group()
    shapes.add_argument(
        "--shapes",
        type=_shapes,
        default=SHAPES,
        metavar="SHAPE,...",
        help="batch size, time steps and hidden size, such as B1-T10-H128 (default: "
        + ",".join(str(shape).replace(" ", "-") for shape in SHAPES)
        + ")",
    )
    shapes.add_argument(
        "--sweep",
        type=names_from(tuple(SWEEPS)),
        metavar="LETTER,...",
        help="numbers to vary instead, of T (time steps), H (hidden size) and B (batch size)",
    )
    parser.add_argument(
        "--to",
        choices=IMPLEMENTATIONS,
        metavar="NAME",
        help=f"implementation that the ratios refer to (default: {REFERENCE}, or the "
        "first one if that is not measured)",
    )
    parser.add_argument(
        "--rounds",
        type=at_least(3),
        default=21,
        metavar="N",
        help="number of rounds for each cell and shape (default: 21)",
    )
    parser.add_argument(
        "--save",
        type=writable_path(".md", ".json"),
        metavar="FILE",
        help="file for the results (.md or .json)",
    )
    parser.add_argument(
        "--plot",
        type=any_path,
        metavar="FILE",
        help="file for a plot of --sweep (.svg, .png or .pdf)",
    )
    return parser


def _shapes(text: str) -> tuple[Shape, ...]:
    try:
        return tuple(dict.fromkeys(Shape.parse(part.strip()) for part in text.split(",")))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
