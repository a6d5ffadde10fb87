"""A recurrent layer ends the process with SIGSEGV if the sequence has no steps."""

import paddle


def main():
    """Run a layer on two sequences of length 0; an error is a good answer too."""
    try:
        outputs, _ = paddle.nn.SimpleRNN(2, 3)(paddle.zeros([2, 0, 2]))
    except ValueError:
        print("raises ValueError")
    else:
        print(f"the outputs have the shape {list(outputs.shape)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
