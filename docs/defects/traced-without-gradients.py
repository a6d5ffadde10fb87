"""`to_static`: a function traced under `no_grad` has no gradients in later calls either."""

import paddle


def double(x):
    """Twice a tensor."""
    return x * 2


def main():
    """Call a traced function under `no_grad`, and then with gradients."""
    traced, x = paddle.jit.to_static(double, full_graph=True), paddle.ones([1])
    x.stop_gradient = False
    with paddle.no_grad():
        traced(x)
    y = traced(x)
    print(f"output without gradients: {y.stop_gradient}")
    return int(y.stop_gradient)


if __name__ == "__main__":
    raise SystemExit(main())
