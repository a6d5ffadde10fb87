"""Tests of `benchmarks.saved`."""
