"""The tests, as a package: they share the oracle in `reference.py` and the tools beside it."""
