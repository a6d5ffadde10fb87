"""Tests of `benchmarks.commands`."""
