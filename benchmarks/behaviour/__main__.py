"""Entry point of `python -m benchmarks.behaviour`."""

from benchmarks.entry import run

if __name__ == "__main__":
    run("benchmarks.behaviour.command")
