"""Rejection of Paddle 2 with NumPy 2, import warnings, and tensors that do not leak."""

import builtins
import gc
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnn_core.runtime import versions as compat

PAGES = Path("/proc/self/statm")


@pytest.mark.parametrize(
    ("paddle", "numpy", "allowed"),
    [
        ("2.6.2", "1.26.4", True),
        ("2.6.2", "2.0.0", False),
        ("2.6.2", "10.1.0", False),
        ("3.0.0", "1.26.4", True),
        ("3.3.1", "2.5.0", True),
        (None, "2.5.0", True),
        # Version of a build from Paddle's development branch.
        ("0.0.0", "2.5.0", True),
    ],
)
def test_check_numpy_rejects_paddle_2_with_numpy_2(
    monkeypatch: pytest.MonkeyPatch, paddle: str | None, numpy: str, allowed: bool
) -> None:
    """The error says what to install."""
    monkeypatch.setattr(compat, "installed_paddle", lambda: paddle)
    monkeypatch.setattr("importlib.metadata.version", {"numpy": numpy}.__getitem__)

    if allowed:
        compat.check_numpy()
    else:
        with pytest.raises(ImportError, match='install "numpy<2" or Paddle 3'):
            compat.check_numpy()


@pytest.fixture
def at_import(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """A function that makes the import of Paddle call another function first."""

    def replace(call: Callable[[], object]) -> None:
        real = builtins.__import__

        def importing(name: str, *args: Any) -> Any:
            if name == "paddle":
                call()
            return real(name, *args)

        monkeypatch.setattr(builtins, "__import__", importing)

    return replace


@pytest.mark.parametrize(
    ("message", "category", "shown"),
    [
        *((f"{message} and more", UserWarning, False) for message in compat.IDLE_WARNINGS),
        (compat.IDLE_WARNINGS[0], DeprecationWarning, True),
        ("something new", UserWarning, True),
    ],
)
def test_import_hides_warnings_that_do_not_apply(
    message: str, category: type[Warning], shown: bool, at_import: Any
) -> None:
    """An unexpected warning is shown."""
    at_import(lambda: warnings.warn(message, category, stacklevel=1))

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        compat.import_paddle()
    assert [str(warning.message) for warning in caught] == [message] * shown


@pytest.mark.parametrize(
    ("missing", "match"),
    [
        ("paddle", "^Paddle is not installed: pip install paddlepaddle, or paddlepaddle-gpu$"),
        ("x", "^x$"),
    ],
)
def test_import_error_says_how_to_install_paddle(missing: str, match: str, at_import: Any) -> None:
    """If a module that Paddle needs is missing, its own error is kept."""

    def fail() -> None:
        raise ModuleNotFoundError(missing, name=missing)

    at_import(fail)
    with pytest.raises(ImportError, match=match):
        compat.import_paddle()


def test_version_is_that_of_the_installed_paddle(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read without importing Paddle; None if none is installed."""
    import paddle

    assert paddle.version.full_version == compat.installed_paddle()
    monkeypatch.setattr(compat, "PADDLE_DISTRIBUTIONS", ("no-such-distribution",))
    assert compat.installed_paddle() is None


@pytest.mark.parametrize("dtype", ["int64", "float32", "float64"])
def test_tensor_of_copies_an_array(dtype: str) -> None:
    """Values, shape and dtype are the same, and no memory is shared."""
    array = np.arange(6).reshape(2, 3).astype(dtype)
    tensor = compat.tensor_of(array)
    array[:] = 0

    assert tensor.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert str(tensor.dtype) == f"paddle.{dtype}"


@pytest.mark.skipif(not PAGES.exists(), reason="needs /proc, which only Linux has")
def test_tensor_of_does_not_leak() -> None:
    """With the leak of `paddle.to_tensor` since Paddle 3.2, 113 bytes per call, 0.6 MB would stay.

    Measured: 0 to 4 bytes per call (Paddle 2.6.2 and 3.3.1, November 2026).
    """
    array = np.zeros((16, 10), dtype=np.int64)

    def resident() -> int:
        gc.collect()
        return int(PAGES.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    for _ in range(2000):
        compat.tensor_of(array)
    before = resident()
    for _ in range(5000):
        compat.tensor_of(array)

    assert resident() - before < 5000 * 40
