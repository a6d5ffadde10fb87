"""Tests of `benchmarks.behaviour`."""

EPOCHS = 2  # 8 steps
