"""After a `DataParallel` wrapper is dropped, the next backward pass crashes with SIGSEGV."""

import paddle
import paddle.distributed as dist


def train():
    """In one of two processes: wrap a model, drop the wrapper and use the model."""
    dist.init_parallel_env()
    model = paddle.nn.Linear(2, 1)
    paddle.DataParallel(model)(paddle.ones([1, 2])).sum().backward()
    model(paddle.ones([1, 2])).sum().backward()


def main():
    """Start two processes."""
    try:
        dist.spawn(train, nprocs=2, backend="gloo")
    except Exception as error:
        print(str(error).strip().splitlines()[-1])
        return 1 if "terminated with signal" in str(error) else 2
    print("both processes ended well")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
