"""Other ways to compute the recurrent layers of `rnn_core.cells`."""
