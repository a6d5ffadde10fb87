"""One training step: forward, backward, clip and update, and the numbers measured in it."""

from typing import NamedTuple

import paddle
import paddle.nn.functional as F
from paddle import Tensor

from rnn_core.gradients import GradientClip, read_norms, squared_norms
from rnn_core.model import NumericPrediction
from rnn_core.parameters import Parameters
from rnn_core.runtime import operators as op
from rnn_core.runtime import parallel

Norms = dict[str, float]


class Measured(NamedTuple):
    """Numbers of one step, copied to the host.

    Attributes:
        loss: mean squared error of the whole batch, before the update.
        raw_norms: L2 norm of every parameter's gradient before clipping, by name.
        clipped_norms: L2 norm of every parameter's gradient after clipping, by name.
    """

    loss: float
    raw_norms: Norms
    clipped_norms: Norms


class TrainingStep:
    """Steps of plain stochastic gradient descent on the mean squared error.

    gradients()   g = dL/dp, for each parameter p, clipped
    update()      p = p - learning_rate * g

    Clipping, norms and update see the parameters of the equations, whether an execution stores them
    alone or several in one tensor.

    Attributes:
        parameters: parameters of the model.
        clipped: clipped gradients for the next update, one per parameter.
    """

    def __init__(
        self, model: NumericPrediction, learning_rate: float, clip: GradientClip | None = None
    ) -> None:
        self.model, self.clip = model, clip
        self.averaging = parallel.averaging(model)
        self.parameters = Parameters(model)
        self.clipped: list[Tensor] = []
        dtype = self.parameters.tensors[0].dtype
        self.learning_rate = paddle.to_tensor(learning_rate, dtype=dtype)

    @property
    def names(self) -> list[str]:
        """Names of all parameters, in the model's order."""
        return self.parameters.names

    def gradients(
        self, tokens: Tensor, labels: Tensor, measure: bool, whole: int | None = None
    ) -> tuple[Tensor, Measured | None]:
        """Compute the gradients, and clip them for `update`.

        Args:
            tokens: tokens that are already checked, `[B, T]`.
            labels: expected predictions, `[B, 1]`.
            measure: whether to copy loss and norms to the host, for which a GPU has to finish its
                work. That takes two copies, however many parameters there are.
            whole: size of the whole batch over all processes; B if None.

        Returns:
            The predictions before the update, `[B, 1]`, still on the device; the loss and norms if
            `measure` is true.
        """
        self.clipped = []
        for tensor in self.parameters.tensors:
            tensor.clear_gradient(False)
        predictions, _ = self.averaging(tokens, checked=True)
        loss = F.mse_loss(predictions, labels)
        if whole is not None and (weight := parallel.weight(len(labels), whole)) != 1:
            loss = loss * weight
        loss.backward()  # In several processes, it averages the gradients over them.

        norms = self.clip_gradients(measure)
        if norms is None:
            return predictions, None
        return predictions, Measured(parallel.total(float(loss.numpy())) / parallel.size(), *norms)

    def clip_gradients(self, measure: bool) -> tuple[Norms, Norms] | None:
        """Clip the gradients for `update`; those that the parameters hold stay as they are.

        Args:
            measure: whether to copy the norms, before and after clipping, to the host.
        """
        raw = clipped = self.parameters.gradients()
        raw_squares = clipped_squares = squared_norms(raw) if measure else None
        if self.clip is not None:
            clipped = self.clip(raw, raw_squares)
            clipped_squares = squared_norms(clipped) if measure else None
        self.clipped = clipped
        if raw_squares is None or clipped_squares is None:
            return None

        if clipped is raw:  # No clipping: both norms are the same.
            norms = read_norms(raw, raw_squares)
        else:
            norms = read_norms([*raw, *clipped], [*raw_squares, *clipped_squares])
        names = self.names
        return (
            dict(zip(names, norms[: len(raw)], strict=True)),
            dict(zip(names, norms[-len(raw) :], strict=True)),
        )

    def update(self) -> None:
        """Subtract the clipped gradients, times the learning rate, from the parameters."""
        for weight, gradient in zip(self.parameters.weights, self.clipped, strict=True):
            op.sgd_(weight, self.learning_rate, gradient, None, False)
