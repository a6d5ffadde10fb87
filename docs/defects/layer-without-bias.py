"""A recurrent layer with `bias_hh_attr=False` ends the process with SIGSEGV."""

import paddle


def main():
    """Run a layer without its second bias."""
    outputs, _ = paddle.nn.LSTM(2, 3, bias_hh_attr=False)(paddle.ones([1, 2, 2]))
    print(f"the outputs have the shape {list(outputs.shape)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
