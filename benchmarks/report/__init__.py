"""One page with the results of all environments of the matrix: `python -m benchmarks.report`."""
