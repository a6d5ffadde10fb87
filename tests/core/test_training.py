"""The training loop: what it records and rejects, and how it reacts to NaN, infinity and Ctrl-C."""

import gc
import os
import pickle
import random
import signal
from collections.abc import Callable, Sized
from dataclasses import replace
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from weakref import ref

import numpy as np
import paddle
import pytest

from rnn_core import (
    Batch,
    CheckpointError,
    History,
    NonFiniteError,
    NumericPrediction,
    TrainConfig,
    TrainingInterrupted,
    evaluate,
    load_data,
    named_weights,
    set_weights,
    train,
)
from rnn_core.checkpoints.folder import CheckpointFolder
from rnn_core.config import EAGER, ON_NONFINITE, Cell, Clip, DType, Execution
from rnn_core.data.batch import BatchStream
from rnn_core.data.batches import Batches
from rnn_core.data.digit_sums import DigitSums
from rnn_core.model import new_model
from rnn_core.recorder import Recorder, Step
from rnn_core.step import TrainingStep
from tests.helpers.default_dtype import default_dtype
from tests.helpers.histories import check_equal
from tests.helpers.parametrize import over_clips, over_dtypes
from tests.helpers.process_state import process_state
from tests.helpers.threads import in_another_thread

SMALL = TrainConfig(emb_size=8, hidden_size=4, epochs=3)
CLIPPED = replace(SMALL, cell="LSTM", learning_rate=0.02, clip_norm=0.5, record=5)
# The RNN without clipping: its loss is infinite at step 21 to 28 and then NaN.
EXPLODING = TrainConfig(epochs=8)
# Methods of a tensor that copy its numbers to the host.
READS = ["numpy", "item", "tolist", "__array__", "__float__", "__int__", "__bool__"]


def batch(tokens: Any = ((1, 2),), labels: Any = ((3.0,),), dtype: DType = "float32") -> Batch:
    """A batch of these values, valid or not."""
    return Batch(paddle.to_tensor(tokens), paddle.to_tensor(labels, dtype=dtype))


def test_history_has_every_step_and_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loss and all norms for each step, and an accuracy for each epoch.

    `on_step` gets every step, with the counts of its epoch so far; its last batch is smaller.
    """
    monkeypatch.setattr("rnn_core.recorder.CORRECT_WITHIN", 1e9)  # All predictions are correct.
    steps: list[Step] = []
    config = replace(SMALL, cell="LSTM", batch_size=3, clip_norm=1)
    history = train(config, on_step=steps.append)

    names = [name for name, _ in NumericPrediction(cell="LSTM").named_parameters()]
    assert history.outcome == "finished"
    assert history.steps == 6
    assert history.recorded.tolist() == [1, 2, 3, 4, 5, 6]
    assert history.epoch_ends.tolist() == [2, 4, 6]
    assert len(history.accuracy) == 3
    assert names == list(history.raw_norms) == list(history.clipped_norms)
    assert {values.shape for values in history.clipped_norms.values()} == {(6,)}
    assert max(values.max() for values in history.clipped_norms.values()) == pytest.approx(1)
    assert history.environment["device"] == "cpu"
    where = [(step.number, step.epoch, step.index, step.last) for step in steps]
    assert where == [(k + 1, k // 2 + 1, k % 2, k % 2 == 1) for k in range(6)]
    assert [step.correct for step in steps] == [3, 4, 3, 4, 3, 4]
    assert [step.total for step in steps] == [3, 4, 3, 4, 3, 4]
    assert history.loss.tolist() == [step.loss for step in steps]


def test_accuracy_counts_predictions_before_the_update() -> None:
    """A correct model that the update makes wrong scores 1 of 1; `on_step` sees it before, too."""
    model = NumericPrediction(emb_size=8, hidden_size=4)
    tokens = paddle.to_tensor([[1, 2]])
    right = model(tokens)[0].item()
    config = replace(SMALL, epochs=1, num_steps=2, learning_rate=1e3)

    seen: list[float] = []
    history = train(
        config,
        [batch([[1, 2]], [[right + 0.09]])],
        model,
        lambda _: seen.append(model(tokens)[0].item()),
    )
    assert history.accuracy.tolist() == [1.0]
    assert seen == [right]
    assert abs(model(tokens)[0].item() - right) > 1


@over_dtypes
@pytest.mark.parametrize(
    ("record", "cell", "execution", "clip", "limit"),
    [
        (2, "LSTM", "textbook", "by-norm", 0.5),
        (3, "LSTM", "textbook", "none", None),
        (12, "RNN", "textbook", "by-norm", 0.5),
        (12, "LSTM", "textbook", "by-global-norm", 2.0),
        (12, "LSTM", "kernel", "by-global-norm", 2.0),
        (100, "LSTM", "kernel", "by-norm", 0.5),
    ],
)
def test_record_n_equals_every_nth_step_of_a_full_record(
    record: int,
    cell: Cell,
    execution: Execution,
    clip: Clip,
    limit: float | None,
    dtype: DType,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Steps n, 2n and so on are the same, bit for bit, and so is the accuracy of each epoch."""
    monkeypatch.setattr("rnn_core.recorder.CORRECT_WITHIN", 3.0)
    config = replace(SMALL, cell=cell, clip=clip, clip_norm=limit, dtype=dtype, execution=execution)
    steps: list[Step] = []
    all_steps: list[Step] = []

    whole = train(config, on_step=all_steps.append)
    history = train(replace(config, record=record), on_step=steps.append)

    assert history.recorded.tolist() == list(range(record, 13, record))
    assert steps == all_steps[record - 1 :: record]
    assert history.epoch_ends.tolist() == whole.epoch_ends.tolist()
    assert history.accuracy.tolist() == whole.accuracy.tolist()
    assert whole.accuracy.min() < whole.accuracy.max()
    arrays = whole.arrays()
    for name, values in history.arrays().items():
        if name.startswith(("loss", "raw_norms", "clipped_norms")):
            assert values.tolist() == arrays[name][record - 1 :: record].tolist()


