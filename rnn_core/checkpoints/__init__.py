"""Saving a run between two steps, and resuming it."""
