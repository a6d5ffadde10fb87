"""Faults planted on purpose, to see whether the suite notices: `python -m tests.faults`."""
