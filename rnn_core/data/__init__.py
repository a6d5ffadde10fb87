"""Training data: batches, the notebook's samples, generated digit sums, and their checks."""
