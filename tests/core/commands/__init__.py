"""Tests of `rnn_core.commands`."""
