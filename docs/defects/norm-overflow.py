"""`norm` is infinite where a square overflows, although the norm does not."""

import paddle


def main():
    """Compute the norm of four times 1e25, which is 2e25."""
    norm = paddle.full([4], 1e25, "float32").norm().item()
    print(f"the norm of four times 1e25 is {norm}")
    return int(not 1.9e25 < norm < 2.1e25)


if __name__ == "__main__":
    raise SystemExit(main())
