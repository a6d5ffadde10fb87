"""Tests of `rnn_core.data`."""
