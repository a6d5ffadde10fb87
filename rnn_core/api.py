"""The public names of the package, which `rnn_core` imports when the first one is used."""

from rnn_core.runtime.versions import import_paddle

import_paddle()  # First, because its error says how to install Paddle.

from rnn_core.cells import LSTM, LSTMState, SimpleRNN  # noqa: E402
from rnn_core.checkpoints.folder import CheckpointError, CheckpointWarning  # noqa: E402
from rnn_core.config import TrainConfig  # noqa: E402
from rnn_core.data.batch import Batch, BatchStream, load_data  # noqa: E402
from rnn_core.data.digit_sums import DigitSums  # noqa: E402
from rnn_core.evaluation import Evaluation, evaluate  # noqa: E402
from rnn_core.experiments import EXPERIMENTS, Experiment  # noqa: E402
from rnn_core.history import Event, History  # noqa: E402
from rnn_core.model import NumericPrediction, new_model  # noqa: E402
from rnn_core.parameters import named_gradients, named_weights, set_weights  # noqa: E402
from rnn_core.recorder import Step  # noqa: E402
from rnn_core.training import NonFiniteError, TrainingInterrupted, train  # noqa: E402

__all__ = [
    "EXPERIMENTS",
    "LSTM",
    "Batch",
    "BatchStream",
    "CheckpointError",
    "CheckpointWarning",
    "DigitSums",
    "Evaluation",
    "Event",
    "Experiment",
    "History",
    "LSTMState",
    "NonFiniteError",
    "NumericPrediction",
    "SimpleRNN",
    "Step",
    "TrainConfig",
    "TrainingInterrupted",
    "evaluate",
    "load_data",
    "named_gradients",
    "named_weights",
    "new_model",
    "set_weights",
    "train",
]
