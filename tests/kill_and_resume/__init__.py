"""Shared by several test files: random weights, made-up histories, child processes, tolerances."""
