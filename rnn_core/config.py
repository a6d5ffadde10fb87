"""Settings of a training run, checked before any work."""

import re
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

Cell = Literal["RNN", "LSTM"]
Clip = Literal["by-norm", "by-global-norm", "none"]
DType = Literal["float32", "float64"]
Execution = Literal["textbook", "kernel"]
OnNonFinite = Literal["stop", "raise", "continue"]

# Smallest and largest positive normal number of float32.
SMALLEST, LARGEST = 2.0**-126, (2 - 2.0**-23) * 2.0**127

CELLS: tuple[Cell, ...] = get_args(Cell)
CLIPS: tuple[str, ...] = get_args(Clip)
DTYPES: tuple[str, ...] = get_args(DType)
EXECUTIONS: tuple[Execution, ...] = get_args(Execution)
ON_NONFINITE: tuple[str, ...] = get_args(OnNonFinite)


@dataclass(frozen=True)
class TrainConfig:
    """Settings of one training run; the defaults are those of the notebook's first run.

    Attributes:
        cell: type of the recurrent layer, "RNN" or "LSTM".
        epochs: number of passes over the data.
        learning_rate: learning rate of plain SGD.
        clip_norm: largest gradient norm in the update; None switches clipping off.
        clip: kind of clipping: "by-norm" clips each parameter's gradient separately,
            "by-global-norm" all gradients together (Pascanu, Mikolov and Bengio, 2013), "none"
            switches clipping off.
        batch_size: number of samples in a batch, B.
        num_steps: length of a sequence, T.
        vocab_size: number of different tokens.
        emb_size: size of a token's embedding, E.
        hidden_size: size of the hidden state, H.
        seed: random seed for the initial weights.
        device: device to train on: "cpu", "gpu" or "gpu:N".
        dtype: dtype of the weights, "float32" or "float64".
        execution: implementation of the recurrent layer: "textbook" for the equations, "kernel"
            for Paddle's recurrent operator. They agree to rounding, not bit for bit.
        record: interval of recorded steps: 1 records every step, n every n-th, 0 none. Steps that
            are not recorded do not wait for a GPU.
        on_nonfinite: reaction to a NaN or infinity in a recorded loss or gradient: "stop" with the
            history so far, "raise", or "continue".

    Raises:
        TypeError: a value has the wrong type.
        ValueError: a value is out of range, unknown, or contradicts another.
    """

    cell: Cell = "RNN"
    epochs: int = 5
    learning_rate: float = 0.05
    clip_norm: float | None = None
    clip: Clip = "by-norm"
    batch_size: int = 1
    num_steps: int = 10
    vocab_size: int = 10
    emb_size: int = 128
    hidden_size: int = 128
    seed: int = 0
    device: str = "cpu"
    dtype: DType = "float32"
    execution: Execution = "textbook"
    record: int = 1
    on_nonfinite: OnNonFinite = "stop"

    def __post_init__(self) -> None:
        check_one_of("cell", self.cell, CELLS)
        check_one_of("clip", self.clip, CLIPS)
        check_one_of("dtype", self.dtype, DTYPES)
        check_one_of("execution", self.execution, EXECUTIONS)
        check_one_of("on_nonfinite", self.on_nonfinite, ON_NONFINITE)
        for name in ("epochs", "batch_size", "num_steps", "vocab_size", "emb_size", "hidden_size"):
            check_positive_int(name, getattr(self, name))
        check_positive_number("learning_rate", self.learning_rate)
        check_seed(self.seed)
        check_at_least(0, "record", self.record)
        check_device_name(self.device)
        if self.clip_norm is not None:
            check_positive_number("clip_norm", self.clip_norm)
        # Either would train without the clipping that the config seems to ask for.
        if self.clip == "by-global-norm" and self.clip_norm is None:
            raise ValueError("clip_norm must be a number if clip is 'by-global-norm', got None")
        if self.clip == "none" and self.clip_norm is not None:
            raise ValueError(f"clip_norm must be None if clip is 'none', got {self.clip_norm!r}")

    def as_dict(self) -> dict[str, Any]:
        """The settings as plain values."""
        return asdict(self)


def check_one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    """Raise ValueError unless `value` is one of `allowed`."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")


def check_positive_int(name: str, value: object) -> None:
    """Raise TypeError unless `value` is an int, ValueError unless it is positive."""
    check_at_least(1, name, value)


def check_at_least(least: int, name: str, value: object) -> None:
    """Raise TypeError unless `value` is an int, ValueError if it is less than `least`."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be an int, got {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")


def check_positive_number(name: str, value: object) -> None:
    """Raise TypeError unless `value` is a number, ValueError unless it is a normal float32 above 0.

    Paddle's operators silently round smaller numbers to zero and larger ones to infinity.
    """
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not SMALLEST <= value <= LARGEST:
        raise ValueError(
            f"{name} must be a positive float32, {SMALLEST:.3g} to {LARGEST:.3g}, got {value}"
        )


def check_seed(value: object) -> None:
    """Raise TypeError unless `value` is an int, ValueError unless Paddle accepts it as a seed."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"seed must be an int, got {value!r}")
    if not 0 <= value < 2**63:
        raise ValueError(f"seed must lie in [0, 2**63), got {value}")


def check_device_name(value: object) -> None:
    """Raise ValueError unless `value` names a device, available or not."""
    if not isinstance(value, str) or not re.fullmatch(r"cpu|gpu(:[0-9]+)?", value):
        raise ValueError(f"device must be 'cpu', 'gpu' or 'gpu:N', got {value!r}")
