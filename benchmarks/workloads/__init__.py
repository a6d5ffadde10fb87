"""What is timed: one training step, by every implementation."""
