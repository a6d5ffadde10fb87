"""What is timed: one model, one batch, and the stages of a training step on it."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import Tensor

from benchmarks.peers import PaddlePeer
from rnn_core import LSTM, NumericPrediction, SimpleRNN
from rnn_core.config import Cell
from rnn_core.device import synchronize
from rnn_core.gradients import clip_gradients, gradient_norms, make_clip
from rnn_core.training import count_correct

Implementation = Literal["rnn_core", "paddle"]
Stage = Literal["step", "recorded", "forward", "backward", "clip", "update"]

VOCAB_SIZE = 10
CLIP_NORM = 1.0
# So small that no parameter moves by more than 0.3 in 300 clipped steps: the weights keep their
# kind, and no run drifts into saturation, where zeros and denormals change the time of a step.
LEARNING_RATE = 1e-3


class Shape(NamedTuple):
    """Batch size, steps, and the size of both embedding and hidden state."""

    batch: int
    steps: int
    size: int
    rounds: int

    def __str__(self) -> str:
        return f"B{self.batch} T{self.steps} H{self.size}"


SHAPES = (
    # The notebook's own.
    Shape(batch=1, steps=10, size=128, rounds=200),
    Shape(batch=32, steps=50, size=256, rounds=10),
    # The smallest LSTM training shape with 25 steps of Baidu's DeepBench (2016 to 2018).
    Shape(batch=16, steps=25, size=512, rounds=10),
)


class Work:
    """A model and a batch on Paddle's current device, the same ones for both implementations.

    The tokens are random digits, a label is the sum of the first two of its sequence.
    """

    def __init__(self, implementation: Implementation, cell: Cell, shape: Shape) -> None:
        paddle.seed(0)
        self.model = NumericPrediction(VOCAB_SIZE, shape.size, shape.size, cell)
        if implementation == "paddle":
            ours = self.model.recurrent
            assert isinstance(ours, SimpleRNN | LSTM)
            self.model.recurrent = PaddlePeer(ours)
        self.parameters = self.model.parameters()
        self.optimizer = paddle.optimizer.SGD(LEARNING_RATE, parameters=self.parameters)
        self.clipping = make_clip("by-norm", CLIP_NORM)

        digits = np.random.default_rng(0).integers(0, VOCAB_SIZE, (shape.batch, shape.steps))
        self.tokens = paddle.to_tensor(digits, dtype="int64")
        self.labels = paddle.to_tensor(digits[:, :2].sum(axis=1, keepdims=True), dtype="float32")

    def forward(self) -> Tensor:
        """Predictions and their mean squared error."""
        return F.mse_loss(self.model(self.tokens)[0], self.labels)

    def backward(self, loss: Tensor) -> None:
        """Gradients of all parameters."""
        loss.backward()

    def clip(self) -> None:
        """Clip them, each by its own norm."""
        assert self.clipping is not None
        clip_gradients(self.clipping, self.parameters)

    def update(self) -> None:
        """One step of plain SGD."""
        self.optimizer.step()

    def step(self) -> None:
        """A whole training step."""
        self.optimizer.clear_grad()
        self.backward(self.forward())
        self.clip()
        self.update()

    def recorded(self) -> None:
        """A whole training step that reads to the host what `rnn_core.train` records."""
        self.optimizer.clear_grad()
        predictions, _ = self.model(self.tokens)
        loss = F.mse_loss(predictions, self.labels)
        self.backward(loss)
        gradient_norms(self.model)
        self.clip()
        gradient_norms(self.model)
        count_correct(predictions, self.labels)
        float(loss.numpy())
        self.update()

    def timed(self, stage: Stage, device: str) -> tuple[Callable[..., None], Callable[[], Any]]:
        """What to time, and what to do before each time: the stage's inputs, made afresh."""

        def target(*inputs: Tensor) -> None:
            getattr(self, stage)(*inputs)
            synchronize(device)

        def nothing() -> None:
            pass

        def make_loss() -> tuple[tuple[Tensor], dict[str, object]]:
            self.optimizer.clear_grad()
            loss = self.forward()
            synchronize(device)
            return (loss,), {}

        def restore_gradients() -> None:
            for parameter, gradient in zip(self.parameters, gradients, strict=True):
                parameter.grad = gradient
            synchronize(device)

        self.optimizer.clear_grad()
        self.backward(self.forward())
        gradients = [p.grad.clone() for p in self.parameters if p.grad is not None]
        if stage == "backward":
            return target, make_loss
        return target, restore_gradients if stage == "clip" else nothing
