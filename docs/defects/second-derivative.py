"""Recurrent layers have no second derivative: `paddle.grad` raises an error."""

import paddle


def main():
    """Differentiate twice."""
    x = paddle.ones([1, 2, 2])
    x.stop_gradient = False
    try:
        outputs, _ = paddle.nn.SimpleRNN(2, 3)(x)
        [first] = paddle.grad(outputs.sum(), x, create_graph=True)
        paddle.grad(first.sum(), x)
    except Exception as error:
        print(f"raises {type(error).__name__}")
        return 1
    print("the gradient can be differentiated")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
