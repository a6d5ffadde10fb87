"""`ClipGradByNorm` raises RuntimeError for float64: its operator has no such kernel."""

import paddle


def main():
    """Clip a float64 gradient."""
    parameter = paddle.create_parameter([2], "float64")
    gradient = paddle.ones([2], "float64")
    try:
        paddle.nn.ClipGradByNorm(1.0)([(parameter, gradient)])
    except RuntimeError:
        print("raises RuntimeError")
        return 1
    print("float64 gradients can be clipped")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
