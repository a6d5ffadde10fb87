"""Soak test: train for a given time and watch whether the process grows.

python -m benchmarks.soak --minutes 30. docs/guides/long-runs.md explains the table.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from tqdm import tqdm

from benchmarks.commands.parser import make_parser
from benchmarks.measuring.growth import WARM_UP, Reading, Slope, Verdict, check_extra, slope, watch
from rnn_core.commands.arguments import non_negative_number, positive_number, seed
from rnn_core.commands.status import ExitStatus
from rnn_core.config import CELLS, EXECUTIONS, TrainConfig
from rnn_core.runtime import parallel
from rnn_core.runtime.devices import resolve_device
from rnn_core.runtime.environment import describe_environment
from rnn_core.runtime.messages import complain
from rnn_core.training import NonFiniteError

STATUS: dict[Verdict, ExitStatus] = {
    "grows": ExitStatus.FINDING,
    "cannot tell": ExitStatus.CANNOT_TELL,
    "does not grow": ExitStatus.OK,
}

# Number of steps in a round: a tenth of a second at this shape on an idle machine.
STEPS = 50
MIB, KIB = 2**20, 2**10


@dataclass(frozen=True)
class Quantity:
    """A row of the table.

    Attributes:
        name: name in the table.
        field: name of an attribute of `Reading`.
        unit: unit of the values.
        scale: size of this unit, in the unit of the attribute.
        slope_unit: unit of the slope per 1000 steps.
        slope_scale: size of this unit, in the unit of the attribute.
        judged: whether growth is a fault. Step time is not judged: other programs affect it.
    """

    name: str
    field: str
    unit: str
    scale: float
    slope_unit: str
    slope_scale: float
    judged: bool


QUANTITIES = (
    Quantity("memory", "memory", "MiB", MIB, "KiB", KIB, judged=True),
    Quantity("open files", "files", "", 1, "", 1, judged=True),
    Quantity("threads", "threads", "", 1, "", 1, judged=True),
    Quantity("step time", "step_time", "ms", 1e-3, "us", 1e-6, judged=False),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, print the table, and return the exit status.

    0: nothing grows; 1: memory, open files or threads grow; 2: wrong input; 4: the run is too
    short to tell, or ended at a NaN or infinity; 130: interrupted, whatever the table says.
    """
    options = _parser().parse_args(arguments)
    try:
        check_extra()
        if parallel.size() > 1:
            raise ValueError(f"a soak runs in 1 process, got {parallel.size()}")  # noqa: TRY301
        config = soak_config(options)
        resolve_device(config.device)
    except (ValueError, ImportError) as error:
        complain(str(error))
        return ExitStatus.WRONG_INPUT

    readings: list[Reading] = []
    seconds, shown = 60 * options.minutes, 0
    interrupted = False
    try:
        with tqdm(total=round(seconds), unit="s", disable=None, leave=False) as bar:
            for reading in watch(config, STEPS, lambda reading: reading.seconds >= seconds):
                readings.append(reading)
                bar.set_postfix(memory=f"{reading.memory / MIB:.1f} MiB", refresh=False)
                now = min(round(reading.seconds), round(seconds))
                bar.update(now - shown)
                shown = now
    except NonFiniteError as error:
        complain(f"{error}: the soak cannot continue")
        return ExitStatus.CANNOT_TELL
    except KeyboardInterrupt:
        interrupted = True  # The rounds so far are judged.
    try:
        slopes = [slope(readings, quantity.field) for quantity in QUANTITIES]
    except ValueError as error:
        if interrupted:
            return ExitStatus.INTERRUPTED
        complain(f"{error}: increase --minutes")
        return ExitStatus.CANNOT_TELL
    lines, verdict = report(config, readings, slopes, options.limit)
    print("\n".join(lines))
    return ExitStatus.INTERRUPTED if interrupted else STATUS[verdict]


def soak_config(options: argparse.Namespace) -> TrainConfig:
    """Return settings that record every step, and clip, so that training can continue for days."""
    return TrainConfig(
        cell=options.cell,
        epochs=1,
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
    config: TrainConfig, readings: Sequence[Reading], slopes: Sequence[Slope], limit: float
) -> tuple[list[str], Verdict]:
    """Return the lines of the report, which end with the verdict, and the verdict itself."""
    environment = describe_environment(config.device)
    steady = readings[int(len(readings) * WARM_UP) :]
    lines = [
        f"{config.cell} ({config.execution}), {readings[-1].step} steps in "
        f"{readings[-1].seconds / 60:.1f} minutes, on {environment['device_name']} "
        f"({environment['cpu']}), Paddle {environment['paddle']}, Python {environment['python']}",
        f"Slopes with 95% intervals, without the first {WARM_UP:.0%} of {len(readings)} rounds:",
    ]
    verdicts: list[Verdict] = []
    for quantity, growth in zip(QUANTITIES, slopes, strict=True):
        line = row(quantity, steady[0], steady[-1], growth)
        if quantity.judged:
            verdicts.append(growth.verdict(limit if quantity.field == "memory" else 0.0))
            line += f": {verdicts[-1]}"
        lines.append(line)
    worst = next(verdict for verdict in STATUS if verdict in verdicts)
    subject = (
        "The run is too short to tell whether the process grows"
        if worst == "cannot tell"
        else f"The process {worst}"
    )
    return [*lines, f"{subject}, at a limit of {limit:g} bytes a step."], worst


def row(quantity: Quantity, first: Reading, last: Reading, growth: Slope) -> str:
    """Return the line of a quantity: its first and last value, its slope and the interval."""
    before, after = (getattr(reading, quantity.field) / quantity.scale for reading in (first, last))
    per_1000 = [
        1000 * value / quantity.slope_scale for value in (growth.per_step, growth.low, growth.high)
    ]
    unit = f" {quantity.slope_unit}".rstrip()
    values = f"  {quantity.name:<10} {before:8.5g} to {after:.5g} {quantity.unit}".ljust(38)
    slopes = f"{per_1000[0]:+.3g} ({per_1000[1]:+.3g} to {per_1000[2]:+.3g}){unit}"
    return f"{values} {slopes} per 1000 steps"


def _parser() -> argparse.ArgumentParser:
    parser = make_parser("soak", __doc__)
    parser.add_argument(
        "--minutes", type=positive_number, required=True, metavar="M", help="duration in minutes"
    )
    parser.add_argument(
        "--cell", choices=CELLS, default="LSTM", help="recurrent layer (default: LSTM)"
    )
    parser.add_argument(
        "--execution",
        choices=EXECUTIONS,
        default="kernel",
        help="implementation of the recurrent layer (default: kernel)",
    )
    parser.add_argument("--device", default="cpu", help="cpu, gpu or gpu:N (default: cpu)")
    parser.add_argument(
        "--seed", type=seed, default=0, help="random seed of weights and data (default: 0)"
    )
    parser.add_argument(
        "--limit",
        type=non_negative_number,
        default=100.0,
        metavar="BYTES",
        help="largest growth of memory per step that is not a fault (default: 100)",
    )
    return parser
