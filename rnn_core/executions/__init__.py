"""Implementations of the recurrent layer by name, all of the same equations."""

from rnn_core.cells import LSTM, SimpleRNN
from rnn_core.config import Cell, Execution
from rnn_core.executions.kernel import KernelLSTM, KernelRNN

Recurrent = SimpleRNN | LSTM | KernelRNN | KernelLSTM

TEXTBOOK: dict[Cell, type[Recurrent]] = {"RNN": SimpleRNN, "LSTM": LSTM}

LAYERS: dict[Execution, dict[Cell, type[Recurrent]]] = {
    "textbook": TEXTBOOK,
    "kernel": {"RNN": KernelRNN, "LSTM": KernelLSTM},
    # Traced with the whole model: `rnn_core.executions.traced`.
    "static": TEXTBOOK,
    "sot": TEXTBOOK,
}
