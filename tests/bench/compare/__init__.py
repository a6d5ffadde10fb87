"""Tests of `benchmarks.compare`."""
