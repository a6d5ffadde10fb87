"""The same training step in PyTorch, as its users write it."""

import os
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnn_core.config import Cell

# Untyped: PyTorch is optional, and not installed where types are checked.
torch: Any = import_module("torch")
torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


class TorchContender:
    """`torch.nn.RNN` or `torch.nn.LSTM` between an embedding and a linear layer, run eagerly.

    PyTorch stacks the gates as Paddle does, and has a second bias as well; here it is zero and not
    trained.
    """

    def __init__(
        self,
        cell: Cell,
        weights: Mapping[str, NDArray[Any]],
        tokens: NDArray[np.int64],
        labels: NDArray[np.float32],
        learning_rate: float,
        clip_norm: float | None,
    ) -> None:
        """Start from weights named as in `peer_layout`, `tokens` `[B, T]` and `labels` `[B, 1]`."""
        vocab_size, E = weights["embedding.weight"].shape
        H = weights["recurrent.weight_hh"].shape[1]
        kind = {"RNN": torch.nn.RNN, "LSTM": torch.nn.LSTM}[cell]
        self.embedding = torch.nn.Embedding(vocab_size, E)
        self.recurrent = kind(E, H, batch_first=True)
        self.linear = torch.nn.Linear(H, 1)
        self.named = {
            "embedding.weight": self.embedding.weight,
            "recurrent.weight_ih": self.recurrent.weight_ih_l0,
            "recurrent.weight_hh": self.recurrent.weight_hh_l0,
            "recurrent.bias_ih": self.recurrent.bias_ih_l0,
            "linear.weight": self.linear.weight,
            "linear.bias": self.linear.bias,
        }
        with torch.no_grad():
            self.recurrent.bias_hh_l0.zero_().requires_grad_(False)
            for name, parameter in self.named.items():
                parameter.copy_(torch.from_numpy(_linear_transposed(name, weights[name]).copy()))
        self.tokens, self.labels = torch.from_numpy(tokens), torch.from_numpy(labels)
        self.clip_norm = clip_norm
        self.optimizer = torch.optim.SGD(list(self.named.values()), lr=learning_rate)

    def forward(self) -> Any:
        """Return the mean squared error as a tensor."""
        outputs, _ = self.recurrent(self.embedding(self.tokens))
        return torch.nn.functional.mse_loss(self.linear(outputs[:, -1]), self.labels)

    def step(self) -> None:
        """Run one training step."""
        self.optimizer.zero_grad()
        self.forward().backward()
        if self.clip_norm is not None:
            for parameter in self.named.values():
                torch.nn.utils.clip_grad_norm_(parameter, self.clip_norm)
        self.optimizer.step()

    def loss(self) -> float:
        """Return the mean squared error of the current weights."""
        with torch.no_grad():
            return float(self.forward())

    def parameters(self) -> dict[str, NDArray[Any]]:
        """Return copies of all parameters, named and laid out as in `peer_layout`."""
        return {
            name: _linear_transposed(name, parameter.detach().numpy()).copy()
            for name, parameter in self.named.items()
        }


def _linear_transposed(name: str, values: NDArray[Any]) -> NDArray[Any]:
    """Transpose the linear layer's weight: `[1, H]` in PyTorch, `[H, 1]` in Paddle."""
    return values.T if name == "linear.weight" else values
