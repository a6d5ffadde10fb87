"""How much faster several processes train than one: python -m benchmarks.processes.

    python -m paddle.distributed.launch --nproc_per_node 2 python -m benchmarks.processes

Each round times steps of the first process alone, on the whole batch, while the others wait, and
then steps of all processes, each on its share. Both are measured in the same state of the machine,
and the ratio is taken within the round.
"""

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import paddle

from benchmarks.commands.parser import add_layer_options, make_parser
from benchmarks.text import significant
from rnn_core import Batch, TrainConfig
from rnn_core.commands.arguments import at_least
from rnn_core.commands.status import ExitStatus
from rnn_core.data.digit_sums import DigitSums
from rnn_core.gradients import make_clip
from rnn_core.model import new_model
from rnn_core.runtime import parallel
from rnn_core.runtime.environment import describe_environment
from rnn_core.runtime.messages import complain
from rnn_core.step import TrainingStep

WARM_UP = 2  # rounds


def main(arguments: Sequence[str] | None = None) -> int:
    """Time one process and all processes in turn, print the result, and return the exit status.

    Only the first process prints.

    0: finished; 2: wrong arguments, or a single process.
    """
    options = _parser().parse_args(arguments)
    try:
        if parallel.size() < 2:
            raise ValueError(  # noqa: TRY301
                f"at least 2 processes are needed, got {parallel.size()}: start them with "
                "python -m paddle.distributed.launch --nproc_per_node 2 "
                "python -m benchmarks.processes"
            )
        config = TrainConfig(
            cell=options.cell,
            clip_norm=1.0,
            batch_size=options.batch,
            num_steps=options.num_steps,
            emb_size=options.hidden_size,
            hidden_size=options.hidden_size,
            execution=options.execution,
        )
        batch = DigitSums(options.batch, num_steps=options.num_steps, batch_size=options.batch)[0]
        parallel.join(config.device, config.batch_size)
    except (TypeError, ValueError, RuntimeError) as error:
        complain(str(error))
        return ExitStatus.WRONG_INPUT

    times = measure(config, batch, options.rounds, options.steps)
    if parallel.rank() == 0:
        print("\n".join(result_lines(config, times, options.steps)))
    return ExitStatus.OK


def measure(
    config: TrainConfig, batch: Batch, rounds: int, steps: int
) -> list[tuple[float, float]]:
    """Return the seconds per step of the first process alone, and of all processes, by round."""
    with _alone():
        alone = TrainingStep(new_model(config), 0.01, make_clip(config.clip, config.clip_norm))
    together = TrainingStep(new_model(config), 0.01, make_clip(config.clip, config.clip_norm))
    share = parallel.share(batch)
    times = []
    for number in range(WARM_UP + rounds):
        paddle.distributed.barrier()
        began = time.perf_counter()
        if parallel.rank() == 0:
            for _ in range(steps):
                alone.gradients(*batch, measure=False)
                alone.update()
        single = (time.perf_counter() - began) / steps

        paddle.distributed.barrier()
        began = time.perf_counter()
        for _ in range(steps):
            together.gradients(*share, measure=False, whole=len(batch.labels))
            together.update()
        shared = (time.perf_counter() - began) / steps
        if number >= WARM_UP:
            times.append((single, shared))
    return times


def result_lines(
    config: TrainConfig, times: Sequence[tuple[float, float]], steps: int
) -> list[str]:
    """Return the median times, and the ratio with its middle half."""
    environment = describe_environment(config.device)
    alone, together = np.array(times).T
    low, ratio, high = np.quantile(alone / together, [0.25, 0.5, 0.75])
    single, shared = (significant(1e3 * float(np.median(column))) for column in (alone, together))
    return [
        f"{config.cell} ({config.execution}), B{config.batch_size} T{config.num_steps} "
        f"H{config.hidden_size}, {len(times)} rounds of {steps} steps, {environment['cpu']}, "
        f"{environment['cpu_count']} cores, {environment['threads']} thread(s) each, "
        f"Paddle {environment['paddle']}",
        f"  1 process   {single} ms a step",
        f"  {parallel.size()} processes {shared} ms a step, "
        f"{ratio:.2f} times as fast ({low:.2f} to {high:.2f})",
    ]


@contextmanager
def _alone() -> Iterator[None]:
    """Act as a single process, as if no others had been launched."""
    launched = os.environ["PADDLE_TRAINERS_NUM"]
    os.environ["PADDLE_TRAINERS_NUM"] = "1"
    try:
        yield
    finally:
        os.environ["PADDLE_TRAINERS_NUM"] = launched


def _parser() -> argparse.ArgumentParser:
    parser = make_parser("processes", __doc__)
    add_layer_options(parser)
    for name, letter, default, meaning in (
        ("batch", "B", 64, "batch size of all processes together"),
        ("num-steps", "T", 25, "number of time steps"),
        ("hidden-size", "H", 256, "size of the hidden state and the embedding"),
        ("rounds", "N", 21, "number of rounds"),
        ("steps", "N", 5, "number of training steps in a round"),
    ):
        parser.add_argument(
            f"--{name}",
            type=at_least(1),
            default=default,
            metavar=letter,
            help=f"{meaning} (default: {default})",
        )
    return parser
