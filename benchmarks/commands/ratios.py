"""Ratios of whole training steps: python -m benchmarks.ratios.

Every implementation of one training step, on a CPU, measured in turn in one process; and what it
costs to record every norm in every step. README.md beside this file says how to read the tables.
"""

import argparse
from collections.abc import Callable, Sequence

from tqdm import tqdm

from benchmarks.commands.common import (
    Outcome,
    at_least,
    begin,
    finish,
    make_parser,
    milliseconds,
    table,
)
from benchmarks.measuring.interleave import Round, median_ms, ratio, time_rounds
from benchmarks.workloads.implementations import IMPLEMENTATIONS, make_contender
from benchmarks.workloads.same_work import check_same_work
from benchmarks.workloads.training_step import SHAPES, Shape, Work
from rnn_core.config import EXECUTIONS, Cell

REFERENCE = "paddle"
RECORDED = ", recorded"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0: finished; 1: an implementation fails or does other work; 2: bad arguments;
    3: a file could not be written; 130: Ctrl-C.
    """
    parser = _parser()
    options, implementations, outcome = begin(parser, arguments, IMPLEMENTATIONS)
    if options.to is not None and options.to not in implementations:
        parser.error(
            f"--to must be one of the measured implementations, {', '.join(implementations)}, "
            f"got {options.to!r}"
        )
    points = [(cell, shape) for cell in options.cells for shape in options.shapes]

    def measure() -> None:
        for cell, shape in tqdm(points, desc="same work?", disable=None, leave=False):
            check_same_work(implementations, cell, shape)
        with tqdm(total=len(points) * options.rounds, disable=None, leave=False) as bar:
            for cell, shape in points:
                bar.set_description(f"{cell} {shape}")
                rounds: list[Round] = []
                outcome.data.append({"cell": cell, "shape": str(shape), "rounds": rounds})
                calls = calls_of(implementations, cell, shape)
                for times in time_rounds(calls, options.rounds, options.seed):
                    rounds.append(times)
                    bar.update()

    return finish(
        measure, outcome, lambda: tables(outcome, implementations, options.to), options.save
    )


def calls_of(
    implementations: Sequence[str], cell: Cell, shape: Shape
) -> dict[str, Callable[[], object]]:
    """What to time at one point: a step of each, and of `rnn_core`'s a recorded one as well."""
    calls: dict[str, Callable[[], object]] = {}
    for name in implementations:
        contender = make_contender(name, cell, shape)
        calls[name] = contender.step
        if name in EXECUTIONS and isinstance(contender, Work):
            calls[name + RECORDED] = contender.recorded
    return calls


def tables(outcome: Outcome, implementations: Sequence[str], to: str | None = None) -> str:
    """Both tables, of the points that have a round."""
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
                f"{milliseconds(median_ms(point['rounds'], name))} ms"
                + (f", {ratio(point['rounds'], name, to)}" if name != to else "")
                for name in implementations
            ),
        ]
        for point in points
    ]
    lines = [
        f"Training step, {threads} thread(s), at least {fewest} rounds: median, and times the step "
        f"of {to} (median of the rounds' ratios, 25% to 75% of them)",
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
            "Recording: a step that records every norm, the loss and the right predictions, times "
            "one that records nothing",
            "",
            table(["cell", "shape", *ours], recorded),
        ]
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = make_parser("ratios", __doc__, IMPLEMENTATIONS)
    parser.add_argument(
        "--shapes",
        type=_shapes,
        default=SHAPES,
        metavar="SHAPE,...",
        help="batch, steps and size, as in B1-T10-H128 (default: "
        + ",".join(str(shape).replace(" ", "-") for shape in SHAPES)
        + ")",
    )
    parser.add_argument(
        "--to",
        choices=IMPLEMENTATIONS,
        metavar="NAME",
        help=f"implementation to divide the others' times by (default: {REFERENCE})",
    )
    parser.add_argument(
        "--rounds", type=at_least(3), default=21, metavar="N", help="of each point (default: 21)"
    )
    return parser


def _shapes(text: str) -> tuple[Shape, ...]:
    try:
        return tuple(dict.fromkeys(Shape.parse(part.strip()) for part in text.split(",")))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
