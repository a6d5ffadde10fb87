"""Entry point of `python -m benchmarks.ratios`."""

from benchmarks.entry import run

if __name__ == "__main__":
    run("benchmarks.commands.ratios", threads=True)
