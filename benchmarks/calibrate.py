"""Entry point of `python -m benchmarks.calibrate`."""

from benchmarks.entry import run

if __name__ == "__main__":
    run("benchmarks.compare.calibration", threads=True)
