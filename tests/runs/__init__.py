"""Whole training runs: what happens in them, what they cost, what they reproduce."""
