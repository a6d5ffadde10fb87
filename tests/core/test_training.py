"""The training loop: what it records and rejects, and how it reacts to NaN, infinity and Ctrl-C."""

import signal
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import paddle
import pytest

from rnn_core import (
    Batch,
    History,
    NonFiniteError,
    NumericPrediction,
    TrainConfig,
    TrainingInterrupted,
    load_data,
    train,
)
from rnn_core.config import EAGER, Cell, DType, Execution
from rnn_core.data.batch import BatchStream
from rnn_core.data.batches import Batches
from rnn_core.data.digit_sums import DigitSums
from rnn_core.model import new_model
from rnn_core.recorder import Step
from rnn_core.step import TrainingStep

SMALL = TrainConfig(emb_size=8, hidden_size=4, epochs=3)
# The RNN without clipping: its loss is infinite at step 21 to 28 and then NaN.
EXPLODING = TrainConfig(epochs=8)
# Methods of a tensor that copy its numbers to the host.
READS = ["numpy", "item", "tolist", "__array__", "__float__", "__int__", "__bool__"]


def batch(tokens: Any = ((1, 2),), labels: Any = ((3.0,),), dtype: DType = "float32") -> Batch:
    """A batch of these values, valid or not."""
    return Batch(paddle.to_tensor(tokens), paddle.to_tensor(labels, dtype=dtype))


def test_history_has_every_step_and_epoch() -> None:
    """A loss and all norms for each step, and an accuracy for each epoch.

    `on_step` gets every step, with the counts of its epoch so far; its last batch is smaller.
    """
    steps: list[Step] = []
    config = replace(SMALL, cell="LSTM", batch_size=3, clip_norm=0.5)
    history = train(config, on_step=steps.append)

    names = [name for name, _ in NumericPrediction(cell="LSTM").named_parameters()]
    assert history.outcome == "finished"
    assert history.steps == 6
    assert history.recorded.tolist() == [1, 2, 3, 4, 5, 6]
    assert history.epoch_ends.tolist() == [2, 4, 6]
    assert len(history.accuracy) == 3
    assert names == list(history.raw_norms) == list(history.clipped_norms)
    assert {values.shape for values in history.clipped_norms.values()} == {(6,)}
    assert max(values.max() for values in history.clipped_norms.values()) == pytest.approx(0.5)
    assert history.environment["device"] == "cpu"
    assert [step.number for step in steps] == [1, 2, 3, 4, 5, 6]
    assert [step.total for step in steps] == [3, 4, 3, 4, 3, 4]
    assert history.loss.tolist() == [step.loss for step in steps]


def test_accuracy_counts_predictions_before_the_update() -> None:
    """A correct model that the update makes wrong scores 1 of 1."""
    model = NumericPrediction(emb_size=8, hidden_size=4)
    tokens = paddle.to_tensor([[1, 2]])
    right = model(tokens)[0].item()
    config = replace(SMALL, epochs=1, num_steps=2, learning_rate=1e3)

    history = train(config, [batch([[1, 2]], [[right + 0.09]])], model)
    assert history.accuracy.tolist() == [1.0]
    assert abs(model(tokens)[0].item() - right) > 1


@pytest.mark.parametrize(("record", "clip"), [(2, 0.5), (3, None), (12, 0.5), (100, None)])
def test_record_n_equals_every_nth_step_of_a_full_record(record: int, clip: float | None) -> None:
    """Steps n, 2n and so on are the same, bit for bit."""
    config = replace(SMALL, cell="LSTM", clip_norm=clip)
    steps: list[Step] = []
    all_steps: list[Step] = []

    whole = train(config, on_step=all_steps.append)
    history = train(replace(config, record=record), on_step=steps.append)

    assert history.recorded.tolist() == list(range(record, 13, record))
    assert steps == all_steps[record - 1 :: record]
    arrays = whole.arrays()
    for name, values in history.arrays().items():
        if name.startswith(("loss", "raw_norms", "clipped_norms")):
            assert values.tolist() == arrays[name][record - 1 :: record].tolist()


@pytest.mark.parametrize("execution", EAGER)
def test_record_does_not_change_the_weights(execution: Execution) -> None:
    """The final weights are the same, bit for bit."""
    config = replace(SMALL, cell="LSTM", execution=execution, clip_norm=0.5)

    assert trained(config) == trained(replace(config, record=0))


def trained(config: TrainConfig) -> dict[str, Any]:
    """Weights of a small model after a run with this config."""
    paddle.seed(1)
    model = NumericPrediction(10, 8, 4, config.cell, execution=config.execution)
    train(config, model=model)
    return {name: parameter.numpy().tolist() for name, parameter in model.named_parameters()}


