"""Another default dtype of Paddle, for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import paddle


@contextmanager
def default_dtype(dtype: Any) -> Iterator[None]:
    """Default dtype for new tensors and layers; `to` cannot cast Paddle's recurrent layers."""
    before = paddle.get_default_dtype()
    paddle.set_default_dtype(dtype)
    try:
        yield
    finally:
        paddle.set_default_dtype(before)
