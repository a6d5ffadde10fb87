"""`to_static`: `backward` of a second shape replaces gradients instead of adding to them."""

import paddle


def main():
    """Add up the gradients of two batches of different sizes."""
    layer = paddle.nn.Linear(1, 1)
    traced = paddle.jit.to_static(layer, full_graph=True)
    for size in (2, 3):
        traced(paddle.ones([size, 1])).sum().backward()
    total = layer.bias.grad.item()
    print(f"sum of gradients: {total}, expected 5.0")
    return int(total != 5)


if __name__ == "__main__":
    raise SystemExit(main())
