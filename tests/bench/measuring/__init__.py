"""Tests of `benchmarks.measuring`."""
