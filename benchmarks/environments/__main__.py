"""Entry point of `python -m benchmarks.environments`."""

from benchmarks.entry import run

if __name__ == "__main__":
    run("benchmarks.environments.command")
