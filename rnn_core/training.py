"""The training loop, which watches the gradients it trains with."""

import math
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import paddle
from paddle import Tensor

from rnn_core.checkpoints.checkpoint import (
    Checkpoint,
    CheckpointFolder,
    Position,
    checkpoint_folder,
)
from rnn_core.config import TrainConfig, check_at_least
from rnn_core.data.batch import Batch, dtype_name, load_data
from rnn_core.data.batches import Batches
from rnn_core.gradients import make_clip
from rnn_core.history import History, Outcome
from rnn_core.model import NumericPrediction, model_of
from rnn_core.runtime import parallel
from rnn_core.runtime.devices import device_of, resolve_device, use_device
from rnn_core.runtime.environment import describe_environment
from rnn_core.runtime.interrupts import held_interrupt
from rnn_core.step import TrainingStep

# A prediction this close to its label is right, as in the notebook.
CORRECT_WITHIN = 0.1


@dataclass(frozen=True)
class Step:
    """One recorded training step as it happened.

    Attributes:
        number: of the step, from 1.
        epoch: its epoch, from 1.
        index: its place in the epoch, from 0.
        loss: mean squared error before the update.
        raw_norms: L2 norm of every parameter's gradient before clipping.
        clipped_norms: the same after clipping.
        correct: right predictions in the epoch so far.
        total: predictions in the epoch so far.
        last: whether the step ends its epoch.
    """

    number: int
    epoch: int
    index: int
    loss: float
    raw_norms: dict[str, float]
    clipped_norms: dict[str, float]
    correct: int
    total: int
    last: bool


