"""Paddle and `rnn_core` compared with the independent implementation in `tests.reference`."""
