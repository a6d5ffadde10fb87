"""The work that is timed: one training step, by every implementation."""
