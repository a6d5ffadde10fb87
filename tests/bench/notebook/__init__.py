"""Tests of `benchmarks.notebook`."""
