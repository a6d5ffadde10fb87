"""Tests of `benchmarks.instructions`."""
