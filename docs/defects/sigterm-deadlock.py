"""Paddle's handler of SIGTERM allocates memory: a process that does so as well may hang forever."""

import os
import signal
import threading
import time

import paddle  # noqa: F401 - installs the handler

TRIES, LIMIT = 100, 5.0  # seconds


def allocate(ready):
    """Allocate and free memory until a signal ends this process."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # The handler prints a traceback.
        os.dup2(null, stream)
    # With a single thread, allocations take no lock, and the handler rarely waits.
    threading.Thread(target=time.sleep, args=[2 * LIMIT], daemon=True).start()
    os.write(ready, b"!")
    while True:
        [bytes(1100 + 200 * (count % 7)) for count in range(2000)]


def ends():
    """Whether a process that allocates memory ends after SIGTERM."""
    started, ready = os.pipe()
    process = os.fork()
    if process == 0:
        allocate(ready)
    os.read(started, 1)
    time.sleep(0.005)
    os.kill(process, signal.SIGTERM)
    end = time.monotonic() + LIMIT
    while os.waitpid(process, os.WNOHANG)[0] == 0:
        if time.monotonic() > end:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return False
        time.sleep(0.001)
    return True


def main():
    """Send SIGTERM until a process hangs."""
    for tried in range(1, TRIES + 1):
        if not ends():
            print(f"process {tried} did not end within {LIMIT:.0f} s of SIGTERM")
            return 1
    print(f"all of {TRIES} processes ended after SIGTERM")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
