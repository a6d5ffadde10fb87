"""One model, one batch, and the stages of a training step, to be timed."""

import re
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import paddle
import paddle.nn.functional as F
from numpy.typing import NDArray
from paddle import Tensor

from benchmarks.workloads.paddle_peer import PaddlePeer
from benchmarks.workloads.stages import Stage
from rnn_core import LSTM, NumericPrediction, SimpleRNN
from rnn_core.config import Cell, Execution
from rnn_core.gradients import make_clip
from rnn_core.parameters import Parameters, named_weights
from rnn_core.recorder import count_correct
from rnn_core.runtime.devices import synchronize
from rnn_core.runtime.messages import shown
from rnn_core.step import TrainingStep

# The executions of rnn_core, and a plain Paddle program.
PaddleImplementation = Literal["textbook", "kernel", "paddle"]

PADDLE_IMPLEMENTATIONS: tuple[PaddleImplementation, ...] = get_args(PaddleImplementation)
# The textbook's equations as a static graph, which are timed apart: their first step takes seconds.
TracedExecution = Literal["static", "sot"]

VOCAB_SIZE = 10
CLIP_NORM = 1.0
# Small enough that no parameter moves by more than 0.3 in 3000 clipped steps. A run that saturates
# would time zeros and denormals.
LEARNING_RATE = 1e-4


class Shape(NamedTuple):
    """Batch size, time steps, and the size of the embedding and the hidden state."""

    batch: int
    steps: int
    size: int

    def __str__(self) -> str:
        return f"B{self.batch} T{self.steps} H{self.size}"

    @classmethod
    def parse(cls, text: str) -> "Shape":
        """Parse a shape such as `B1-T10-H128`.

        Raises:
            ValueError: the text has another form, or a number is 0.
        """
        found = re.fullmatch(r"B([1-9]\d*)[- ]T([1-9]\d*)[- ]H([1-9]\d*)", text)
        if found is None:
            raise ValueError(
                f"a shape is written B1-T10-H128, each number at least 1, got {shown(text)}"
            )
        return cls(*(int(number) for number in found.groups()))


SHAPES = (
    # The notebook's shape.
    Shape(batch=1, steps=10, size=128),
    Shape(batch=32, steps=50, size=256),
    # Large products: matrix multiplication dominates.
    Shape(batch=64, steps=25, size=512),
    # Many small steps: the cost of a call dominates.
    Shape(batch=1, steps=500, size=128),
)


def draw_batch(shape: Shape) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return random digits `[B, T]`, and the sum of the first two of each sequence `[B, 1]`."""
    digits = np.random.default_rng(0).integers(0, VOCAB_SIZE, (shape.batch, shape.steps))
    return digits.astype(np.int64), digits[:, :2].sum(axis=1, keepdims=True).astype(np.float32)


def draw_model(cell: Cell, size: int, execution: Execution = "textbook") -> NumericPrediction:
    """Return a model on Paddle's current device, with the same weights for every execution."""
    paddle.seed(0)
    return NumericPrediction(VOCAB_SIZE, size, size, cell, execution=execution)


