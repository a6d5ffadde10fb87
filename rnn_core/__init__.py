"""Textbook recurrent training on PaddlePaddle, with its gradient norms in sight."""

from rnn_core.runtime.versions import import_paddle

import_paddle()

from rnn_core.cells import LSTM, LSTMState, SimpleRNN  # noqa: E402
from rnn_core.checkpoints.folder import CheckpointError  # noqa: E402
from rnn_core.config import TrainConfig  # noqa: E402
from rnn_core.data.batch import Batch, load_data  # noqa: E402
from rnn_core.experiments import EXPERIMENTS, Experiment  # noqa: E402
from rnn_core.history import Event, History  # noqa: E402
from rnn_core.model import NumericPrediction  # noqa: E402
from rnn_core.training import NonFiniteError, TrainingInterrupted, train  # noqa: E402

__all__ = [
    "EXPERIMENTS",
    "LSTM",
    "Batch",
    "CheckpointError",
    "Event",
    "Experiment",
    "History",
    "LSTMState",
    "NonFiniteError",
    "NumericPrediction",
    "SimpleRNN",
    "TrainConfig",
    "TrainingInterrupted",
    "load_data",
    "train",
]
