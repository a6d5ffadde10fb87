"""Tests of `benchmarks.environments`."""
