"""Views by Paddle's private operators; tests/oracle checks what the operators compute."""

import paddle

from rnn_core.runtime import operators as op


def test_rows_are_a_view() -> None:
    """They share the tensor's memory and are contiguous."""
    whole = paddle.arange(12).reshape([4, 3])

    view = op.rows(whole, 1, 3)
    assert view.tolist() == [[3, 4, 5], [6, 7, 8]]
    assert view.is_contiguous()

    whole[2, 0] = 60
    assert view.tolist() == [[3, 4, 5], [60, 7, 8]]
