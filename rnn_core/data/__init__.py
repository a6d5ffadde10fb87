"""Batches: the notebook's samples, generated digit sums, and the checks of both."""
