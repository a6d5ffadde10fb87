"""Tests of `rnn_core.checkpoints`."""
