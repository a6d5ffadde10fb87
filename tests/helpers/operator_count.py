"""How many operators Paddle runs. The one place that knows how its profiler names them."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from paddle.profiler import Profiler, ProfilerTarget

# An operator, of a forward or a backward pass, first works out the shape of its result, and the
# profiler has an event of this name for that, from Paddle 2.6 to 3.3. What else it shows of an
# operator differs between versions, or is missing for those of a backward pass. Three kinds of
# work have no such event: a view, the sum where gradients meet, and the gradient of an embedding.
ENDING = " infer_meta"


def operators_of(work: Callable[[], object]) -> Counter[str]:
    """How often each operator runs during `work`, by its name; backward ones end in `_grad`."""
    # The handler does nothing, in place of one that writes a file.
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
