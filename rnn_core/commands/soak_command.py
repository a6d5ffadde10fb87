"""The command `python -m rnn_core soak`: its options, its table and its verdict."""

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from tqdm import tqdm

from rnn_core.commands.soak import WARM_UP, Note, Slope, Verdict, check_extra, slope, soak
from rnn_core.config import CELLS, EXECUTIONS, TrainConfig, check_positive_number
from rnn_core.runtime import parallel
from rnn_core.runtime.devices import resolve_device
from rnn_core.runtime.environment import describe_environment
from rnn_core.training import NonFiniteError

# Exit statuses; 2 is wrong input, as for the other commands.
STEADY, GROWS, BAD_INPUT, CANNOT_TELL = 0, 1, 2, 4
STATUS: dict[Verdict, int] = dict(zip(get_args(Verdict), (GROWS, STEADY, CANNOT_TELL), strict=True))

# Of a round: a tenth of a second at this shape, on a machine with nothing else to do.
STEPS = 50
MIB, KIB = 2**20, 2**10


@dataclass(frozen=True)
class Quantity:
    """A row of the table: what it is called, its unit, and how large that is.

    `judged` says whether its growth is a fault: step time is left to the eye, for on most machines
    others use the processor too.
    """

    name: str
    field: str
    unit: str
    one: float
    slope_unit: str
    slope_one: float
    judged: bool


QUANTITIES = (
    Quantity("memory", "memory", "MiB", MIB, "KiB", KIB, judged=True),
    Quantity("open files", "files", "", 1, "", 1, judged=True),
    Quantity("threads", "threads", "", 1, "", 1, judged=True),
    Quantity("step time", "step_time", "ms", 1e-3, "us", 1e-6, judged=False),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--minutes", type=float, required=True, metavar="M", help="how long")
    parser.add_argument("--cell", choices=CELLS, default="LSTM", help="(default: LSTM)")
    parser.add_argument(
        "--execution", choices=EXECUTIONS, default="kernel", help="(default: kernel)"
    )
    parser.add_argument("--device", default="cpu", help="cpu, gpu or gpu:N")
    parser.add_argument("--seed", type=int, default=0, help="of weights and data")
    parser.add_argument(
        "--limit",
        type=float,
        default=100.0,
        metavar="BYTES",
        help="memory that a step may leave behind before it counts as growth (default: 100)",
    )


def run(options: argparse.Namespace) -> int:
    """Soak, print the table, and return the exit status.

    0: nothing grows; 1: memory, open files or threads grow; 2: bad input; 4: too short to
    tell, or ended at a NaN or infinity.
    """
    try:
        check_extra()
        if parallel.size() > 1:
            raise ValueError(f"a soak is of one process, got {parallel.size()}")  # noqa: TRY301
        check_positive_number("--minutes", options.minutes)
        if not (math.isfinite(options.limit) and options.limit >= 0):
            raise ValueError(f"--limit must be at least 0 bytes, got {options.limit}")  # noqa: TRY301
        config = soak_config(options)
        resolve_device(config.device)
    except (TypeError, ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT

    notes: list[Note] = []
    seconds, shown = 60 * options.minutes, 0
    try:
        with tqdm(total=round(seconds), unit="s", disable=None, leave=False) as bar:
            for note in soak(config, STEPS, lambda note: note.seconds >= seconds):
                notes.append(note)
                bar.set_postfix(memory=f"{note.memory / MIB:.1f} MiB", refresh=False)
                now = min(round(note.seconds), round(seconds))
                bar.update(now - shown)
                shown = now
    except NonFiniteError as error:
        print(f"error: {error}: the soak cannot go on", file=sys.stderr)
        return CANNOT_TELL
    except KeyboardInterrupt:
        pass  # What was seen so far is judged.
    if not notes:
        print("error: interrupted before the first round ended", file=sys.stderr)
        return CANNOT_TELL
    try:
        slopes = [slope(notes, quantity.field) for quantity in QUANTITIES]
    except ValueError as error:
        print(f"error: {error}: it needs more minutes", file=sys.stderr)
        return CANNOT_TELL
    lines, status = report(config, notes, slopes, options.limit)
    print("\n".join(lines))
    return status


def soak_config(options: argparse.Namespace) -> TrainConfig:
    """Clipped, so that it can go on for days; every step is recorded, as most users do."""
    return TrainConfig(
        cell=options.cell,
        epochs=1,
        learning_rate=0.05,
        clip_norm=1.0,
        batch_size=16,
        emb_size=32,
        hidden_size=32,
        seed=options.seed,
        device=options.device,
        execution=options.execution,
        on_nonfinite="raise",
    )


def report(
    config: TrainConfig, notes: Sequence[Note], slopes: Sequence[Slope], limit: float
) -> tuple[list[str], int]:
    """The table of a soak, its verdict last, and the exit status that follows from it."""
    environment = describe_environment(config.device)
    steady = notes[int(len(notes) * WARM_UP) :]
    lines = [
        f"{config.cell} ({config.execution}), {notes[-1].step} steps in "
        f"{notes[-1].seconds / 60:.1f} minutes, on {environment['device_name']} "
        f"({environment['cpu']}), Paddle {environment['paddle']}, Python {environment['python']}",
        f"Slopes with 95% intervals, without the first {WARM_UP:.0%} of {len(notes)} rounds:",
    ]
    verdicts: list[Verdict] = []
    for q, s in zip(QUANTITIES, slopes, strict=True):
        first, last = (getattr(note, q.field) / q.one for note in (steady[0], steady[-1]))
        each = [1000 * value / q.slope_one for value in (s.per_step, s.low, s.high)]
        line = (
            f"  {q.name:<10} {first:8.5g} to {last:.5g} {q.unit}".ljust(38)
            + f" {each[0]:+.3g} ({each[1]:+.3g} to {each[2]:+.3g}) {q.slope_unit}".rstrip()
            + " per 1000 steps"
        )
        if q.judged:
            verdicts.append(s.verdict(limit if q.field == "memory" else 0.0))
            line += f": {verdicts[-1]}"
        lines.append(line)
    worst: Verdict = "does not grow"
    for verdict in ("cannot tell", "grows"):
        worst = verdict if verdict in verdicts else worst
    lines.append(
        f"The process {worst}, at a limit of {limit:g} bytes a step.".replace(
            "process cannot tell", "run is too short to tell whether the process grows"
        )
    )
    return lines, STATUS[worst]
