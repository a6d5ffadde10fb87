"""Entry point of `python -m benchmarks.behaviour_measure`."""

from benchmarks.entry import run

if __name__ == "__main__":
    run("benchmarks.behaviour.rounding")
