"""Paddle and `rnn_core` against the independent implementation in `tests.reference`."""
