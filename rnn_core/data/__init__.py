"""Training data: batches, the notebook's samples, generated digit sums, and their checks."""

from rnn_core.data.batch import Batch, BatchStream, load_data
from rnn_core.data.digit_sums import DigitSums

__all__ = ["Batch", "BatchStream", "DigitSums", "load_data"]
