"""Paddle 2 beside NumPy 2 is refused before it can end the process."""

import builtins
import warnings
from typing import Any

import pytest

from rnn_core import compat


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
        with pytest.raises(ImportError, match='install "numpy<2" beside it, or Paddle 3'):
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
