"""KeyboardInterrupt in the backward pass of a `PyLayer` becomes an error of Paddle."""

import paddle
from paddle.autograd import PyLayer


class Interrupted(PyLayer):
    """Identity, whose backward pass is interrupted."""

    @staticmethod
    def forward(_ctx, x):
        """Return a copy."""
        return x.clone()

    @staticmethod
    def backward(_ctx, _d_y):
        """Do what Ctrl-C would do here."""
        raise KeyboardInterrupt


def main():
    """Interrupt a backward pass."""
    x = paddle.ones([2])
    x.stop_gradient = False
    try:
        Interrupted.apply(x).sum().backward()
    except KeyboardInterrupt:
        print("KeyboardInterrupt comes through")
        return 0
    except Exception as error:
        print(f"KeyboardInterrupt becomes {type(error).__name__}")
        return 1
    print("KeyboardInterrupt is lost")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
