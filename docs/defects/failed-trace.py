"""A failed trace of `to_static` keeps its weights; since Paddle 3, a later trace may crash."""

import contextlib
import gc
import weakref

import paddle


class Model(paddle.nn.Layer):
    """A linear layer that refuses a batch of one."""

    def __init__(self):
        super().__init__()
        self.linear = paddle.nn.Linear(2, 2)

    def forward(self, x):
        """Fail after the parameters were used."""
        y = self.linear(x)
        if x.shape[0] == 1:
            raise ValueError("a batch of one")
        return y


def kept(size):
    """Whether the weights of a traced model stay in memory after the model is gone."""
    model = Model()
    weight = weakref.ref(model.linear.weight)
    traced = paddle.jit.to_static(model.forward, full_graph=True)
    with contextlib.suppress(ValueError):
        traced(paddle.ones([size, 2]))
    del model, traced
    gc.collect()
    return weight() is not None


def main():
    """Trace a batch of two and one of one, which fails.

    Paddle finds the values of a trace by the address of its program, and never drops those of a
    failed trace. A later program at the same address uses them, although they are freed by then.
    That ends in SIGSEGV, SIGABRT, KeyError or an endless loop.
    """
    right, failed = kept(2), kept(1)
    print(f"weights kept after a trace: {right}, after a failed trace: {failed}")
    return int(failed and not right)


if __name__ == "__main__":
    raise SystemExit(main())
