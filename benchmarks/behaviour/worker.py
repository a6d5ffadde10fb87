"""A process of one side: python -m benchmarks.behaviour.worker JSON.

The JSON is that of a `benchmarks.behaviour.sides.Task`: the folder of the side, its jobs, each with
the step to trace, and the folder of the traces to replay. Without a step, the whole run is recorded
and its first step traced. With a folder to replay, each step is computed from the tensors there.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

from benchmarks.behaviour.files import (
    AGAIN,
    AnyJob,
    Job,
    OwnJob,
    Recording,
    Trace,
    digest,
    rows,
    step_digest,
)
from benchmarks.behaviour.trace import trace_step
from benchmarks.source import check_source
from benchmarks.workloads.own import WorkloadError
from rnn_core import TrainConfig, load_data, train
from rnn_core.commands.status import ExitStatus
from rnn_core.gradients import make_clip
from rnn_core.model import new_model
from rnn_core.parameters import Parameters
from rnn_core.recorder import Step
from rnn_core.runtime.devices import use_device
from rnn_core.step import TrainingStep

JOBS: dict[str, type[AnyJob]] = {kind.__name__: kind for kind in (Job, OwnJob)}


def main(arguments: Sequence[str]) -> int:
    """Do the work in the given order, and return the exit status.

    If a workload cannot be used, standard output says why.
    """
    try:
        work_through(arguments)
    except WorkloadError as error:
        print(error)
        return ExitStatus.WRONG_INPUT
    return ExitStatus.OK


def work_through(arguments: Sequence[str]) -> None:
    """Do the work in the given order."""
    folder, work, replay = json.loads(arguments[0])
    for kind, fields, step in work:
        job = JOBS[kind](*fields)
        if isinstance(job, OwnJob):
            keep_own(job, step, Path(folder))
        elif replay is not None:
            replay_step(job, step, Path(folder), Path(replay))
        elif step is not None:
            keep_step(job, step, Path(folder))
        else:
            keep_run(job, Path(folder))


def keep_own(job: OwnJob, step: int | None, folder: Path) -> None:
    """Record a run of a workload, or trace one step."""
    from benchmarks.behaviour.layers import observe

    if step is None:
        # The first step is often the first to differ: the second run of a side traces it.
        recording, traced = observe(job, job.steps, 1 if job.variant == AGAIN else None)
        if traced is not None:
            traced.save(replace(job, variant="").trace(folder, 1))
        recording.save(job, folder)
        return
    _, traced = observe(job, step, step)
    assert traced is not None
    traced.save(job.trace(folder, step))


def keep_run(job: Job, folder: Path) -> None:
    """Record a run, and trace its first step, which is often the first to differ."""
    recording = record(job.config)
    keep_step(job, 1, folder)
    recording.save(job, folder)


def keep_step(job: Job, step: int, folder: Path) -> None:
    """Trace one step of a run."""
    trace(job.config, step).save(job.trace(folder, step))


def replay_step(job: Job, step: int, folder: Path, other: Path) -> None:
    """Compute every operator of one step from the other side's inputs."""
    replayed = trace(job.config, step, Trace.load(job.trace(other, step)))
    replayed.save(job.replay(folder, step))


def record(config: TrainConfig) -> Recording:
    """Train, and take a digest of the bits of every step."""
    gradients: list[bytes] = []
    parameters: list[bytes] = []
    with use_device(config.device):
        model = new_model(config)
        named = Parameters(model)

        def weights() -> bytes:
            return digest(block.numpy() for block in named.weights)

        def on_step(step: Step) -> None:
            parameters.append(weights())
            norms = (*step.raw_norms.values(), *step.clipped_norms.values())
            raw = (block.numpy() for block in named.gradients())
            gradients.append(step_digest(step.loss, norms, raw))

        history = train(config, model=model, on_step=on_step)
        parameters.append(weights())
    return Recording(history, rows(gradients), rows(parameters))


def trace(config: TrainConfig, step: int, other: Trace | None = None) -> Trace:
    """Train up to a step, counted from 1, and trace that step, as `trace_step` does."""
    with use_device(config.device):
        model = new_model(config)
        epoch = load_data(config.num_steps, config.batch_size, config.dtype)
        *before, batch = islice(cycle(epoch), step)
        if before:
            train(replace(config, epochs=1), data=before, model=model)
        clip = make_clip(config.clip, config.clip_norm)
        return trace_step(TrainingStep(model, config.learning_rate, clip), *batch, other=other)


if __name__ == "__main__":
    check_source(Path.cwd())
    sys.exit(main(sys.argv[1:]))
