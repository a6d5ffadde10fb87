"""A fuzzer of every reader of files: `python -m tests.fuzz`."""
