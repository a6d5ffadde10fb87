"""Data-parallel training: processes that each see their share of a batch and average gradients.

Paddle's launcher starts the processes and tells each its number in environment variables:

    python -m paddle.distributed.launch --nproc_per_node 2 python -m rnn_core run digit-sums

Every process has the whole model, and takes its share of every batch. Backward, Paddle's
`DataParallel` averages the gradients over the processes, by gloo between CPUs and NCCL between
GPUs. With the shares' losses weighted by their sizes, that average is the whole batch's gradient,
however the batch divides. Alone, a process does none of this.
"""

import os

import paddle
from paddle import Tensor


def rank() -> int:
    """The number of this process, from 0; process 0 alone prints and writes files."""
    return int(os.environ.get("PADDLE_TRAINER_ID", "0"))


def size() -> int:
    """The number of processes that train together; 1 where none was launched."""
    return int(os.environ.get("PADDLE_TRAINERS_NUM", "1"))


def check(device: str, batch_size: int) -> None:
    """Refuse what cannot be trained in several processes, where there are several.

    Args:
        device: the run's, as its config names it.
        batch_size: of the whole batch.

    Raises:
        ValueError: a batch is too small to be shared, one GPU is named for all processes, or they
            cannot meet on this device.
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
            f"device must be 'cpu' or 'gpu' in {size()} processes, each of which has its own, "
            f"got {device!r}"
        )
    if not paddle.distributed.is_available():
        raise RuntimeError(
            f"this Paddle {paddle.version.full_version} was built without its distributed part "
            f"and trains in one process only, got {size()}"
        )
    backend = os.environ.get("PADDLE_DISTRI_BACKEND", "auto")
    if (device == "cpu") != (backend == "gloo"):
        raise ValueError(
            f"PADDLE_DISTRI_BACKEND must be 'gloo' for processes on CPUs, and not for those on "
            f"GPUs, got {backend!r} and device {device!r}"
        )


def check_last(samples: int, batch_size: int) -> None:
    """Refuse samples whose last batch the processes cannot share; one process can share any.

    Raises:
        ValueError: it is too small.
    """
    last = samples % batch_size or batch_size
    if last < size():
        raise ValueError(
            f"the last batch must have at least {size()} samples, one per process, "
            f"got {last}: {samples} samples in batches of {batch_size}"
        )


def join(device: str, batch_size: int) -> None:
    """Meet the other processes, where there are any: waits for all of them.

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
    """By what a loss over `mine` of `whole` samples counts in an average over all processes."""
    return mine * size() / whole


def averaging(model: paddle.nn.Layer) -> paddle.nn.Layer:
    """The model with a backward pass that averages gradients, the model itself for one process.

    Kept with the model: Paddle hooks it into the parameters for good, and once it were gone, the
    next backward pass would crash the process (seen on Paddle 2.6.2 and 3.3.1).
    """
    if size() == 1:
        return model
    # Not as an attribute: Paddle would make it a part of the model that is a part of it.
    known = vars(model)
    if "_averaging" not in known:
        known["_averaging"] = paddle.DataParallel(model)
    layer: paddle.nn.Layer = known["_averaging"]
    return layer


def total(value: float) -> float:
    """The sum of a number over all processes, the number itself for one process."""
    if size() == 1:
        return value
    everywhere = paddle.full([1], value, dtype="float64")
    paddle.distributed.all_reduce(everywhere)
    return float(everywhere.numpy()[0])


def wait() -> None:
    """Wait until all processes are here; one process alone goes on."""
    total(0)
