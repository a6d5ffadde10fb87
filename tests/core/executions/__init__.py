"""Tests of `rnn_core.executions`."""
