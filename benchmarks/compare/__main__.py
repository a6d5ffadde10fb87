"""Entry point of `python -m benchmarks.compare`."""

from benchmarks.entry import run

if __name__ == "__main__":
    run("benchmarks.compare.command", threads=True)
