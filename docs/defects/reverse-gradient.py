"""Wrong gradients of bidirectional layers, given initial states and sequences of unequal length.

Those of `weight_hh_reverse` in `SimpleRNN` and `LSTM`, and of all reverse parameters in `GRU`.
Finite differences confirm it.
"""

import numpy as np
import paddle


def gradients(layer, batches):
    """Gradients of the sum of all outputs over batches of sequences, states and lengths."""
    layer.clear_gradients()
    for x, state, length in batches:
        layer(x, state, length)[0].sum().backward()
    return {name: weight.grad.numpy() for name, weight in layer.named_parameters()}


def main():
    """Compare a batch of two sequences with each sequence alone."""
    wrong = []
    for kind in (paddle.nn.SimpleRNN, paddle.nn.LSTM, paddle.nn.GRU):
        layer = kind(2, 3, direction="bidirect")
        random = np.random.RandomState(0)
        x, start = (
            paddle.to_tensor(random.randn(*shape).astype("float32"))
            for shape in ((2, 4, 2), (2, 2, 3))
        )
        states = [start[:, :1], start[:, 1:]]
        if kind is paddle.nn.LSTM:
            start, states = (start, start), [(state, state) for state in states]
        both = gradients(layer, [(x, start, paddle.to_tensor([4, 2]))])
        alone = gradients(layer, [(x[:1], states[0], None), (x[1:, :2], states[1], None)])
        wrong += [
            f"{kind.__name__}.{n}" for n in both if not np.allclose(both[n], alone[n], 1e-4, 1e-5)
        ]
    print("wrong gradients:", ", ".join(wrong) or "none")
    return int(bool(wrong))


if __name__ == "__main__":
    raise SystemExit(main())
