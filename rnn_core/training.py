"""The training loop, which watches the gradients it trains with."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import paddle
from paddle import Tensor

from rnn_core import parallel
from rnn_core.config import TrainConfig
from rnn_core.data import Batch, BatchStream, check_labels, check_tokens, dtype_name, load_data
from rnn_core.device import device_of, resolve_device, use_device
from rnn_core.environment import describe_environment
from rnn_core.gradients import make_clip
from rnn_core.history import History, Outcome
from rnn_core.model import NumericPrediction, model_of
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
) -> History:
    """Train with mean squared error and plain SGD, and record what happens.

    Seeds Paddle's global generator with `config.seed`, so that equal configs give equal bits,
    whatever they record.

    Where Paddle's launcher has started several processes, each calls this with the same arguments
    and trains on its share of every batch (`rnn_core.parallel`); all get the same history.

    Args:
        config: the settings.
        data: the batches of one epoch, used in this order in every epoch; the notebook's four
            samples if None. A `BatchStream` makes each when it is needed: memory does not grow
            with their number.
        model: a model to train further, in place; a new one if None.
        on_step: called after every recorded step, before its update.

    Raises:
        TypeError: an argument has the wrong type, or `data` holds something else than batches of
            integer tokens and labels of `config.dtype`.
        ValueError: the device is not there; `data` or `model` does not fit `config`; a token,
            label or shape is out of range. All batches are checked before any training; of a
            `BatchStream` the first and the last, and each of the others before its step.
        RuntimeError: there are several processes, and this Paddle can only train in one.
        NonFiniteError: with `on_nonfinite="raise"`, the first NaN or infinity.
        TrainingInterrupted: on Ctrl-C.
    """
    _check_types(config, model, on_step)
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
        batches = (
            _CheckedStream(data, config, device)
            if isinstance(data, BatchStream)
            else _checked(data, config, device)
        )
        return _run(config, device, batches, model, on_step)


def _run(
    config: TrainConfig,
    device: str,
    batches: "list[Batch] | _CheckedStream",
    model: NumericPrediction,
    on_step: Callable[[Step], object] | None,
) -> History:
    training = TrainingStep(model, config.learning_rate, make_clip(config.clip, config.clip_norm))
    trained = 0
    steps: list[Step] = []
    accuracies: list[tuple[int, float]] = []  # With the step that ended the epoch.

    def history(outcome: Outcome) -> History:
        environment = describe_environment(device)
        if isinstance(batches, _CheckedStream):
            environment["data"] = repr(batches.stream)
        return _history(config, environment, outcome, training.names, trained, steps, accuracies)

    model.train()
    try:
        for epoch in range(1, config.epochs + 1):
            correct = total = 0
            uncounted: list[tuple[Tensor, Tensor]] = []
            for index, batch in enumerate(batches):
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
                    counted = sum(count_correct(*pair) for pair in uncounted)
                    correct += int(parallel.total(counted))
                    uncounted.clear()
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
    except KeyboardInterrupt as interrupt:
        raise TrainingInterrupted(history("interrupted")) from interrupt
    return history("finished")


def count_correct(predictions: Tensor, labels: Tensor) -> int:
    """How many predictions `[B, 1]` lie within 0.1 of their label `[B, 1]`."""
    return int((np.abs(predictions.numpy() - labels.numpy()) < CORRECT_WITHIN).sum())


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


def _checked(data: Iterable[Batch], config: TrainConfig, device: str) -> list[Batch]:
    """All batches of an epoch, on the device, refused before any training if one is wrong."""
    try:
        batches = [Batch(*batch) for batch in data]
    except TypeError as error:
        raise TypeError(f"data must hold batches (tokens, labels): {error}") from error
    if not batches:
        raise ValueError("data must hold at least one batch, got none")
    for batch in batches:
        _check_batch(batch, config)
    return [Batch(tokens.to(device), labels.to(device)) for tokens, labels in batches]


class _CheckedStream:
    """The batches of a stream, on the device; the first and the last are refused at once."""

    def __init__(self, stream: BatchStream, config: TrainConfig, device: str) -> None:
        if len(stream) == 0:
            raise ValueError("data must hold at least one batch, got none")
        self.stream, self.config, self.device = stream, config, device
        for index in {0, len(stream) - 1}:
            _check_batch(stream[index], config)

    def __len__(self) -> int:
        return len(self.stream)

    def __iter__(self) -> Iterator[Batch]:
        for batch in self.stream:
            _check_batch(batch, self.config)
            yield Batch(batch.tokens.to(self.device), batch.labels.to(self.device))


def _check_batch(batch: Batch, config: TrainConfig) -> None:
    """Refuse a batch that the config does not describe, or that would poison the weights."""
    tokens, labels = batch
    check_tokens(tokens, config.vocab_size)
    size, length = tokens.shape
    if size > config.batch_size or length != config.num_steps:
        raise ValueError(
            f"tokens must be [B <= {config.batch_size}, T = {config.num_steps}], "
            f"as the config says, got shape {[size, length]}"
        )
    if size < parallel.size():
        raise ValueError(f"a batch of {size} cannot be shared by {parallel.size()} processes")
    check_labels(labels, size, config.dtype)


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
