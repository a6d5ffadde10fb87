"""Tests of `benchmarks.behaviour`."""
