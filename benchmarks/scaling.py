"""Entry point of `python -m benchmarks.scaling`."""

from benchmarks.entry import run

if __name__ == "__main__":
    run("benchmarks.commands.scaling", threads=True)
