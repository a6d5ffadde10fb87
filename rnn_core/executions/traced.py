"""The textbook's equations as a static graph, which `paddle.jit.to_static` traces and compiles.

Paddle has two ways to trace: "static" translates the source of the functions (AST), "sot" runs
their bytecode symbolically. Every shape of the tokens is traced once, at its first call. Only the
model is traced: the loss, clipping and the update are those of `rnn_core.step`.
"""

from copy import deepcopy
from functools import cached_property
from typing import Any

import paddle
from paddle.utils.layers_utils import map_structure

from rnn_core.config import Cell, Execution
from rnn_core.runtime.versions import prepare_tracing, traces_same_bits

# Argument `full_graph` of `to_static`.
FULL_GRAPH: dict[Execution, bool] = {"static": True, "sot": False}


class Traced:
    """Traced form of a method of a layer.

    A copy of the layer (`copy.deepcopy`) is traced again, and so computes with its own weights.

    Args:
        layer: layer that is in training mode while the method runs.
        method: its method, before it is traced.
        full_graph: argument of `paddle.jit.to_static`.
    """

    def __init__(self, layer: paddle.nn.Layer, method: Any, full_graph: bool) -> None:
        self.layer, self.method, self.full_graph = layer, method, full_graph

    @cached_property
    def traced(self) -> Any:
        """The method as `to_static` returns it, made at the first call: a copy begins empty."""
        return paddle.jit.to_static(self.method, full_graph=self.full_graph)

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        """Return the outputs of the method, with gradients if they are enabled."""
        # Paddle uses what it has traced without gradients for later calls with gradients, too,
        # and in evaluation mode it computes none.
        mode, self.layer.training = self.layer.training, True
        try:
            with paddle.set_grad_enabled(True):
                outputs = self.traced(*inputs, **named)
        finally:
            self.layer.training = mode
        if paddle.is_grad_enabled():
            return outputs
        return map_structure(paddle.Tensor.detach, outputs)

    def __deepcopy__(self, copies: dict[int, Any]) -> "Traced":
        layer, method = deepcopy((self.layer, self.method), copies)
        return Traced(layer, method, self.full_graph)


def trace(layer: paddle.nn.Layer, method: str, cell: Cell, execution: Execution) -> None:
    """Replace a method of this layer by its traced form, if the execution is a traced one.

    Raises:
        RuntimeError: a known defect of this Paddle prevents that.
    """
    if execution in FULL_GRAPH:
        prepare_tracing(cell, execution)
        traced = Traced(layer, getattr(layer, method), FULL_GRAPH[execution])
        vars(layer)[method] = traced  # Not by setattr, which type checkers refuse for a method.


def same_bits(cell: Cell, one: Execution, other: Execution) -> bool:
    """Whether two executions compute the same bits from the same weights."""
    return one == other or ("kernel" not in (one, other) and traces_same_bits(cell))
