"""Paddle 2 beside NumPy 2 is refused, and arrays become tensors without a leak."""

import builtins
import gc
import os
import warnings
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
        # What a build of Paddle's development branch calls itself.
        ("0.0.0", "2.5.0", True),
    ],
)
def test_numpy_beside_paddle(
    monkeypatch: pytest.MonkeyPatch, paddle: str | None, numpy: str, allowed: bool
) -> None:
    """Only Paddle 2 with NumPy 2 or newer is refused, with what to install."""
    monkeypatch.setattr(compat, "installed_paddle", lambda: paddle)
    monkeypatch.setattr("importlib.metadata.version", {"numpy": numpy}.__getitem__)

    if allowed:
        compat.check_numpy()
    else:
        with pytest.raises(ImportError, match='install "numpy<2" or Paddle 3'):
            compat.check_numpy()


@pytest.mark.parametrize("message", compat.IDLE_WARNINGS)
def test_idle_warnings_of_the_import_are_not_shown(
    monkeypatch: pytest.MonkeyPatch, message: str
) -> None:
    """What Paddle warns of at import, and is no news here, stays quiet: tests make it an error."""
    warn_at_import(monkeypatch, f"{message} and more", UserWarning)

    compat.import_paddle()


@pytest.mark.parametrize(
    ("message", "category"),
    [("something new", UserWarning), (compat.IDLE_WARNINGS[0], DeprecationWarning)],
)
def test_other_warnings_of_the_import_are(
    monkeypatch: pytest.MonkeyPatch, message: str, category: type[Warning]
) -> None:
    """A warning that nobody expects gets through."""
    warn_at_import(monkeypatch, message, category)

    with pytest.warns(category, match=message):
        compat.import_paddle()


def warn_at_import(monkeypatch: pytest.MonkeyPatch, message: str, category: type[Warning]) -> None:
    """Play a Paddle that warns when it is imported."""
    real = builtins.__import__

    def importing(name: str, *args: Any) -> Any:
        if name == "paddle":
            warnings.warn(message, category, stacklevel=1)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", importing)


@pytest.mark.parametrize(
    ("missing", "match"),
    [
        (
            "paddle",
            "^Paddle is not installed: pip install paddlepaddle, or paddlepaddle-gpu$",
        ),
        ("x", "^x$"),
    ],
)
def test_tells_how_to_get_paddle(monkeypatch: pytest.MonkeyPatch, missing: str, match: str) -> None:
    """Without Paddle the error says what to install; what Paddle itself misses is its own error."""
    real = builtins.__import__

    def importing(name: str, *args: Any) -> Any:
        if name == "paddle":
            raise ModuleNotFoundError(missing, name=missing)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", importing)
    with pytest.raises(ImportError, match=match):
        compat.import_paddle()


def test_no_paddle_is_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Paddle is not installed, there is no version, and nothing to refuse."""
    monkeypatch.setattr(compat, "PADDLE_DISTRIBUTIONS", ("no-such-distribution",))

    assert compat.installed_paddle() is None


def test_finds_the_installed_paddle() -> None:
    """The version that is read without importing Paddle is the imported one's."""
    import paddle

    assert paddle.version.full_version == compat.installed_paddle()


@pytest.mark.parametrize("dtype", ["int64", "float32", "float64"])
def test_tensor_of_an_array(dtype: str) -> None:
    """Numbers, shape and dtype are the array's, and the tensor keeps none of its memory."""
    array = np.arange(6).reshape(2, 3).astype(dtype)
    tensor = compat.tensor_of(array)
    array[:] = 0

    assert tensor.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert str(tensor.dtype) == f"paddle.{dtype}"


@pytest.mark.skipif(not PAGES.exists(), reason="counts resident pages as Linux does")
def test_tensor_of_leaves_nothing_behind() -> None:
    """Of 113 bytes a call, as by `paddle.to_tensor` on Paddle 3.3.1, 20000 calls would leave 2 MB.

    0 to 4 bytes a call were measured (Paddle 2.6.2 and 3.3.1, November 2026).
    """
    array = np.zeros((16, 10), dtype=np.int64)

    def resident() -> int:
        gc.collect()
        return int(PAGES.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    for _ in range(2000):
        compat.tensor_of(array)
    before = resident()
    for _ in range(20_000):
        compat.tensor_of(array)

    assert resident() - before < 20_000 * 40
