"""`to_static(full_graph=False)`: a named tuple of slices fails, or is no longer of its type."""

from typing import NamedTuple

import paddle


class State(NamedTuple):
    """Two tensors."""

    hidden: paddle.Tensor
    cell: paddle.Tensor


class Model(paddle.nn.Layer):
    """Adds 1 if a state is a `State`, which it is."""

    def forward(self, x):
        """Create a state twice."""
        state = State(x[:, 0], x[:, 1])
        state = State(x[:, 0], x[:, 1])
        return x + 1 if isinstance(state, State) else x - 1


def main():
    """Compare eager and traced outputs."""
    model, x = Model(), paddle.ones([1, 2])
    eager = model(x).numpy()[0, 0]
    try:
        traced = paddle.jit.to_static(model, full_graph=False)(x).numpy()[0, 0]
    except Exception as error:
        print(f"{type(error).__name__}: {str(error).strip().splitlines()[-1]}")
        return 1
    print(f"eager {eager}, traced {traced}")
    return int(eager != traced)


if __name__ == "__main__":
    raise SystemExit(main())
