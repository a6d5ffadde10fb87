"""What more processes gain: whole steps of one process beside those of all, in turn.

    python -m paddle.distributed.launch --nproc_per_node 2 python -m benchmarks.processes

Every round times steps of the first process alone, on the whole batch, while the others wait, and
then steps of all, each on its share. So both meet the same state of the machine, and the ratio is
taken within a round.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import paddle

from rnn_core import Batch, TrainConfig
from rnn_core.config import CELLS, EXECUTIONS, check_positive_int
from rnn_core.data.digit_sums import DigitSums
from rnn_core.gradients import make_clip
from rnn_core.model import new_model
from rnn_core.runtime import parallel
from rnn_core.runtime.environment import describe_environment
from rnn_core.step import TrainingStep

MEASURED, BAD_INPUT = 0, 2
WARM_UP = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Time both in turn, print a line in the first process, and return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        for name in ("rounds", "steps"):
            check_positive_int(f"--{name}", getattr(options, name))
        if parallel.size() < 2:
            raise ValueError(  # noqa: TRY301
                "it needs processes to compare: python -m paddle.distributed.launch "
                "--nproc_per_node 2 python -m benchmarks.processes"
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
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT

    times = measure(config, batch, options.rounds, options.steps)
    if parallel.rank() == 0:
        print("\n".join(table(config, times, options.steps)))
    return MEASURED


def measure(
    config: TrainConfig, batch: Batch, rounds: int, steps: int
) -> list[tuple[float, float]]:
    """Seconds per step of the first process alone, and of all together, in each round."""
    with _alone():
        alone = TrainingStep(new_model(config), 0.01, make_clip(config.clip, config.clip_norm))
    together = TrainingStep(new_model(config), 0.01, make_clip(config.clip, config.clip_norm))
    mine = parallel.share(batch)
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
            together.gradients(*mine, measure=False, whole=len(batch.labels))
            together.update()
        shared = (time.perf_counter() - began) / steps
        if number >= WARM_UP:
            times.append((single, shared))
    return times


def table(config: TrainConfig, times: Sequence[tuple[float, float]], steps: int) -> list[str]:
    """What was measured, in words: medians, and the ratio with its middle half."""
    environment = describe_environment(config.device)
    alone, together = np.array(times).T
    low, ratio, high = np.quantile(alone / together, [0.25, 0.5, 0.75])
    return [
        f"{config.cell} ({config.execution}), B{config.batch_size} T{config.num_steps} "
        f"H{config.hidden_size}, {len(times)} rounds of {steps} steps, {environment['cpu']}, "
        f"{environment['cpu_count']} cores, {environment['threads']} thread(s) each, "
        f"Paddle {environment['paddle']}",
        f"  1 process   {1e3 * np.median(alone):.4g} ms a step",
        f"  {parallel.size()} processes {1e3 * np.median(together):.4g} ms a step, "
        f"{ratio:.2f} times as fast ({low:.2f} to {high:.2f})",
    ]


@contextmanager
def _alone() -> Iterator[None]:
    """As if no others had been launched."""
    launched = os.environ["PADDLE_TRAINERS_NUM"]
    os.environ["PADDLE_TRAINERS_NUM"] = "1"
    try:
        yield
    finally:
        os.environ["PADDLE_TRAINERS_NUM"] = launched


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.processes", description=__doc__)
    parser.add_argument("--cell", choices=CELLS, default="LSTM", help="(default: LSTM)")
    parser.add_argument(
        "--execution", choices=EXECUTIONS, default="kernel", help="(default: kernel)"
    )
    parser.add_argument("--batch", type=int, default=64, metavar="B", help="(default: 64)")
    parser.add_argument("--num-steps", type=int, default=25, metavar="T", help="(default: 25)")
    parser.add_argument("--hidden-size", type=int, default=256, metavar="H", help="(default: 256)")
    parser.add_argument("--rounds", type=int, default=21, metavar="N", help="(default: 21)")
    parser.add_argument("--steps", type=int, default=5, metavar="N", help="of a round (default: 5)")
    return parser
