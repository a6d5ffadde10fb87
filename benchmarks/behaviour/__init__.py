"""Do two environments train the same? `python -m benchmarks.behaviour`."""
