"""Two environments compared, with verdicts: `python -m benchmarks.compare`."""
