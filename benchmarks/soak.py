"""Entry point of `python -m benchmarks.soak`."""

from benchmarks.entry import run

if __name__ == "__main__":
    run("benchmarks.commands.soak")
