"""Saving a run between two steps, and resuming it."""

from rnn_core.checkpoints.folder import CheckpointError, CheckpointWarning

__all__ = ["CheckpointError", "CheckpointWarning"]
