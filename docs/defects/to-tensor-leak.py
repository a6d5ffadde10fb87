"""`to_tensor` leaks memory at every call."""

import gc
import sys

import numpy as np
import paddle


def main():
    """Count the blocks that Python has allocated."""
    array = np.ones(2, "float32")

    def blocks(calls):
        for _ in range(calls):
            paddle.to_tensor(array)
        gc.collect()
        return sys.getallocatedblocks()

    before = blocks(1000)
    leaked = (blocks(1000) - before) / 1000
    print(f"blocks of memory leaked by a call: {leaked}")
    return int(leaked > 0.5)


if __name__ == "__main__":
    raise SystemExit(main())