class Work:
    """A model and a batch on Paddle's current device, trained by an execution of `rnn_core`."""

    def __init__(
        self,
        model: NumericPrediction,
        shape: Shape,
        learning_rate: float = LEARNING_RATE,
        clip_norm: float | None = CLIP_NORM,
    ) -> None:
        self.model = model
        self.parts = Parameters(model)
        tokens, labels = draw_batch(shape)
        self.tokens, self.labels = paddle.to_tensor(tokens), paddle.to_tensor(labels)
        self.clipped: list[Tensor] = []
        self.prepare(learning_rate, clip_norm)

    def prepare(self, learning_rate: float, clip_norm: float | None) -> None:
        """Make the training step."""
        self.training = TrainingStep(self.model, learning_rate, make_clip("by-norm", clip_norm))

    def forward(self) -> Tensor:
        """Compute the predictions, and return their mean squared error."""
        return F.mse_loss(self.model(self.tokens, checked=True)[0], self.labels)

    def backward(self, loss: Tensor) -> None:
        """Compute the gradients of all parameters."""
        loss.backward()

    def clip(self) -> None:
        """Clip the gradients, each by its own norm, into `clipped`."""
        assert self.training.clip is not None
        self.training.clip_gradients(measure=False)
        self.clipped = self.training.clipped

    def use_clipped(self) -> None:
        """Pass the clipped gradients to `update`; `TrainingStep` has done so already."""

    def update(self) -> None:
        """Run one step of plain SGD."""
        self.training.update()

    def step(self) -> None:
        """Run a whole training step."""
        self.training.gradients(self.tokens, self.labels, measure=False)
        self.training.update()

    def recorded(self) -> None:
        """Run a whole training step that reads everything that `rnn_core.train` records."""
        predictions, _ = self.training.gradients(self.tokens, self.labels, measure=True)
        count_correct(predictions, self.labels)
        self.training.update()

    def loss(self) -> float:
        """Return the mean squared error of the current weights."""
        with paddle.no_grad():
            return float(self.forward().numpy())

    def parameters(self) -> dict[str, NDArray[Any]]:
        """Return copies of all parameters by name."""
        return named_weights(self.model)

    def timed(
        self, stage: Stage, device: str
    ) -> tuple[Callable[..., None], Callable[[], Any] | None]:
        """Return the function to time, and a setup function that makes its inputs, or None.

        The device has then no other work, and none after each call.
        """

        def target(*inputs: Tensor) -> None:
            getattr(self, stage)(*inputs)
            synchronize(device)

        def make_loss() -> tuple[tuple[Tensor], dict[str, object]]:
            self.clear_gradients()
            loss = self.forward()
            synchronize(device)
            return (loss,), {}

        if stage == "backward":
            return target, make_loss
        if stage in ("clip", "update"):
            self.clear_gradients()
            self.backward(self.forward())
        if stage == "update":
            # Unclipped gradients would move the weights too far within the rounds of a benchmark.
            self.clip()
            self.use_clipped()
        synchronize(device)
        return target, None

    def clear_gradients(self) -> None:
        """Clear all gradients."""
        for parameter in self.parts.tensors:
            parameter.clear_gradient(False)


class PaddleWork(Work):
    """The same model and batch with Paddle's own layer, clipping and optimizer."""

    def prepare(self, learning_rate: float, clip_norm: float | None) -> None:
        """Make an optimizer that clips, and clipping and a plain SGD for the separate stages."""
        clip = None if clip_norm is None else paddle.nn.ClipGradByNorm(clip_norm)
        parameters = self.parts.tensors
        self.clipping = clip
        self.optimizer = paddle.optimizer.SGD(learning_rate, parameters, grad_clip=clip)
        self.plain = paddle.optimizer.SGD(learning_rate, parameters)

    def clip(self) -> None:
        """Clip the gradients, each by its own norm, into `clipped`."""
        assert self.clipping is not None
        pairs = list(zip(self.parts.tensors, self.parts.gradients(), strict=True))
        self.clipped = [gradient for _, gradient in self.clipping(pairs)]

    def use_clipped(self) -> None:
        """Set the clipped gradients as the parameters' gradients, which the optimizer reads."""
        for parameter, gradient in zip(self.parts.tensors, self.clipped, strict=True):
            parameter.grad = gradient

    def update(self) -> None:
        """Run one step of plain SGD."""
        self.plain.step()

    def step(self) -> None:
        """Run a whole training step."""
        self.forward().backward()
        self.optimizer.step()
        self.optimizer.clear_grad()

    def recorded(self) -> None:
        """Run a whole training step that reads the loss, raw norms and correct predictions.

        Norms after clipping cannot be read: the optimizer does not expose the clipped gradients.
        """
        predictions, _ = self.model(self.tokens, checked=True)
        loss = F.mse_loss(predictions, self.labels)
        loss.backward()
        float(loss)
        for gradient in self.parts.gradients():
            float(gradient.norm())
        count_correct(predictions, self.labels)
        self.optimizer.step()
        self.optimizer.clear_grad()


def make_work(
    implementation: PaddleImplementation | TracedExecution,
    cell: Cell,
    shape: Shape,
    learning_rate: float = LEARNING_RATE,
    clip_norm: float | None = CLIP_NORM,
) -> Work:
    """Return work with the same weights and batch for every implementation.

    With None as `clip_norm`, nothing is clipped.
    """
    if implementation != "paddle":
        model = draw_model(cell, shape.size, implementation)
        return Work(model, shape, learning_rate, clip_norm)
    model = draw_model(cell, shape.size)
    ours = model.recurrent
    assert isinstance(ours, SimpleRNN | LSTM)
    model.add_sublayer("recurrent", PaddlePeer(ours))
    return PaddleWork(model, shape, learning_rate, clip_norm)
