"""Settings of a training run, checked before any work."""

import os
import re
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from rnn_core.runtime.messages import shown

Cell = Literal["RNN", "LSTM"]
Clip = Literal["by-norm", "by-global-norm", "none"]
DType = Literal["float32", "float64"]
Execution = Literal["textbook", "kernel", "static", "sot"]
OnNonFinite = Literal["stop", "raise", "continue"]

# Number of different seeds, and the words for them.
SEEDS, SEED_RANGE = 2**32, "0 to 2**32 - 1, because Paddle uses 32 bits"

# Length of the longest path on Linux.
LONGEST_PATH = 4095

# Most samples, steps and the like: int64 numbers them.
MOST = 2**63 - 1
# Largest dimension of a tensor: Paddle's operators take int32.
LARGEST_SIZE = 2**31 - 1
SIZES = ("batch_size", "num_steps", "vocab_size", "emb_size", "hidden_size")

# Smallest and largest positive normal number of float32.
SMALLEST, LARGEST = 2.0**-126, (2 - 2.0**-23) * 2.0**127

CELLS: tuple[Cell, ...] = get_args(Cell)
CLIPS: tuple[str, ...] = get_args(Clip)
DTYPES: tuple[str, ...] = get_args(DType)
EXECUTIONS: tuple[Execution, ...] = get_args(Execution)
EAGER: tuple[Execution, ...] = ("textbook", "kernel")  # The others are traced.
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
        device: device to train on: "cpu", "gpu", "gpu:N" or any other that Paddle lists.
        dtype: dtype of the weights, "float32" or "float64".
        execution: implementation of the recurrent layer: "textbook" for the equations, "kernel"
            for Paddle's recurrent operator, which agrees to rounding, not bit for bit; "static" and
            "sot" for the equations as a static graph (`rnn_core.executions.traced`).
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
        check_int("epochs", self.epochs)
        for name in SIZES:
            check_size(name, getattr(self, name))
        check_positive_number("learning_rate", self.learning_rate)
        check_seed(self.seed)
        check_int("record", self.record, 0)
        check_device_name(self.device)
        if self.clip_norm is not None:
            check_positive_number("clip_norm", self.clip_norm)
        # Either would train without the clipping that the config seems to ask for.
        if self.clip == "by-global-norm" and self.clip_norm is None:
            raise ValueError("clip_norm must be a number if clip is 'by-global-norm', got None")
        if self.clip == "none" and self.clip_norm is not None:
            raise ValueError(f"clip_norm must be None if clip is 'none', got {self.clip_norm}")

    def as_dict(self) -> dict[str, Any]:
        """The settings as plain values."""
        return asdict(self)


def check_one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    """Raise ValueError unless `value` is one of `allowed`."""
    if not isinstance(value, str) or value not in allowed:
        words = ", ".join(map(repr, allowed))
        raise ValueError(f"{name} must be one of {words}, got {shown(value)}")


def check_int(name: str, value: object, least: int = 1, most: int = MOST) -> None:
    """Raise TypeError unless `value` is an int, ValueError unless it lies within the limits."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be an int, got {shown(value)}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {shown(value)}")
    if value > most:
        raise ValueError(f"{name} must be at most {most}, got {shown(value)}")


def check_size(name: str, value: object) -> None:
    """Raise TypeError unless `value` is an int, ValueError unless a tensor can have this size."""
    check_int(name, value, most=LARGEST_SIZE)


def check_type(name: str, value: object, wanted: type) -> None:
    """Raise TypeError unless `value` is of this type."""
    if not isinstance(value, wanted):
        raise TypeError(f"{name} must be a {wanted.__name__}, got {type(value).__name__}")


def check_bool(name: str, value: object) -> None:
    """Raise TypeError unless `value` is True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")


def check_positive_number(name: str, value: object) -> None:
    """Raise TypeError unless `value` is a number, ValueError unless it is a normal float32 above 0.

    Paddle's operators silently round smaller numbers to zero and larger ones to infinity.
    """
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, got {shown(value)}")
    if not SMALLEST <= value <= LARGEST:
        raise ValueError(
            f"{name} must be a positive float32, {SMALLEST:.3g} to {LARGEST:.3g}, "
            f"got {shown(value)}"
        )


def check_seed(value: object) -> None:
    """Raise TypeError unless `value` is an int, ValueError unless it has at most 32 bits.

    On a CPU, Paddle uses the low 32 bits: 5 and 2**32 + 5 would give the same weights.
    """
    if isinstance(value, int) and not 0 <= value < SEEDS:
        raise ValueError(f"seed must be {SEED_RANGE}, got {shown(value)}")
    check_int("seed", value, 0)


def check_path(name: str, value: object) -> None:
    """Raise TypeError unless `value` is a path, ValueError if it is empty or too long for one.

    An empty path would be the current folder.
    """
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else value
    if not isinstance(text, str):
        raise TypeError(f"{name} must be a path, got {shown(text)}")
    if not 0 < len(text) <= LONGEST_PATH or "\0" in text:
        raise ValueError(f"{name} must be a path, got {shown(text)}")


def check_device_name(value: object) -> None:
    """Raise ValueError unless `value` may name a device, of this machine or another."""
    known = r"[A-Za-z]\w{0,50}(:[0-9]{1,9})?"
    if not isinstance(value, str) or not re.fullmatch(known, value, re.ASCII):
        raise ValueError(
            f"device must be a name such as 'cpu', 'gpu' or 'npu:0', got {shown(value)}"
        )
