"""The model that predicts a number from a sequence of digits."""

import paddle
from paddle import Tensor

from rnn_core.config import Cell, DType, Execution, TrainConfig, check_type
from rnn_core.data.batch import check_tokens
from rnn_core.executions import LAYERS
from rnn_core.executions.traced import trace
from rnn_core.runtime.devices import use_device


class NumericPrediction(paddle.nn.Layer):
    """Embedding, recurrent layer, and a linear map of the last hidden state to one number.

    The weights are drawn in float32 from Paddle's global generator, in the order recurrent layer,
    embedding, linear layer. float64 starts from the same values, so a seed gives the same weights
    in both dtypes.
    """

    def __init__(
        self,
        vocab_size: int = 10,
        emb_size: int = 128,
        hidden_size: int = 128,
        cell: Cell = "RNN",
        dtype: DType = "float32",
        execution: Execution = "textbook",
    ) -> None:
        """Build the model and draw its weights, the same ones for every `execution`.

        Raises:
            TypeError: a size is not an int.
            ValueError: a size is not positive; `cell`, `dtype` or `execution` is unknown.
            RuntimeError: a defect of this Paddle prevents the execution.
        """
        TrainConfig(  # Checks the arguments.
            cell=cell,
            vocab_size=vocab_size,
            emb_size=emb_size,
            hidden_size=hidden_size,
            dtype=dtype,
            execution=execution,
        )
        super().__init__()
        self.vocab_size, self.emb_size, self.hidden_size = vocab_size, emb_size, hidden_size
        self.cell, self.execution = cell, execution
        before = paddle.get_default_dtype()
        paddle.set_default_dtype("float32")  # Embedding and Linear have no dtype of their own.
        try:
            # The recurrent layer comes first, as in the notebook: the order decides the draws.
            self.recurrent = LAYERS[self.execution][self.cell](self.emb_size, self.hidden_size)
            self.embedding = paddle.nn.Embedding(self.vocab_size, self.emb_size)
            self.linear = paddle.nn.Linear(self.hidden_size, 1)
        finally:
            paddle.set_default_dtype(before)
        self.to(dtype=dtype)
        trace(self, "_predict", cell, execution)

    def forward(self, tokens: Tensor, checked: bool = False) -> tuple[Tensor, Tensor]:
        """Predict one number for each sequence.

        Args:
            tokens: digits, `[B, T]`, int32 or int64, each in `[0, vocab_size)`.
            checked: whether the caller has checked the tokens already. The check copies them to
                the host, so a GPU must finish its work first.

        Returns:
            The predictions, `[B, 1]`, and the last hidden state, `[B, H]`.

        Raises:
            TypeError: `tokens` are not int32 or int64.
            ValueError: `tokens` are not `[B, T]`, are empty, or lie outside the vocabulary.
        """
        if not checked:
            check_tokens(tokens, self.vocab_size)
        predictions, hidden = self._predict(tokens)
        return predictions, hidden

    def _predict(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        state = self.recurrent(self.embedding(tokens))
        hidden = state if self.cell == "RNN" else state[0]  # Tracing may lose the name.
        return self.linear(hidden), hidden


def model_of(config: TrainConfig) -> NumericPrediction:
    """A model with the settings of this config, on the current device."""
    return NumericPrediction(
        config.vocab_size,
        config.emb_size,
        config.hidden_size,
        config.cell,
        config.dtype,
        config.execution,
    )


def new_model(config: TrainConfig) -> NumericPrediction:
    """The model at the start of a run: on the config's device, with the weights of its seed.

    Raises:
        TypeError: `config` is not a `TrainConfig`.
        ValueError: the device is not available.
    """
    check_type("config", config, TrainConfig)
    with use_device(config.device):
        paddle.seed(config.seed)
        return model_of(config)
