"""`sigmoid` of float32 numbers is 0 below -88, where the result is a denormal number."""

import paddle


def main():
    """Compute sigmoid(-89), which is about 2.23e-39."""
    value = paddle.nn.functional.sigmoid(paddle.full([16], -89.0, "float32")).numpy()[0]
    print(f"sigmoid(-89) is {value}")
    return int(not 2.2e-39 < value < 2.3e-39)


if __name__ == "__main__":
    raise SystemExit(main())
