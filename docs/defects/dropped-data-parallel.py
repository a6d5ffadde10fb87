"""After a `DataParallel` wrapper is dropped, the next backward pass crashes."""

from multiprocessing.connection import wait

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
    context = dist.spawn(train, nprocs=2, backend="gloo", join=False)
    processes = context.processes
    wait([process.sentinel for process in processes])
    for process in processes:
        process.join(10)  # It may wait for the one that crashed.
    statuses = [process.exitcode for process in processes]
    for process in processes:
        process.kill()
    print("the processes ended with status", *statuses)
    return int(statuses != [0, 0])


if __name__ == "__main__":
    raise SystemExit(main())
