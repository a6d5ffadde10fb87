"""Peak of the memory that Paddle allocates during a call."""

from collections.abc import Callable
from typing import Literal


def allocated(device: str, which: Literal["current", "peak"] = "current") -> int:
    """Return the bytes that Paddle's allocator holds on a device, now or at most so far."""
    from paddle.base import core

    kind, _, number = device.partition(":")
    where = "host" if kind == "cpu" else "device"
    value = getattr(core, f"{where}_memory_stat_{which}_value")("Allocated", int(number or 0))
    return int(value)


def allocated_peak(call: Callable[[], object], device: str) -> int:
    """Return the peak of the bytes that Paddle's allocator holds during a call; at least 1.

    They include what was allocated before and is still held, such as the parameters.

    Args:
        call: function to call.
        device: device that it allocates on.
    """
    import paddle

    from rnn_core.runtime.devices import synchronize

    # Paddle 2.6.2 cannot reset the peak. A block that has raised it makes any new allocation raise
    # it further; the block does not count. Memory that one thread allocates and another one frees
    # leaves each with a peak of its own, which the block has to reach, too.
    before, earlier = allocated(device), allocated(device, "peak")
    size, more = max(1, earlier - before + 1), 2**12
    block = paddle.empty([size], "uint8")
    while 0 < earlier == allocated(device, "peak"):  # It stays 0 if Paddle does not count.
        del block
        size, more = size + more, 2 * more
        block = paddle.empty([size], "uint8")
    held = allocated(device) - before
    call()
    synchronize(device)
    del block
    return max(1, allocated(device, "peak") - held)
