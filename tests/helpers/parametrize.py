"""Parameters and settings that many tests share."""

import pytest

from rnn_core.config import CELLS, DTYPES, EAGER, EXECUTIONS, Execution
from rnn_core.runtime.versions import refused_tracing

over_cells = pytest.mark.parametrize("cell", CELLS)
over_dtypes = pytest.mark.parametrize("dtype", DTYPES)
# tests/core/executions/test_traced.py compares the traced ones with the textbook.
over_executions = pytest.mark.parametrize("execution", EAGER)
over_clips = pytest.mark.parametrize("clip", ["by-norm", "by-global-norm"])


def _traced(*slow: Execution) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("cell", "execution"),
        [
            pytest.param(
                cell,
                execution,
                marks=[
                    *[pytest.mark.xfail(reason=why, strict=True)] * bool(why),
                    *[pytest.mark.slow] * (execution in slow),
                ],
            )
            for cell in CELLS
            for execution in EXECUTIONS[len(EAGER) :]
            for why in [refused_tracing(cell, execution) or ""]
        ],
    )


over_traced = _traced()
# To trace bytecode takes seconds.
over_traced_with_slow_sot = _traced("sot")
