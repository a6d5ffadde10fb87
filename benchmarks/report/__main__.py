"""Entry point of `python -m benchmarks.report`."""

from benchmarks.entry import run

if __name__ == "__main__":
    run("benchmarks.report.command")
