"""Paddle's operators without the Python code of its public functions.

A public function checks and converts its arguments, which takes as long as the operator itself if
the state is small (docs/measurements/performance.md). Some operators have no public function for
tensors: `rnn`, `sgd_` and `squared_l2_norm` are reached only through layers and optimizers. These
names are private to Paddle and have meant the same from 2.6 to 3.3. If a version changes one, this
is the only module to adapt.
"""

from typing import Any

import paddle

_C_ops: Any = paddle._C_ops
_framework: Any = paddle.framework

clip_by_norm = _C_ops.clip_by_norm
concat = _C_ops.concat
maximum = _C_ops.maximum
reshape = _C_ops.reshape
rnn = _C_ops.rnn
sgd_ = _C_ops.sgd_
squared_l2_norm = _C_ops.squared_l2_norm
transpose = _C_ops.transpose


def rows(tensor: paddle.Tensor, start: int, stop: int) -> paddle.Tensor:
    """Rows of a tensor from `start` up to `stop`: a view that shares its memory."""
    view: paddle.Tensor = _C_ops.slice(tensor, [0], [start], [stop], [1], [])
    return view


def zeros(shape: list[int], dtype: Any) -> paddle.Tensor:
    """Zeros on the current device."""
    zero: paddle.Tensor = _C_ops.full(shape, 0.0, dtype, _framework._current_expected_place())
    return zero
