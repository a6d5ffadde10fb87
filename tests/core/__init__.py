"""Tests of `rnn_core`, file by file."""
