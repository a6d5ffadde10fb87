"""Traced models pass the same tests in primitive mode, in which Paddle decomposes operators."""

import os
import sys

import pytest

from benchmarks.runner import run
from tests import ROOT

FILES = ["core/executions/test_traced.py", "runs/test_saved_models.py"]


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES)
def test_traced_models_pass_in_primitive_mode(file: str) -> None:
    """The flag is for a whole process, which must not have traced without it."""
    command = [sys.executable, "-m", "pytest", "-n0", "-pno:cacheprovider", f"{ROOT}/tests/{file}"]

    result = run(command, {**os.environ, "FLAGS_prim_all": "true"})

    assert result.status == 0, result.output
