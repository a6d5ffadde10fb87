"""Tests of `benchmarks.plugins`."""
