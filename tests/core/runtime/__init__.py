"""Tests of `rnn_core.runtime`."""
