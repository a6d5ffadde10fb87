"""`sqrt` of 16 float32 numbers or more turns negative denormal numbers into infinity, not NaN."""

import numpy as np
import paddle


def main():
    """Take the square root of -1e-40."""
    root = paddle.full([16], -1e-40, "float32").sqrt().numpy()[0]
    print(f"sqrt(-1e-40) is {root}")
    return int(not np.isnan(root))


if __name__ == "__main__":
    raise SystemExit(main())
