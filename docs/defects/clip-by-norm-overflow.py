"""`ClipGradByNorm` turns a gradient into zeros where a square overflows."""

import paddle


def main():
    """Clip four times 1e25 to the norm 1, which gives 0.5."""
    parameter = paddle.create_parameter([4], "float32")
    gradient = paddle.full([4], 1e25, "float32")
    [(_, clipped)] = paddle.nn.ClipGradByNorm(1.0)([(parameter, gradient)])
    value = clipped.numpy()[0]
    print(f"four times 1e25, clipped to the norm 1, are four times {value}")
    return int(not 0.49 < value < 0.51)


if __name__ == "__main__":
    raise SystemExit(main())
