"""Implementations of the recurrent layer by name, all of the same equations."""

from rnn_core.cells import LSTM, SimpleRNN
from rnn_core.config import Cell, Execution
from rnn_core.executions.kernel import KernelLSTM, KernelRNN

Recurrent = SimpleRNN | LSTM | KernelRNN | KernelLSTM

LAYERS: dict[Execution, dict[Cell, type[Recurrent]]] = {
    "textbook": {"RNN": SimpleRNN, "LSTM": LSTM},
    "kernel": {"RNN": KernelRNN, "LSTM": KernelLSTM},
}
