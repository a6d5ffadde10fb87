"""Parameters and settings that many tests share."""

import pytest
from hypothesis import settings

from rnn_core.config import CELLS, DTYPES, EXECUTIONS

over_cells = pytest.mark.parametrize("cell", CELLS)
over_dtypes = pytest.mark.parametrize("dtype", DTYPES)
over_executions = pytest.mark.parametrize("execution", EXECUTIONS)
over_clips = pytest.mark.parametrize("clip", ["by-norm", "by-global-norm"])
# The same examples in every run, and no time limit: a failing test keeps failing.
few_examples = settings(derandomize=True, deadline=None, database=None, max_examples=25)
