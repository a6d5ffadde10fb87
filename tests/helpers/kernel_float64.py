"""Where products of wide float64 matrices cannot be run."""

import os

import pytest

from rnn_core.config import DType
from tests.reference.network import CellName


def skip_where_it_dies(cell: CellName, dtype: DType) -> None:
    """Skip the LSTM in float64, with its gates side by side, under a forced MKL_CBWR.

    MKL's product of float64 matrices of 12 columns or more then may end the process. Seen on an AMD
    EPYC with Paddle 2.6.2 and 3.3.1; without the variable it runs.
    """
    rounding = os.environ.get("MKL_CBWR")
    if (cell, dtype) == ("LSTM", "float64") and rounding not in (None, "", "COMPATIBLE"):
        pytest.skip(f"MKL_CBWR={rounding}: an illegal instruction may end the process")
