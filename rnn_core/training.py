"""The training loop."""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import paddle

from rnn_core.checkpoints.folder import CheckpointFolder, checkpoint_folder
from rnn_core.config import TrainConfig, check_bool, check_int, check_path, check_type
from rnn_core.data.batch import Batch, dtype_name, load_data
from rnn_core.data.batches import Batches
from rnn_core.gradients import make_clip
from rnn_core.history import History, Outcome, check_size
from rnn_core.model import NumericPrediction, model_of
from rnn_core.parameters import Parameters
from rnn_core.recorder import Position, Recorder, Step
from rnn_core.runtime import parallel
from rnn_core.runtime.devices import device_of, resolve_device, use_device
from rnn_core.runtime.environment import describe_environment
from rnn_core.runtime.interrupts import held_interrupt
from rnn_core.step import TrainingStep


class NonFiniteError(ArithmeticError):
    """A loss or gradient became NaN or infinite; `history` holds the run up to that step."""

    def __init__(self, message: str, history: History) -> None:
        super().__init__(message)
        self.history = history

    def __reduce__(self) -> tuple[Any, ...]:
        """Make copies, and what another process raises, of both arguments."""
        return type(self), (str(self), self.history)


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C came while training.

    `history` holds the run up to the last measured step, whose update may be missing.
    """

    def __init__(self, history: History) -> None:
        super().__init__(f"interrupted after step {history.steps}")
        self.history = history

    def __reduce__(self) -> tuple[Any, ...]:
        """Make copies of the history, not of the message."""
        return type(self), (self.history,)


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
    """Train with mean squared error and plain SGD, and record the run.

    Seeds Paddle's global generator with `config.seed`: equal configs give equal bits, whatever they
    record.

    If Paddle's launcher has started several processes, each calls this with the same arguments and
    trains on its share of every batch (`rnn_core.runtime.parallel`). All return the same numbers.

    Args:
        config: settings of the run.
        data: batches of one epoch, used in this order in every epoch; the notebook's four samples
            if None. A `BatchStream` makes each batch when it is needed, so memory does not grow
            with the number of batches.
        model: model to train in place; a new one if None.
        on_step: function called in every recorded step, before the update, which takes the clipped
            gradients; those of the parameters are not clipped, and changing them has no effect if
            the config clips.
        checkpoint: folder for the checkpoints of this run, created if needed. Checkpoints are
            written before the first step, after every `every`-th and the last step, and on Ctrl-C.
            Several processes share the folder and write no checkpoint on Ctrl-C.
        every: number of steps between checkpoints.
        resume: whether to continue from the last valid checkpoint, as if the run had never stopped
            (unless `on_step` or `model` draws from Paddle's generator); without a checkpoint, the
            run starts from the beginning. Config and data must be the same, but `epochs` may grow.
            The weights of `model` and the states of NumPy's and Python's global random generators
            are replaced by those of the checkpoint, and Paddle's generator is seeded from the seed
            and the step. The history is that of the whole run.

    Raises:
        TypeError: an argument has the wrong type, or `data` does not hold batches of integer tokens
            and labels of `config.dtype`.
        ValueError: the device is not available; `data` or `model` does not fit `config`; a token,
            label or shape is out of range; the history would be too large to be read again; or
            `resume` is given without `checkpoint`. All batches
            are checked before training; of a `BatchStream`, only the first and the last, and each
            other batch before its step.
        CheckpointError: the folder cannot be used or holds another run, and nothing was trained; or
            a checkpoint cannot be written, and the error holds the history so far.
        RuntimeError: Paddle copies slices of tensors instead of making views, or cannot train in
            several processes.
        NonFiniteError: a loss or gradient became NaN or infinite, and `on_nonfinite` is "raise".
        TrainingInterrupted: Ctrl-C came while training. It waits until the step is complete, except
            in several processes; a second Ctrl-C does not wait.
    """
    _check_types(config, model, on_step)
    check_int("every", every)
    check_bool("resume", resume)
    if checkpoint is not None:
        check_path("checkpoint", checkpoint)
    elif resume:
        raise ValueError("resume needs a checkpoint folder, got None")
    resolve_device(config.device)
    parallel.join(config.device, config.batch_size)
    # The caller, or an interrupted run, may have switched gradients off.
    with use_device(config.device) as device, paddle.set_grad_enabled(True):
        if model is not None:
            _check_model(model, config, device)
        if data is None:
            data = load_data(config.num_steps, config.batch_size, config.dtype)
        batches = Batches(data, config, device)
        paddle.seed(config.seed)
        if model is None:
            model = model_of(config)
        check_size(Parameters(model).names, config.epochs * len(batches), config.record)
        environment = describe_environment(device) | batches.description
        # Several processes cannot wait: Ctrl-C reaches each of them at a different step.
        held = held_interrupt() if parallel.size() == 1 else nullcontext(lambda: False)
        with held as interrupted:
            arguments = (config, batches, model, environment, on_step, interrupted)
            if checkpoint is None:
                return _run(*arguments)
            # `on_step` may change the working directory.
            with checkpoint_folder(Path(checkpoint).absolute(), resume) as path:
                folder = CheckpointFolder(
                    path, every, len(batches), batches.checksum(), model, interrupted
                )
                return _run(*arguments, folder)


def _run(
    config: TrainConfig,
    batches: Batches,
    model: NumericPrediction,
    environment: dict[str, str],
    on_step: Callable[[Step], object] | None,
    interrupted: Callable[[], bool],
    folder: CheckpointFolder | None = None,
) -> History:
    """Train to the end, or to a NaN, infinity or Ctrl-C; return or raise with the history."""
    saved = None if folder is None else folder.restore(config)
    start, past = (Position(), None) if saved is None else (saved.position, saved.history)
    training = TrainingStep(model, config.learning_rate, make_clip(config.clip, config.clip_norm))
    recorder = Recorder(config, environment, training.names, len(batches), start, past)
    model.train()
    try:
        if folder is not None and saved is None:
            folder.save(recorder.history("interrupted"), start)
        outcome = _loop(config, batches, training, recorder, start, on_step, interrupted, folder)
        history = recorder.history(outcome)
    except KeyboardInterrupt as interrupt:
        raise TrainingInterrupted(recorder.history("interrupted")) from interrupt
    if interrupted():
        raise TrainingInterrupted(history)
    if outcome == "non-finite" and config.on_nonfinite == "raise":
        raise NonFiniteError(f"loss or gradient not finite at step {history.steps}", history)
    return history


def _loop(
    config: TrainConfig,
    batches: Batches,
    training: TrainingStep,
    recorder: Recorder,
    start: Position,
    on_step: Callable[[Step], object] | None,
    interrupted: Callable[[], bool],
    folder: CheckpointFolder | None,
) -> Outcome:
    """Train step by step; return how the run ended."""
    steps = config.epochs * len(batches)
    for epoch in range(start.epoch, config.epochs + 1):
        first = start.batch if epoch == start.epoch else 0
        for batch in batches.beginning_at(first):
            tokens, labels = parallel.share(batch)
            samples = len(batch.labels)
            predictions, measured = training.gradients(tokens, labels, recorder.due, samples)

            step = recorder.record(predictions, labels, samples, measured)
            if step is not None and on_step is not None:
                on_step(step)
            if step is not None and not step.finite and config.on_nonfinite != "continue":
                return "non-finite"  # Before the update: the model keeps its last finite weights.

            training.update()

            if folder is not None and folder.due(recorder.trained, recorder.trained == steps):
                position = recorder.position()
                folder.save(recorder.history("interrupted"), position)
            if interrupted():
                return "interrupted"
    return "finished"


def _check_types(config: object, model: object, on_step: object) -> None:
    check_type("config", config, TrainConfig)
    if model is not None:
        check_type("model", model, NumericPrediction)
    if on_step is not None and not callable(on_step):
        raise TypeError(f"on_step must be callable, got {type(on_step).__name__}")


def _check_model(model: NumericPrediction, config: TrainConfig, device: str) -> None:
    """Raise ValueError unless the model is the one that the config describes."""
    actual = {
        "vocab_size": model.vocab_size,
        "emb_size": model.emb_size,
        "hidden_size": model.hidden_size,
        "cell": model.cell,
        "execution": model.execution,
        "dtype": dtype_name(model.linear.weight),
        "device": device_of(model.linear.weight),
    }
    expected = {**config.as_dict(), "device": device}
    for name, value in actual.items():
        if value != expected[name]:
            raise ValueError(
                f"{name} of the model must be {expected[name]!r} as in the config, got {value!r}"
            )
    for name, parameter in model.named_parameters():
        if parameter.stop_gradient:
            raise ValueError(f"every parameter of the model must be trainable, got a frozen {name}")