@pytest.mark.usefixtures("gpus")
def test_record_0_reads_nothing_from_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the batches were checked, no number is copied to the host."""

    def unread(*args: Any) -> TrainingStep:
        step = TrainingStep(*args)
        for name in READS:  # Training begins, and forbids reads.
            monkeypatch.setattr(paddle.Tensor, name, Mock(side_effect=AssertionError))
        return step

    monkeypatch.setattr("rnn_core.training.TrainingStep", unread)
    train(replace(SMALL, clip_norm=0.5, clip="by-global-norm", record=0, device="gpu"))

    with pytest.raises(AssertionError):
        train(replace(SMALL, record=12, device="gpu"))


def test_unrecorded_infinity_does_not_stop_the_run() -> None:
    """The run continues to the next recorded step or its end."""
    never = train(replace(EXPLODING, record=0, on_nonfinite="raise"))
    late = train(replace(EXPLODING, record=30))

    assert (never.outcome, never.steps) == ("finished", 32)
    assert (late.outcome, late.steps, late.recorded.tolist()) == ("non-finite", 30, [30])
    assert np.isnan(late.loss[0])


@pytest.mark.parametrize("policy", ["stop", "raise"])
def test_run_ends_at_infinity(policy: Any) -> None:
    """The last step is the first non-finite one; an error holds the history up to it."""
    config = replace(EXPLODING, on_nonfinite=policy)
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


def test_non_finite_step_does_not_change_the_weights() -> None:
    """The infinite loss has a finite gradient here, so the update would work."""
    model = NumericPrediction(emb_size=8, hidden_size=4)
    model.linear.bias.set_value(np.full(1, 1e30, dtype=np.float32))
    before = [p.numpy().tolist() for p in model.parameters()]
    history = train(SMALL, model=model)

    assert (history.outcome, history.steps) == ("non-finite", 1)
    assert np.isinf(history.loss[0])
    assert [p.numpy().tolist() for p in model.parameters()] == before


def test_infinite_gradient_with_a_finite_loss_ends_the_run() -> None:
    """Gradients are checked as well as the loss."""
    model = NumericPrediction(emb_size=8, hidden_size=4)
    for parameter in model.recurrent.parameters():
        parameter.set_value(np.zeros(parameter.shape, dtype=np.float32))
    model.linear.weight.set_value(np.full((4, 1), 1e21, dtype=np.float32))
    model.linear.bias.set_value(np.full(1, 1e18, dtype=np.float32))
    history = train(SMALL, model=model)

    assert (history.outcome, history.steps) == ("non-finite", 1)
    assert np.isfinite(history.loss[0])


def test_train_works_inside_no_grad() -> None:
    """Gradients are switched on for the run, and off again after it."""
    with paddle.no_grad():
        history = train(SMALL)
        assert not paddle.is_grad_enabled()

    assert history.loss.tolist() == train(SMALL).loss.tolist()


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


def test_ctrl_c_waits_until_the_step_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    """It never comes inside Paddle, which would turn it into another error, and no step is lost."""
    gradients, steps = TrainingStep.gradients, count(1)

    def interrupted(*arguments: Any) -> Any:
        if next(steps) == 3:
            signal.raise_signal(signal.SIGINT)
        return gradients(*arguments)

    monkeypatch.setattr(TrainingStep, "gradients", interrupted)
    with pytest.raises(TrainingInterrupted, match="interrupted after step 3") as caught:
        train(SMALL)

    assert caught.value.history.outcome == "interrupted"


def test_ctrl_c_in_the_first_step_keeps_an_empty_history(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An interrupt before the first step is complete gives an empty history, which can be saved."""
    monkeypatch.setattr(TrainingStep, "gradients", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(TrainingInterrupted, match="interrupted after step 0") as caught:
        train(SMALL)

    caught.value.history.save(tmp_path / "a.npz")
    assert History.load(tmp_path / "a.npz").steps == 0


def test_given_model_is_trained_further() -> None:
    """Two runs of one model equal one run of twice the length; each seeds Paddle's generator."""
    config = replace(SMALL, clip_norm=1.0)
    whole = train(replace(config, epochs=6))
    paddle.seed(config.seed)
    model = NumericPrediction(emb_size=8, hidden_size=4)
    drawn: list[float] = []

    def draw(_: object) -> None:
        drawn.append(float(paddle.rand([1]).numpy()[0]))

    first, second = (train(config, model=model, on_step=draw) for _ in range(2))

    assert drawn[: first.steps] == drawn[first.steps :]
    assert [*first.loss.tolist(), *second.loss.tolist()] == whole.loss.tolist()


def test_training_leaves_the_batches_as_they_are() -> None:
    """Nothing is written into them, and no gradients are computed for them."""
    data = list(DigitSums(count=8, num_steps=SMALL.num_steps, batch_size=SMALL.batch_size))
    before = [tensor.numpy() for batch in data for tensor in batch]
    train(SMALL, data)

    for tensor, values in zip([each for batch in data for each in batch], before, strict=True):
        np.testing.assert_array_equal(tensor.numpy(), values)
        assert tensor.grad is None


def test_gradients_left_in_a_given_model_are_ignored() -> None:
    """A model with gradients trains like one without."""
    paddle.seed(0)
    model = NumericPrediction(emb_size=8, hidden_size=4)
    model(paddle.to_tensor([[3, 3]]))[0].sum().backward()

    assert (
        train(SMALL).raw_norms["linear.bias"][0]
        == (train(SMALL, model=model).raw_norms["linear.bias"][0])
    )


def test_batches_are_moved_to_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches may be made on another device."""
    moved: list[tuple[str, str]] = []

    def to(self: paddle.Tensor, device: str) -> paddle.Tensor:
        moved.append((str(self.dtype), device))
        return self

    monkeypatch.setattr(paddle.Tensor, "to", to)
    train(replace(SMALL, epochs=1, num_steps=2), [batch()])

    assert moved == [("paddle.int64", "cpu"), ("paddle.float32", "cpu")]


def test_train_rejects_a_wrong_batch_before_the_first_step() -> None:
    """This holds even if only the last batch is wrong."""
    steps: list[Step] = []

    with pytest.raises(ValueError, match=r"tokens must lie in \[0, 10\), got 10"):
        train(replace(SMALL, num_steps=2), [batch(), batch([[1, 10]])], on_step=steps.append)
    assert steps == []


@pytest.mark.usefixtures("gpus")
def test_train_rejects_a_model_on_another_device() -> None:
    """A model on a GPU does not fit a config for the CPU; "gpu" means "gpu:0"."""
    model = new_model(replace(SMALL, device="gpu:0"))

    train(replace(SMALL, device="gpu"), model=model)
    with pytest.raises(ValueError, match="device of the model must be 'cpu' .* got 'gpu:0'"):
        train(SMALL, model=model)


def test_train_rejects_a_model_of_a_subclass_with_other_settings() -> None:
    """It must fit the config like any other."""
    subclass = type("Ours", (NumericPrediction,), {})

    with pytest.raises(ValueError, match=r"hidden_size of the model must be \d+ as in the config"):
        train(SMALL, model=subclass(SMALL.vocab_size, SMALL.emb_size, SMALL.hidden_size + 1, "RNN"))


class Stream(BatchStream):
    """A stream of these batches that counts how often each is made."""

    def __init__(self, *batches: Batch) -> None:
        self.batches = batches
        self.made = [0] * len(batches)

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> Batch:
        self.made[index] += 1
        return self.batches[index]


def test_stream_trains_like_a_list() -> None:
    """Batches made one by one give the same bits in every epoch."""
    data = [*load_data()]
    stream = Stream(*data)

    assert train(SMALL, stream).loss.tolist() == train(SMALL, data).loss.tolist()
    # Once in each of three epochs; the first and the last once more for the check.
    assert stream.made == [4, 3, 3, 4]


def test_checksum_of_a_stream_depends_on_its_length() -> None:
    """Between the first and the last batch, only the number of batches counts."""
    first, second, third, last = load_data()
    lists = ([first, last], [first, second, last], [first, third, last])
    short, long, other = [Batches(Stream(*data), SMALL, "cpu").checksum() for data in lists]

    assert short != long == other


def test_stream_may_return_plain_tuples() -> None:
    """They are used as batches, and the description has no memory address."""

    class Plain(Stream):
        def __getitem__(self, index: int) -> Batch:
            return tuple(data[index])  # type: ignore[return-value]

    data = [*load_data()]
    history = train(SMALL, Plain(*data))

    assert history.loss.tolist() == train(SMALL, data).loss.tolist()
    assert Plain.__qualname__ == history.environment["data"]
    sums = DigitSums(count=1)
    assert Batches(sums, TrainConfig(batch_size=32), "cpu").description == {"data": repr(sums)}


@pytest.mark.parametrize(
    ("cell", "execution", "most"), [("RNN", "textbook", 95869800), ("LSTM", "kernel", 41943040)]
)
def test_train_rejects_more_records_than_fit(cell: Cell, execution: Execution, most: int) -> None:
    """Of a stream, whose batches are not made; packed weights count by the equations' names."""
    data = DigitSums(count=10**12, num_steps=SMALL.num_steps, batch_size=SMALL.batch_size)

    with pytest.raises(ValueError, match=rf"steps must lie in \[0, {most}\] for record=10, got "):
        train(replace(SMALL, record=10, cell=cell, execution=execution), data)


@pytest.mark.parametrize(("wrong", "trained"), [(0, []), (1, [1]), (2, [])])
def test_train_rejects_a_wrong_batch_of_a_stream(wrong: int, trained: list[int]) -> None:
    """The first and the last batch are checked before the first step, others before their own."""
    batches = [batch(), batch(), batch()]
    batches[wrong] = batch([[1, -1]])
    steps: list[Step] = []

    with pytest.raises(ValueError, match=r"tokens must lie in \[0, 10\), got -1"):
        train(replace(SMALL, num_steps=2), Stream(*batches), on_step=steps.append)
    assert [step.number for step in steps] == trained
