"""One page of all that the environments of the matrix left: `python -m benchmarks.report`."""
