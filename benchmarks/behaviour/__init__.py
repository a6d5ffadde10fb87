"""Compares how two environments train: `python -m benchmarks.behaviour`."""
