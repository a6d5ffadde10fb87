"""Data-parallel training: each process takes its share of a batch, and gradients are averaged.

Paddle's launcher starts the processes and numbers them in environment variables:

    python -m paddle.distributed.launch --nproc_per_node 2 python -m rnn_core run digit-sums

Each process has the whole model. In the backward pass, Paddle's `DataParallel` averages the
gradients over the processes, by gloo between CPUs and by NCCL between GPUs. Losses are weighted by
the sizes of the shares, so this average is the gradient of the whole batch, even if it does not
divide evenly. All functions also work in a single process.
"""

import os

import paddle
from paddle import Tensor


def rank() -> int:
    """Rank of this process, from 0. Only process 0 prints and writes files."""
    return _number("PADDLE_TRAINER_ID", 0)


def size() -> int:
    """Number of processes that train together; 1 without Paddle's launcher."""
    return _number("PADDLE_TRAINERS_NUM", 1)


def check(device: str, batch_size: int) -> None:
    """Check that several processes, if there are several, can train together.

    Args:
        device: device of the run, as in its config.
        batch_size: number of samples in a batch, of all processes together.

    Raises:
        ValueError: a batch has fewer samples than there are processes, one GPU is named for all
            processes, or the processes cannot communicate on this device.
        RuntimeError: this Paddle cannot train in several processes.
    """
    if size() == 1:
        return
    if batch_size < size():
        raise ValueError(
            f"batch_size must be at least {size()}, one sample per process, got {batch_size}"
        )
    if device not in ("cpu", "gpu"):
        raise ValueError(
            f"device must be 'cpu' or 'gpu' for {size()} processes with a GPU each, got {device!r}"
        )
    if not paddle.distributed.is_available():
        raise RuntimeError(
            f"Paddle {paddle.version.full_version} was built without its distributed part and can "
            f"train in one process only, got {size()}"
        )
    backend = os.environ.get("PADDLE_DISTRI_BACKEND", "auto")
    if (device == "cpu") != (backend == "gloo"):
        raise ValueError(
            f"PADDLE_DISTRI_BACKEND must be 'gloo' for CPUs and another backend for GPUs, got "
            f"{backend!r} and device {device!r}"
        )


def check_last(samples: int, batch_size: int) -> None:
    """Check that the last batch of an epoch has a sample for each process.

    Raises:
        ValueError: the last batch is too small.
    """
    last = samples % batch_size or batch_size
    if last < size():
        raise ValueError(
            f"the last batch must have at least {size()} samples, one per process, "
            f"got {last}: {samples} samples in batches of {batch_size}"
        )


def join(device: str, batch_size: int) -> None:
    """Connect to the other processes, if there are any; waits for all of them.

    Raises:
        ValueError, RuntimeError: as `check`.
    """
    check(device, batch_size)
    if size() > 1 and not paddle.distributed.is_initialized():
        paddle.distributed.init_parallel_env()


def share(batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """This process's samples of a batch: the whole batch for one process.

    If the batch does not divide evenly, the first processes take one sample more.

    Args:
        batch: two tensors `[B, ...]` with the samples along the first axis.
    """
    if size() == 1:
        return batch
    first, second = batch
    each, more = divmod(len(first), size())
    start = rank() * each + min(rank(), more)
    mine = slice(start, start + each + (rank() < more))
    return first[mine], second[mine]


def weight(mine: int, whole: int) -> float:
    """Weight of a loss over `mine` of `whole` samples in the average over all processes."""
    return mine * size() / whole


def averaging(model: paddle.nn.Layer) -> paddle.nn.Layer:
    """The model with a backward pass that averages gradients; the model itself for one process.

    The wrapper is kept with the model: Paddle hooks it into the parameters permanently, and without
    it the next backward pass crashes (Paddle 2.6.2 and 3.3.1).
    """
    if size() == 1:
        return model
    # Not by setattr: Paddle would register the wrapper as a sublayer of the model it wraps.
    known = vars(model)
    if "_averaging" not in known:
        known["_averaging"] = paddle.DataParallel(model)
    layer: paddle.nn.Layer = known["_averaging"]
    return layer


def total(value: float) -> float:
    """Sum of a number over all processes."""
    if size() == 1:
        return value
    everywhere = paddle.full([1], value, dtype="float64")
    paddle.distributed.all_reduce(everywhere)
    return float(everywhere.numpy()[0])


def wait() -> None:
    """Wait until all processes have come to this point."""
    total(0)


def _number(variable: str, alone: int) -> int:
    """Number in a variable of Paddle's launcher; `alone` without the launcher.

    Raises:
        ValueError: the variable is not a whole number.
    """
    text = os.environ.get(variable, str(alone))
    if not text.isdecimal():
        raise ValueError(f"{variable} must be a whole number, got {text!r}")
    return int(text)
