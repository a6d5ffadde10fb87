"""Entry point of `python -m tests.kill_and_resume`."""

import os

from rnn_core.commands.program import run_program

if __name__ == "__main__":
    # Before Paddle is imported: a forked process would wait for the threads that it has lost.
    os.environ["OMP_NUM_THREADS"] = "1"
    run_program("tests.kill_and_resume.command")
