"""`maximum` returns its second argument if the first is NaN."""

import numpy as np
import paddle


def main():
    """Compute maximum(NaN, 1)."""
    value = paddle.maximum(paddle.full([16], np.nan), paddle.full([16], 1.0)).numpy()[0]
    print(f"maximum(nan, 1) is {value}")
    return int(not np.isnan(value))


if __name__ == "__main__":
    raise SystemExit(main())
