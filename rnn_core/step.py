"""One training step: forward, backward, clip and update, and what is read of it."""

from typing import NamedTuple

import paddle
import paddle.nn.functional as F
from paddle import Tensor

from rnn_core.gradients import GradientClip, gradients_of, read_norms, squared_norms
from rnn_core.model import NumericPrediction
from rnn_core.runtime import operators as op
from rnn_core.runtime import parallel


class Measured(NamedTuple):
    """What a step was, read to the host.

    Attributes:
        loss: mean squared error before the update, of the whole batch.
        raw_norms: L2 norm of every parameter's gradient before clipping, by its name.
        clipped_norms: the same after clipping.
    """

    loss: float
    raw_norms: dict[str, float]
    clipped_norms: dict[str, float]


class TrainingStep:
    """Steps of plain stochastic gradient descent on the mean squared error.

    gradients()   g = dL/dp, for each parameter p, clipped
    update()      p = p - learning_rate * g
    """

    def __init__(
        self, model: NumericPrediction, learning_rate: float, clip: GradientClip | None = None
    ) -> None:
        self.model, self.clip = model, clip
        self.averaging = parallel.averaging(model)
        self.named = list(model.named_parameters())
        self.names = [name for name, _ in self.named]
        self.parameters = [parameter for _, parameter in self.named]
        self.learning_rate = paddle.to_tensor(learning_rate, dtype=self.parameters[0].dtype)

    def gradients(
        self, tokens: Tensor, labels: Tensor, measure: bool, whole: int | None = None
    ) -> tuple[Tensor, Measured | None]:
        """Leave the clipped gradients in the parameters, for `update`.

        Args:
            tokens: `[B, T]`, checked.
            labels: `[B, 1]`.
            measure: whether to read loss and norms to the host, for which a GPU has to finish its
                work: two reads there, however many parameters there are.
            whole: samples of the batch of which these are this process's share; B if None.

        Returns:
            The predictions before the update, `[B, 1]`, still on the device; what was measured.
        """
        for parameter in self.parameters:
            parameter.clear_gradient(False)
        predictions, _ = self.averaging(tokens, checked=True)
        loss = F.mse_loss(predictions, labels)
        if whole is not None and (weight := parallel.weight(len(labels), whole)) != 1:
            loss = loss * weight
        loss.backward()  # In several processes, it averages the gradients over them.

        raw = clipped = gradients_of(self.named)
        raw_squares = clipped_squares = squared_norms(raw) if measure else None
        if self.clip is not None:
            clipped = self.clip(raw, raw_squares)
            clipped_squares = squared_norms(clipped) if measure else None
            for parameter, gradient in zip(self.parameters, clipped, strict=True):
                parameter.grad = gradient
        if raw_squares is None or clipped_squares is None:
            return predictions, None

        if clipped is raw:  # Then one norm serves for both.
            norms = read_norms(raw, raw_squares)
        else:
            norms = read_norms([*raw, *clipped], [*raw_squares, *clipped_squares])
        return predictions, Measured(
            loss=parallel.total(float(loss.numpy())) / parallel.size(),
            raw_norms=dict(zip(self.names, norms, strict=False)),
            clipped_norms=dict(zip(self.names, norms[-len(raw) :], strict=True)),
        )

    def update(self) -> None:
        """Subtract the gradients, times the learning rate, from the parameters."""
        for parameter, gradient in zip(self.parameters, gradients_of(self.named), strict=True):
            op.sgd_(parameter, self.learning_rate, gradient, None, False)
