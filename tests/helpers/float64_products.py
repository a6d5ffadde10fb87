"""Products of float64, which MKL_CBWR makes impossible on some CPUs."""

import os
import sys
from functools import cache

import pytest

from benchmarks.runner import project_environment, run

# On an AMD EPYC with MKL_CBWR=AVX2 or AVX512, MKL ends the process in this product, as in all of
# float64 with at least 4 rows and 12 columns; not without it, or with COMPATIBLE.
PRODUCT = "import paddle; paddle.ones([4, 4], 'float64') @ paddle.ones([4, 12], 'float64')"
COLUMNS = 12


def skip_where_products_crash(dtype: str = "float64") -> None:
    """Skip the test if products in this precision end the process."""
    if dtype == "float64" and products_crash():
        rounding = os.environ["MKL_CBWR"]
        pytest.skip(f"MKL_CBWR={rounding}: products of float64 end the process on this CPU")


@cache
def products_crash() -> bool:
    """Return whether products end the process, which only an attempt can tell."""
    if os.environ.get("MKL_CBWR", "") in ("", "COMPATIBLE"):
        return False
    return run([sys.executable, "-c", PRODUCT], project_environment()).status != 0
