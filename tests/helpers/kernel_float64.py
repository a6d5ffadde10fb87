"""Skips tests whose float64 products would end the process."""

import os

import pytest

from rnn_core.config import DType
from tests.reference.network import CellName


def skip_where_it_dies(cell: CellName, dtype: DType) -> None:
    """Skip the LSTM in float64 if MKL_CBWR names an instruction set.

    With this setting, MKL's product of float64 matrices may end the process if they have 12 columns
    or more, as the LSTM's stacked gates have. This was seen on an AMD EPYC with Paddle
    2.6.2 and 3.3.1; without the variable, it does not happen.
    """
    rounding = os.environ.get("MKL_CBWR")
    if (cell, dtype) == ("LSTM", "float64") and rounding not in (None, "", "COMPATIBLE"):
        pytest.skip(f"MKL_CBWR={rounding}: an illegal instruction may end the process")
