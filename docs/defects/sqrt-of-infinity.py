"""`sqrt` of 16 float32 numbers or more turns infinity into NaN."""

import numpy as np
import paddle


def main():
    """Take the square root of infinity."""
    root = paddle.full([16], np.inf, "float32").sqrt().numpy()[0]
    print(f"sqrt(inf) is {root}")
    return int(root != np.inf)


if __name__ == "__main__":
    raise SystemExit(main())
