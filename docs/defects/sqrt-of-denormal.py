"""`sqrt` of 16 float32 numbers or more turns denormal numbers into 0."""

import paddle


def main():
    """Take the square root of 1e-40, which is about 1e-20."""
    root = paddle.full([16], 1e-40, "float32").sqrt().numpy()[0]
    print(f"sqrt(1e-40) is {root}")
    return int(not 0.9e-20 < root < 1.1e-20)


if __name__ == "__main__":
    raise SystemExit(main())
