"""Count the operators that Paddle runs, by the names in its profiler."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import paddle
import pytest
from paddle.profiler import Profiler, ProfilerTarget

# Every operator, forward or backward, first computes the shape of its result, and from Paddle 2.6
# to 3.3 the profiler records this as an event with this ending. Its other events differ between
# versions or are missing for backward operators. Three kinds of work have no such event: views, the
# sum of gradients that meet, and the gradient of an embedding.
ENDING = " infer_meta"


def operators_of(work: Callable[[], object]) -> Counter[str]:
    """How often each operator runs during `work`, by name; backward ones end in `_grad`."""
    if paddle.device.is_compiled_with_cuda() and not paddle.device.cuda.device_count():
        pytest.skip("the profiler of Paddle for GPUs needs a GPU")
    # Without this handler, the profiler writes a file.
    profiler = Profiler(targets=[ProfilerTarget.CPU], on_trace_ready=lambda _: None)
    profiler.start()
    try:
        work()
    finally:
        profiler.stop()
    counted: Counter[str] = Counter()
    events: list[Any] = list(profiler.profiler_result.get_data().values())  # A tree per thread.
    while events:
        event = events.pop()
        events += event.children_node
        if event.name.endswith(ENDING):
            counted[event.name.removesuffix(ENDING)] += 1
    return counted
