"""Parameters and settings that many tests share."""

import pytest

from rnn_core.config import CELLS, DTYPES, EXECUTIONS

over_cells = pytest.mark.parametrize("cell", CELLS)
over_dtypes = pytest.mark.parametrize("dtype", DTYPES)
over_executions = pytest.mark.parametrize("execution", EXECUTIONS)
over_clips = pytest.mark.parametrize("clip", ["by-norm", "by-global-norm"])
