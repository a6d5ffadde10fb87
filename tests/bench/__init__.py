"""Tests of `benchmarks`, file by file."""
