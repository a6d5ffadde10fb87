"""Is one environment slower than another? `python -m benchmarks.compare`."""
