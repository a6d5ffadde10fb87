"""`paddle.seed` uses only the low 32 bits of a seed on a CPU: 5 and 2**32 + 5 are the same."""

import paddle


def main():
    """Compare the random numbers of two seeds."""
    drawn = []
    for seed in (5, 2**32 + 5):
        paddle.seed(seed)
        drawn.append(paddle.rand([2]).tolist())
    print(f"seed 5 draws {drawn[0]}, seed 2**32 + 5 {drawn[1]}")
    return int(drawn[0] == drawn[1])


if __name__ == "__main__":
    raise SystemExit(main())
