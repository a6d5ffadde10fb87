"""Times of whole training steps by all implementations: python -m benchmarks.ratios.

All implementations are timed in turn, in one process, on a CPU. A second table shows the cost of
recording every norm in every step. benchmarks/README.md explains the tables.
"""

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from tqdm import tqdm

from benchmarks.commands.common import Outcome, begin, finish, implementations_parser
from benchmarks.measuring.interleave import Round, median_ms, ratio, time_rounds
from benchmarks.text import significant, table
from benchmarks.workloads.implementations import IMPLEMENTATIONS, make_contender
from benchmarks.workloads.same_work import check_same_work
from benchmarks.workloads.training_step import SHAPES, Shape, Work
from rnn_core.commands.arguments import at_least
from rnn_core.config import EXECUTIONS, Cell

REFERENCE = "paddle"
RECORDED = ", recorded"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0: finished; 1: an implementation does different work; 2: wrong arguments, or an implementation
    fails; 3: a file could not be written; 130: Ctrl-C.
    """
    parser = _parser()
    options, implementations, outcome = begin(parser, arguments, IMPLEMENTATIONS)
    if options.to is not None and options.to not in implementations:
        parser.error(
            f"--to must be one of the measured implementations, {', '.join(implementations)}, "
            f"got {options.to!r}"
        )
    return finish(
        lambda: measure(options, implementations, outcome.data),
        outcome,
        lambda: tables(outcome, implementations, options.to),
        options.save,
    )


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
            for times in time_rounds(calls, options.rounds, options.seed):
                rounds.append(times)
                bar.update()


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


def tables(outcome: Outcome, implementations: Sequence[str], to: str | None = None) -> str:
    """Return both tables, for the points with at least one round."""
    points = [point for point in outcome.data if point["rounds"]]
    if not points:
        return "Nothing was measured."
    to = to or (REFERENCE if REFERENCE in implementations else implementations[0])
    fewest, threads = min(len(p["rounds"]) for p in points), outcome.environment["threads"]
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
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = implementations_parser("ratios", __doc__, IMPLEMENTATIONS)
    parser.add_argument(
        "--shapes",
        type=_shapes,
        default=SHAPES,
        metavar="SHAPE,...",
        help="batch size, time steps and hidden size, such as B1-T10-H128 (default: "
        + ",".join(str(shape).replace(" ", "-") for shape in SHAPES)
        + ")",
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
    return parser


def _shapes(text: str) -> tuple[Shape, ...]:
    try:
        return tuple(dict.fromkeys(Shape.parse(part.strip()) for part in text.split(",")))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
