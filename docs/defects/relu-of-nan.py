"""`SimpleRNN(activation="relu")` turns NaN into 0."""

import numpy as np
import paddle


def main():
    """Run the layer on NaN."""
    layer = paddle.nn.SimpleRNN(2, 3, activation="relu")
    output = layer(paddle.full([1, 1, 2], np.nan))[0].numpy()[0, 0, 0]
    print(f"the output for NaN is {output}")
    return int(not np.isnan(output))


if __name__ == "__main__":
    raise SystemExit(main())
