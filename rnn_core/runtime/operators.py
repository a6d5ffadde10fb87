"""Paddle's operators, without the Python that its public functions put around them.

A public function checks and converts its arguments, which for a state of 128 numbers takes as long
as the operator: `paddle.split` 13 us, its operator 7 us (Paddle 3.3.1, AMD EPYC, November 2026).
And some operators have no public function that takes tensors: `rnn`, `sgd_` and `squared_l2_norm`
are reached only through layers and optimizers. These names are private to Paddle, and have meant
the same from 2.6 to 3.3; should a version change one, this is the place that knows.
"""

from typing import Any

import paddle

_C_ops: Any = paddle._C_ops

clip_by_norm = _C_ops.clip_by_norm
concat = _C_ops.concat
matmul = _C_ops.matmul
maximum = _C_ops.maximum
rnn = _C_ops.rnn
sgd_ = _C_ops.sgd_
sigmoid_ = _C_ops.sigmoid_
split = _C_ops.split_with_num
squared_l2_norm = _C_ops.squared_l2_norm
stack = _C_ops.stack
tanh = _C_ops.tanh
tanh_ = _C_ops.tanh_
transpose = _C_ops.transpose
unbind = _C_ops.unbind
