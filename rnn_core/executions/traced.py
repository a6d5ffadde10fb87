"""The textbook's equations as a static graph, which `paddle.jit.to_static` traces and compiles.

Paddle has two ways to trace: "static" translates the source of the functions (AST), "sot" runs their
bytecode symbolically. Every shape of the tokens is traced once, at its first call. Only the model is
traced: the loss, clipping and the update are those of `rnn_core.step`.
"""

import paddle

from rnn_core.config import Cell, Execution
from rnn_core.runtime.versions import prepare_tracing

# Argument `full_graph` of `to_static`.
FULL_GRAPH: dict[Execution, bool] = {"static": True, "sot": False}


def trace(layer: paddle.nn.Layer, method: str, cell: Cell, execution: Execution) -> None:
    """Replace a method of this layer by its traced form, if the execution is a traced one.

    Raises:
        RuntimeError: a defect of this Paddle prevents that.
    """
    if execution in FULL_GRAPH:
        prepare_tracing(cell, execution)
        # Not by setattr, which type checkers refuse for a method.
        vars(layer)[method] = paddle.jit.to_static(
            getattr(layer, method), full_graph=FULL_GRAPH[execution]
        )
