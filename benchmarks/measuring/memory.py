"""Peak of the memory that Paddle allocates during a call."""

from collections.abc import Callable


def allocated_peak(call: Callable[[], object], device: str) -> int | None:
    """Return the peak of the bytes that Paddle's allocator holds during a call.

    They include what was allocated before and is still held, such as the parameters. At least 1;
    None if this Paddle does not count them.

    Args:
        call: function to call.
        device: device that it allocates on.
    """
    import paddle
    from paddle.base import core

    from rnn_core.runtime.devices import synchronize

    kind, _, number = device.partition(":")
    where = "host" if kind == "cpu" else "device"
    current, peak = (
        getattr(core, f"{where}_memory_stat_{which}_value", None) for which in ("current", "peak")
    )
    if current is None or peak is None:
        return None
    statistic = ("Allocated", int(number or 0))
    # Paddle 2.6.2 cannot reset the peak. A block that fills memory up to the earlier peak makes any
    # new allocation raise it; the block does not count.
    before = current(*statistic)
    block = paddle.empty([max(1, peak(*statistic) - before)], "uint8")
    size = current(*statistic) - before
    call()
    synchronize(device)
    del block
    return max(1, int(peak(*statistic) - size))
