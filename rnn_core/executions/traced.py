"""The textbook's equations as a static graph, which `paddle.jit.to_static` traces and compiles.

Paddle has two ways to trace: "static" translates the source of the functions (AST), "sot" runs
their bytecode symbolically. Every shape of the tokens is traced once, at its first call. Only the
model is traced: the loss, clipping and the update are those of `rnn_core.step`.
"""

from typing import Any

import paddle
from paddle.utils.layers_utils import map_structure

from rnn_core.config import Cell, Execution
from rnn_core.runtime.versions import prepare_tracing, traces_same_bits

# Argument `full_graph` of `to_static`.
FULL_GRAPH: dict[Execution, bool] = {"static": True, "sot": False}


def trace(layer: paddle.nn.Layer, method: str, cell: Cell, execution: Execution) -> None:
    """Replace a method of this layer by its traced form, if the execution is a traced one.

    Raises:
        RuntimeError: a known defect of this Paddle prevents that.
    """
    if execution not in FULL_GRAPH:
        return
    prepare_tracing(cell, execution)
    traced = paddle.jit.to_static(getattr(layer, method), full_graph=FULL_GRAPH[execution])

    def run(*inputs: Any, **named: Any) -> Any:
        # Paddle uses what it has traced without gradients for later calls with gradients, too,
        # and in evaluation mode it computes none.
        mode, layer.training = layer.training, True
        try:
            with paddle.set_grad_enabled(True):
                outputs = traced(*inputs, **named)
        finally:
            layer.training = mode
        if paddle.is_grad_enabled():
            return outputs
        return map_structure(paddle.Tensor.detach, outputs)

    vars(layer)[method] = run  # Not by setattr, which type checkers refuse for a method.


def same_bits(cell: Cell, one: Execution, other: Execution) -> bool:
    """Whether two executions compute the same bits from the same weights."""
    return one == other or ("kernel" not in (one, other) and traces_same_bits(cell))