class NonFiniteError(ArithmeticError):
    """A loss or gradient became NaN or infinite; `history` holds the run up to that step."""

    def __init__(self, message: str, history: History) -> None:
        super().__init__(message)
        self.history = history


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C came while training; `history` holds every whole step that was to be recorded."""

    def __init__(self, history: History) -> None:
        super().__init__(f"interrupted after step {history.steps}")
        self.history = history


def train(
    config: TrainConfig,
    data: Iterable[Batch] | None = None,
    model: NumericPrediction | None = None,
    on_step: Callable[[Step], object] | None = None,
    *,
    checkpoint: str | Path | None = None,
    every: int = 100,
    resume: bool = False,
) -> History:
    """Train with mean squared error and plain SGD, and record what happens.

    Seeds Paddle's global generator with `config.seed`, so that equal configs give equal bits,
    whatever they record.

    Where Paddle's launcher has started several processes, each calls this with the same arguments
    and trains on its share of every batch (`rnn_core.runtime.parallel`); all get the same numbers.

    Args:
        config: the settings.
        data: the batches of one epoch, used in this order in every epoch; the notebook's four
            samples if None. A `BatchStream` makes each when it is needed: memory does not grow
            with their number.
        model: a model to train further, in place; a new one if None.
        on_step: called after every recorded step, before its update.
        checkpoint: a folder of this run's own, made if it is not there, into which checkpoints are
            written: before the first step, after every `every`-th and the last, and on Ctrl-C,
            which then waits for the step to be whole. Several processes share the folder, and on
            Ctrl-C they write none.
        every: steps between two checkpoints.
        resume: go on from the last good checkpoint, with the same config (but for more epochs) and
            data, as if the run had never stopped; from the start where the folder holds none. The
            weights of `model` and the states of Paddle's, NumPy's and Python's global random
            generators become the checkpoint's, and the history is that of the whole run.

    Raises:
        TypeError: an argument has the wrong type, or `data` holds something else than batches of
            integer tokens and labels of `config.dtype`.
        ValueError: the device is not there; `data` or `model` does not fit `config`; a token,
            label or shape is out of range; there is nothing to resume without a `checkpoint`. All
            batches are checked before any training; of a `BatchStream` the first and the last, and
            each of the others before its step.
        CheckpointError: the folder cannot be used, or holds another run: nothing is trained; or a
            checkpoint cannot be written: the run ends, and the error carries its history.
        RuntimeError: there are several processes, and this Paddle can only train in one.
        NonFiniteError: with `on_nonfinite="raise"`, the first NaN or infinity.
        TrainingInterrupted: on Ctrl-C.
    """
    _check_types(config, model, on_step)
    check_at_least(1, "every", every)
    if resume and checkpoint is None:
        raise ValueError("resume needs a checkpoint folder, got None")
    resolve_device(config.device)
    parallel.join(config.device, config.batch_size)
    # Gradients are recorded whatever the caller, or an interrupted run before, has switched off.
    with use_device(config.device) as device, paddle.set_grad_enabled(True):
        paddle.seed(config.seed)
        if model is None:
            model = model_of(config)
        else:
            _check_model(model, config, device)
        if data is None:
            data = load_data(config.num_steps, config.batch_size, config.dtype)
        batches = Batches(data, config, device)
        if checkpoint is None:
            return _run(config, device, batches, model, on_step)
        # Of several processes none can wait: Ctrl-C comes to each of them at another step.
        held = held_interrupt() if parallel.size() == 1 else nullcontext(lambda: False)
        with checkpoint_folder(Path(checkpoint), resume) as path, held as interrupted:
            folder = CheckpointFolder(path, every, batches.checksum(), model, interrupted)
            return _run(config, device, batches, model, on_step, folder, folder.restore(config))


def _run(
    config: TrainConfig,
    device: str,
    batches: Batches,
    model: NumericPrediction,
    on_step: Callable[[Step], object] | None,
    folder: CheckpointFolder | None = None,
    saved: Checkpoint | None = None,
) -> History:
    training = TrainingStep(model, config.learning_rate, make_clip(config.clip, config.clip_norm))
    start, past = (Position(), None) if saved is None else (saved.position, saved.history)
    trained = 0 if past is None else past.steps
    steps: list[Step] = []
    accuracies: list[tuple[int, float]] = []  # With the step that ended the epoch.

    def history(outcome: Outcome) -> History:
        environment = describe_environment(device)
        environment |= batches.description
        rest = _history(config, environment, outcome, training.names, trained, steps, accuracies)
        return rest if past is None else past.followed_by(rest)

    model.train()
    try:
        if folder is not None and saved is None:
            folder.save(history("interrupted"), start)
        for epoch in range(start.epoch, config.epochs + 1):
            correct, total = (start.correct, start.total) if epoch == start.epoch else (0, 0)
            uncounted: list[tuple[Tensor, Tensor]] = []
            first = start.batch if epoch == start.epoch else 0
            for index, batch in enumerate(batches.beginning_at(first), first):
                tokens, labels = parallel.share(batch)
                last = index == len(batches) - 1
                recorded = config.record > 0 and (trained + 1) % config.record == 0
                predictions, measured = training.gradients(
                    tokens, labels, measure=recorded, whole=len(batch.labels)
                )

                total += len(batch.labels)
                if config.record:
                    uncounted.append((predictions, labels))
                if recorded or (last and config.record):
                    correct += _count(uncounted)
                if measured is not None:
                    step = Step(
                        number=trained + 1,
                        epoch=epoch,
                        index=index,
                        loss=measured.loss,
                        raw_norms=measured.raw_norms,
                        clipped_norms=measured.clipped_norms,
                        correct=correct,
                        total=total,
                        last=last,
                    )
                    steps.append(step)
                trained += 1
                if last and config.record:
                    accuracies.append((trained, correct / total))

                if measured is not None:
                    if on_step is not None:
                        on_step(step)
                    if config.on_nonfinite != "continue" and not _finite(step):
                        # Before the update, so that the model keeps its last finite weights.
                        if config.on_nonfinite == "raise":
                            raise NonFiniteError(
                                f"loss or gradient not finite at step {step.number}",
                                history("non-finite"),
                            )
                        return history("non-finite")
                training.update()
                if folder is not None and folder.due(trained, last and epoch == config.epochs):
                    correct += _count(uncounted)
                    folder.save(history("interrupted"), Position(epoch, index + 1, correct, total))
    except KeyboardInterrupt as interrupt:
        raise TrainingInterrupted(history("interrupted")) from interrupt
    return history("finished")


def count_correct(predictions: Tensor, labels: Tensor) -> int:
    """How many predictions `[B, 1]` lie within 0.1 of their label `[B, 1]`."""
    # Not NumPy's abs, < and sum: for one prediction they take 35 us between two steps, this 10.
    pairs = zip(predictions.numpy().tolist(), labels.numpy().tolist(), strict=True)
    return sum(abs(predicted - label) < CORRECT_WITHIN for (predicted,), (label,) in pairs)


def _count(uncounted: list[tuple[Tensor, Tensor]]) -> int:
    """Right predictions of all processes since the last time, which are forgotten then."""
    correct = sum(count_correct(*pair) for pair in uncounted)
    uncounted.clear()
    return int(parallel.total(correct))


def _finite(step: Step) -> bool:
    norms = (*step.raw_norms.values(), *step.clipped_norms.values())
    return all(map(math.isfinite, (step.loss, *norms)))


def _history(
    config: TrainConfig,
    environment: dict[str, str],
    outcome: Outcome,
    names: list[str],
    trained: int,
    steps: list[Step],
    accuracies: list[tuple[int, float]],
) -> History:
    # Ctrl-C may have come between two of these lists.
    trained = max([trained, *(step.number for step in steps[-1:])])
    return History(
        config=config,
        environment=environment,
        outcome=outcome,
        steps=trained,
        recorded=np.array([step.number for step in steps], dtype=np.int64),
        loss=np.array([step.loss for step in steps]),
        raw_norms={name: np.array([step.raw_norms[name] for step in steps]) for name in names},
        clipped_norms={
            name: np.array([step.clipped_norms[name] for step in steps]) for name in names
        },
        accuracy=np.array([accuracy for _, accuracy in accuracies]),
        epoch_ends=np.array([end for end, _ in accuracies], dtype=np.int64),
    )


def _check_types(config: object, model: object, on_step: object) -> None:
    if not isinstance(config, TrainConfig):
        raise TypeError(f"config must be a TrainConfig, got {type(config).__name__}")
    if model is not None and not isinstance(model, NumericPrediction):
        raise TypeError(f"model must be a NumericPrediction, got {type(model).__name__}")
    if on_step is not None and not callable(on_step):
        raise TypeError(f"on_step must be callable, got {type(on_step).__name__}")


def _check_model(model: NumericPrediction, config: TrainConfig, device: str) -> None:
    """Refuse a model that is not what the config, and so the history, says it is."""
    is_there = {
        "vocab_size": model.vocab_size,
        "emb_size": model.emb_size,
        "hidden_size": model.hidden_size,
        "cell": model.cell,
        "execution": model.execution,
        "dtype": dtype_name(model.linear.weight),
        "device": device_of(model.linear.weight),
    }
    wanted = {**config.as_dict(), "device": device}
    for name, value in is_there.items():
        if value != wanted[name]:
            raise ValueError(f"model has {name} {value!r}, the config says {wanted[name]!r}")
