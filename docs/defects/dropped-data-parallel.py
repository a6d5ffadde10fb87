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
    started = dist.spawn(train, nprocs=2, backend="gloo", join=False)
    for process in started.processes:
        process.join()
    statuses = [process.exitcode for process in started.processes]
    print("the processes ended with status", *statuses)
    return int(min(statuses) < 0) or 2 * any(statuses)


if __name__ == "__main__":
    raise SystemExit(main())
