"""Entry point of `python -m benchmarks.releases`."""

from benchmarks.entry import run

if __name__ == "__main__":
    run("benchmarks.compare.releases", threads=True)
