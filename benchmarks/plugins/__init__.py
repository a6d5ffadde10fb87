"""Plugins for pytest: saving, comparing, sampling and reporting benchmarks."""
