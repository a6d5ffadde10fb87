"""`backward` of a recurrent layer raises ValueError if one of its weights is frozen."""

import paddle


def main():
    """Freeze one of the four parameters."""
    layer = paddle.nn.SimpleRNN(2, 3)
    layer.weight_ih_l0.stop_gradient = True
    try:
        layer(paddle.ones([1, 2, 2]))[0].sum().backward()
    except ValueError:
        print("raises ValueError")
        return 1
    print("the other weights have gradients")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
