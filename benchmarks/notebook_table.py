"""Entry point of `python -m benchmarks.notebook_table`."""

from benchmarks.entry import run

if __name__ == "__main__":
    run("benchmarks.notebook.table")
