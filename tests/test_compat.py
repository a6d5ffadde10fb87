"""Paddle 2 beside NumPy 2 is refused before it can end the process."""

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
    ],
)
def test_numpy_beside_paddle(
    monkeypatch: pytest.MonkeyPatch, paddle: str | None, numpy: str, allowed: bool
) -> None:
    """Only Paddle 2 with NumPy 2 or newer is refused, with what to install."""
    monkeypatch.setattr(compat, "installed_paddle", lambda: paddle)
    monkeypatch.setattr("importlib.metadata.version", lambda _: numpy)

    if allowed:
        compat.check_numpy()
    else:
        with pytest.raises(ImportError, match='install "numpy<2" beside it, or Paddle 3'):
            compat.check_numpy()


def test_finds_the_installed_paddle() -> None:
    """The version that is read without importing Paddle is the imported one's."""
    import paddle

    assert paddle.version.full_version == compat.installed_paddle()