@pytest.mark.usefixtures("gpus")
@over_clips
@over_dtypes
def test_record_0_reads_nothing_from_the_device(
    clip: Clip, dtype: DType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the batches were checked, no number is copied to the host."""

    def unread(*args: Any) -> TrainingStep:
        step = TrainingStep(*args)
        for name in READS:  # Training begins, and forbids reads.
            monkeypatch.setattr(paddle.Tensor, name, Mock(side_effect=AssertionError))
        return step

    monkeypatch.setattr("rnn_core.training.TrainingStep", unread)
    config = replace(SMALL, clip_norm=0.5, clip=clip, dtype=dtype, record=0, device="gpu")
    train(config)

    with pytest.raises(AssertionError):
        train(replace(config, record=12))


def test_unrecorded_infinity_does_not_stop_the_run() -> None:
    """The run continues to the next recorded step or its end."""
    never = train(replace(EXPLODING, record=0, on_nonfinite="raise"))
    late = train(replace(EXPLODING, record=30))

    assert (never.outcome, never.steps) == ("finished", 32)
    assert (late.outcome, late.steps, late.recorded.tolist()) == ("non-finite", 30, [30])
    assert np.isnan(late.loss[0])


@pytest.mark.parametrize("policy", ["stop", "raise"])
def test_run_ends_at_infinity(policy: Any) -> None:
    """The last step is the first recorded one that is not finite; an error holds the history."""
    config = replace(EXPLODING, on_nonfinite=policy, record=2)
    if policy == "stop":
        history = train(config)
    else:
        with pytest.raises(NonFiniteError, match=r"not finite at step 2\d") as caught:
            train(config)
        history = caught.value.history

    event = history.event("non-finite")
    assert event is not None
    assert history.outcome == "non-finite"
    assert history.steps == event.step < 32
    assert not np.isfinite(history.loss[-1])
    assert np.isfinite(history.loss[:-1]).all()


@pytest.mark.parametrize("policy", ON_NONFINITE)
def test_non_finite_step_changes_the_weights_only_if_the_run_continues(policy: Any) -> None:
    """The infinite loss has a finite gradient here, so the update works."""
    model = NumericPrediction(emb_size=8, hidden_size=4)
    model.linear.bias.set_value(np.full(1, 1e30, dtype=np.float32))
    before = [p.numpy().tolist() for p in model.parameters()]
    seen: list[Step] = []
    try:
        config = replace(SMALL, on_nonfinite=policy, batch_size=4)
        history = train(config, model=model, on_step=seen.append)
    except NonFiniteError as error:
        history = error.history

    assert len(seen) == history.steps, "on_step gets the non-finite step, too"
    continues = policy == "continue"
    end = ("finished", 3) if continues else ("non-finite", 1)
    assert (history.outcome, history.steps) == end
    assert np.isinf(history.loss[0])
    assert ([p.numpy().tolist() for p in model.parameters()] != before) == continues


def test_infinite_gradient_with_a_finite_loss_ends_the_run() -> None:
    """Gradients are checked as well as the loss, in the last step too."""
    model = NumericPrediction(emb_size=8, hidden_size=4)
    for parameter in model.recurrent.parameters():
        parameter.set_value(np.zeros(parameter.shape, dtype=np.float32))
    model.linear.weight.set_value(np.full((4, 1), 1e21, dtype=np.float32))
    model.linear.bias.set_value(np.full(1, 1e18, dtype=np.float32))
    history = train(replace(SMALL, epochs=1, batch_size=4), model=model)

    assert (history.outcome, history.steps) == ("non-finite", 1)
    assert np.isfinite(history.loss[0])


def test_train_works_inside_no_grad_and_under_another_default_dtype() -> None:
    """Gradients are switched on for the run, and off again after it."""
    with paddle.no_grad(), default_dtype("float64"):
        history = train(CLIPPED, model=new_model(CLIPPED))
        with pytest.raises(ValueError, match="data must hold at least one batch"):
            train(CLIPPED, [])
        assert not paddle.is_grad_enabled()

    check_equal(train(CLIPPED), history)


@pytest.mark.parametrize(("record", "ends"), [(1, [4]), (2, [4]), (5, [4, 8])])
def test_ctrl_c_keeps_every_complete_step(record: int, ends: list[int]) -> None:
    """The history counts all trained steps and equals the beginning of the whole run's."""
    config = replace(SMALL, record=record)

    def interrupt(step: Step) -> None:
        if step.number > 5:
            raise KeyboardInterrupt

    with pytest.raises(TrainingInterrupted, match="interrupted after step ") as caught:
        train(config, on_step=interrupt)

    history = caught.value.history
    assert str(caught.value) == f"interrupted after step {history.steps}"
    assert history.outcome == "interrupted"
    assert history.recorded.tolist() == [*range(record, history.steps + 1, record)]
    assert history.loss.tolist() == train(config).loss[: history.steps // record].tolist()
    assert history.epoch_ends.tolist() == ends


@pytest.mark.parametrize(
    ("owner", "name", "call", "bias", "record", "end"),
    [
        (TrainingStep, "gradients", 3, 0, 1, (3, "interrupted")),
        (TrainingStep, "gradients", 1, 0, 0, (1, "interrupted")),
        (TrainingStep, "gradients", 1, 1e30, 1, (1, "non-finite")),
        (Recorder, "history", 1, 0, 1, (12, "finished")),
    ],
)
def test_ctrl_c_waits_until_the_step_is_complete(
    owner: Any,
    name: str,
    call: int,
    bias: float,
    record: int,
    end: object,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """It never comes inside Paddle, which would turn it into another error, and no step is lost.

    Nor does it wait for a step that is recorded. After the last step, or if the loss is infinite,
    it is not lost either.
    """
    model = new_model(SMALL)
    model.linear.bias.set_value(np.full(1, bias, dtype=np.float32))
    function, calls = getattr(owner, name), count(1)

    def interrupted(*arguments: Any) -> Any:
        if next(calls) == call:
            signal.raise_signal(signal.SIGINT)
        return function(*arguments)

    monkeypatch.setattr(owner, name, interrupted)
    with pytest.raises(TrainingInterrupted, match="interrupted after step ") as caught:
        folder = None if record else tmp_path
        config = replace(SMALL, on_nonfinite="raise", record=record)
        train(config, model=model, checkpoint=folder)

    history = caught.value.history
    assert (history.steps, history.outcome) == end


@pytest.mark.parametrize(
    "error",
    [*(partial(e, "a text") for e in (NonFiniteError, CheckpointError)), TrainingInterrupted],
)
def test_error_can_be_passed_to_another_process(error: Any) -> None:
    """With its history, as a pool of processes does."""
    made = error(train(SMALL))
    copied = pickle.loads(pickle.dumps(made))  # noqa: S301

    assert (type(copied), str(copied)) == (type(made), str(made))
    np.testing.assert_array_equal(copied.history.loss, made.history.loss)


def test_ctrl_c_before_the_step_is_counted_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second Ctrl-C may come when it is recorded already: the history has it."""

    def count(recorder: Any, steps: int) -> None:
        if steps == 3:
            raise KeyboardInterrupt
        vars(recorder)["trained"] = steps

    trained = property(lambda recorder: vars(recorder)["trained"], count)
    monkeypatch.setattr(Recorder, "trained", trained, raising=False)
    with pytest.raises(TrainingInterrupted, match="interrupted after step 3$") as caught:
        train(SMALL)

    assert caught.value.history.recorded.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("owner", "name"), [(TrainingStep, "gradients"), (CheckpointFolder, "save")]
)
def test_ctrl_c_in_the_first_step_keeps_an_empty_history(
    owner: Any, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An interrupt before the first step is complete gives an empty history, which can be saved.

    It may come while the first checkpoint is written.
    """
    monkeypatch.setattr(owner, name, Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt, match="interrupted after step 0") as caught:
        train(SMALL, checkpoint=tmp_path / "run")

    assert isinstance(caught.value, TrainingInterrupted)
    caught.value.history.save(tmp_path / "a.npz")
    assert History.load(tmp_path / "a.npz").steps == 0


@np.errstate(all="warn")
def test_given_model_is_trained_further(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two runs of one model, with checkpoints or without, equal one run of twice the length.

    Each seeds Paddle's generator, and no other; nothing else of the process changes, either.
    """
    monkeypatch.setattr(os, "environ", {})  # Without what earlier tests may have left.
    before = process_state()
    config = replace(SMALL, clip_norm=1.0)
    whole = train(replace(config, epochs=6))
    paddle.seed(config.seed)
    model = type("Own", (NumericPrediction,), {})(emb_size=8, hidden_size=4)
    drawn: list[float] = []

    def draw(_: object) -> None:
        drawn.append(float(paddle.rand([1]).numpy()[0]))

    first, second = (train(config, None, model, draw, checkpoint=at) for at in (tmp_path, None))

    assert drawn[: first.steps] == drawn[first.steps :]
    evaluate(model, load_data())
    assert process_state() == before
    assert [*first.loss.tolist(), *second.loss.tolist()] == whole.loss.tolist()


def draw(*_: object) -> None:
    """Draw from every global generator."""
    _ = paddle.rand([1000]), np.random.rand(), random.random()  # noqa: NPY002, S311


def go_backward(model: NumericPrediction, _: TrainConfig) -> None:
    """Leave gradients in the model."""
    model(paddle.to_tensor([[3, 3]]))[0].sum().backward()


def run_otherwise(model: NumericPrediction, config: TrainConfig) -> None:
    """Train the model, and leave it in evaluation mode."""
    other = replace(config, seed=7, learning_rate=0.3, batch_size=3, record=1)
    train(replace(other, clip="by-global-norm", clip_norm=0.1), model=model)
    model.eval()


def run_into_wrong_batch(model: NumericPrediction, config: TrainConfig) -> None:
    """Stop a run between two recorded steps, and an evaluation in its second batch."""
    data = Stream(batch(), batch(), batch([[1, 10]]), batch())
    for use in (
        partial(train, replace(config, num_steps=2), data, model),
        partial(evaluate, model, data),
    ):
        with pytest.raises(ValueError, match="tokens must lie in"):
            use()
    assert model.training


def run_into_infinity(model: NumericPrediction, config: TrainConfig) -> None:
    """Stop a run at its first step."""
    model.linear.bias.set_value(np.full(1, 1e30, dtype=np.float32))
    train(replace(config, record=1), model=model)


def interrupt(model: NumericPrediction, config: TrainConfig) -> None:
    """Stop a run at its first recorded step."""
    with pytest.raises(TrainingInterrupted):
        train(config, model=model, on_step=Mock(side_effect=KeyboardInterrupt))


@cache
def undisturbed(config: TrainConfig) -> tuple[dict[str, Any], History]:
    """The weights after a run that records nothing, and the history of one that does."""
    model = new_model(config)
    train(replace(config, record=0), model=model)
    return named_weights(model), train(config)


def run_in_another_thread(model: NumericPrediction, config: TrainConfig) -> None:
    """A run gives the same bits there."""
    check_equal(undisturbed(config)[1], in_another_thread(train, config, model=model))


BEFORE = (
    draw,
    run_in_another_thread,
    go_backward,
    run_otherwise,
    run_into_wrong_batch,
    run_into_infinity,
    interrupt,
)


@pytest.mark.parametrize("execution", EAGER)
@pytest.mark.parametrize("before", BEFORE)
def test_run_depends_on_nothing_that_came_before(
    before: Callable[[NumericPrediction, TrainConfig], None],
    execution: Execution,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From the same weights, a model ends in the same bits as a new one, recorded or not."""
    monkeypatch.setattr("rnn_core.recorder.CORRECT_WITHIN", 4.0)
    config = replace(CLIPPED, execution=execution)
    model = new_model(config)
    start, (trained, first) = named_weights(model), undisturbed(config)

    before(model, config)
    set_weights(model, start)
    assert paddle.is_grad_enabled()
    second, again = train(config, model=model), named_weights(model)

    check_equal(first, second)
    for name, values in trained.items():
        assert again[name].tolist() == values.tolist(), name
    assert all(layer.training for layer in model.sublayers(include_self=True))
    found = evaluate(model, load_data())
    model.eval()
    assert evaluate(model, load_data()) == found


def test_use_in_a_step_disturbs_nothing() -> None:
    """Neither another run, nor an evaluation of the model, nor what the function returns.

    Gradients are enabled in it, and its errors are raised as they are.
    """
    config = replace(SMALL, epochs=1, batch_size=2)
    expected, alone, model = train(CLIPPED), train(config), new_model(config)

    def nested(step: Step) -> bool:
        check_equal(expected, train(CLIPPED))
        evaluate(model, load_data())
        assert paddle.is_grad_enabled()
        return step.number == 2

    check_equal(alone, train(config, model=model, on_step=nested))
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - others would end pytest
        train(config, on_step=Mock(side_effect=SystemExit))
    assert caught.type is SystemExit


def attached(model: NumericPrediction) -> list[dict[str, int]]:
    """How many things each attribute of each layer holds, such as hooks."""
    return [
        {name: len(value) if isinstance(value, Sized) else 1 for name, value in vars(layer).items()}
        for layer in model.sublayers(include_self=True)
    ]


@pytest.mark.parametrize("execution", ["textbook", "static"])
def test_nothing_is_kept_of_a_run_but_its_history(execution: Execution) -> None:
    """The memory of its model and data is free, as is what `on_step` holds; no layer has more."""
    config = replace(SMALL, num_steps=2, execution=execution)
    model, data, on_step = new_model(config), Stream(*load_data(2)), Mock()
    kept = [ref(each) for each in (model, data, data.batches[0].tokens, on_step)]
    model(data.batches[0].tokens)  # Traces it.
    before = attached(model)

    history = train(config, data, model, on_step)
    evaluate(model, data)
    on_step.reset_mock()
    assert attached(model) == before
    del model, data, on_step
    gc.collect()

    assert history.steps == 12
    assert [each() for each in kept] == [None] * 4


def test_batches_are_moved_to_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches may be made on another device."""
    moved: list[tuple[str, str]] = []

    def to(self: paddle.Tensor, device: str) -> paddle.Tensor:
        moved.append((str(self.dtype), device))
        return self

    monkeypatch.setattr(paddle.Tensor, "to", to)
    for data in ([batch()], Stream(batch())):
        train(replace(SMALL, epochs=1, num_steps=2), data)

    assert isinstance(data, Stream)
    assert data.made == [2]  # For the check and for training.
    assert moved == [("paddle.int64", "cpu"), ("paddle.float32", "cpu")] * 2


@pytest.mark.usefixtures("gpus")
def test_train_rejects_a_model_on_another_device() -> None:
    """A model on a GPU does not fit a config for the CPU; "gpu" means "gpu:0".

    No refused call seeds Paddle's generator.
    """
    model = new_model(replace(SMALL, device="gpu:0"))

    train(replace(SMALL, device="gpu"), model=model)
    paddle.seed(SMALL.seed)
    first, second = (paddle.rand([2]).tolist() for _ in range(2))
    paddle.seed(SMALL.seed)
    assert paddle.rand([2]).tolist() == first
    with pytest.raises(ValueError, match="device of the model must be 'cpu' .* got 'gpu:0'"):
        train(SMALL, model=model)
    with pytest.raises(ValueError, match="tokens must be .B <= 1, T = 10."):
        train(SMALL, [batch()])
    with pytest.raises(ValueError, match="device 'npu:0' is not available"):
        new_model(replace(SMALL, device="npu:0"))
    assert paddle.rand([2]).tolist() == second


class Stream(BatchStream):
    """A stream of these batches that counts how often each is made."""

    def __init__(self, *batches: Any) -> None:
        self.batches = [*batches]
        self.made = [0] * len(batches)

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> Any:
        self.made[index] += 1
        return self.batches[index]


def test_stream_trains_like_a_list() -> None:
    """Batches made one by one give the same bits in every epoch.

    They may be tuples or lists, of tokens in int32; the description has no memory address. Nothing
    is written into a list, and no gradients are computed for it; a later change has no effect.
    """
    data = [*load_data()]
    plain = [(tokens.astype("int32"), labels) for tokens, labels in data]
    stream = Stream(*plain[:2], *map(list, plain[2:]))
    history = train(SMALL, stream)
    values = [tensor.numpy() for each in data for tensor in each]

    given = [*data]
    assert history.loss.tolist() == train(SMALL, given, None, lambda _: given.clear()).loss.tolist()
    for tensor, value in zip([tensor for each in data for tensor in each], values, strict=True):
        np.testing.assert_array_equal(tensor.numpy(), value)
        assert tensor.grad is None
    # Once in each of three epochs; the first and the last once more for the check.
    assert stream.made == [4, 3, 3, 4]
    next(iter(stream))
    assert stream.made == [5, 3, 3, 4]
    assert history.environment["data"] == Stream.__qualname__
    sums = type("Own", (DigitSums,), {})(count=1)
    assert Batches(sums, TrainConfig(batch_size=32), "cpu").description == {"data": repr(sums)}


def test_checksum_of_a_stream_depends_on_its_length() -> None:
    """Between the first and the last batch, only the number of batches counts."""
    first, second, third, last = load_data()
    lists = ([first, last], [first, second, last], [first, third, last])
    short, long, other = [Batches(Stream(*data), SMALL, "cpu").checksum() for data in lists]

    assert short != long == other


def test_checksum_counts_every_sample() -> None:
    """The last of many, too, to the last bit, and batches between the first and the last.

    A run can be resumed in another process and version.
    """
    config = replace(SMALL, batch_size=20_000)
    tokens, labels = paddle.ones([20_000, 10], dtype="int64"), paddle.ones([20_000, 1])
    sums = []
    for token, label in ((1, 1), (2, 1), (1, 1 + 2**-23)):
        tokens[-1, -1], labels[-1] = token, label
        data = [batch([[1] * 10]), Batch(tokens, labels), batch([[1] * 10])]
        sums.append(Batches(data, config, "cpu").checksum())

    assert len({*sums}) == 3
    assert Batches(load_data(), SMALL, "cpu").checksum() == 1003041787


@pytest.mark.parametrize(("wrong", "after"), [(0, 0), (1, 0), (1, 1), (2, 0)])
def test_train_rejects_a_wrong_batch_of_a_stream(wrong: int, after: int, tmp_path: Path) -> None:
    """The first and the last batch are checked before the first step, and all before their own.

    A resumed run checks them, too; all batches of a list are checked before the first step.
    """
    stream, steps = Stream(batch(), batch(), batch()), 0

    def watch(step: Step) -> None:
        nonlocal steps
        steps = step.number
        if step.epoch > after:
            stream.batches[wrong] = batch([[1, -1]])

    config = replace(SMALL, num_steps=2)
    if after == 0:
        stream.batches[wrong] = batch([[1, -1]])
        with pytest.raises(ValueError, match=r"tokens must lie in \[0, 10\), got -1"):
            train(config, [batch()] * 99 + stream.batches, None, watch)
        assert steps == 0
    for resume in (False, True):
        with pytest.raises(ValueError, match=r"tokens must lie in \[0, 10\), got -1"):
            train(config, stream, None, watch, checkpoint=tmp_path, every=1, resume=resume)
    assert steps == {0: 0, 1: 1 + 3 * after, 2: 0}[wrong]
    stream.batches[:] = batch(), [np.ones((1, 2))] * 2, batch()
    with pytest.raises(TypeError, match="tokens must be a Paddle tensor, got ndarray"):
        train(config, stream)
