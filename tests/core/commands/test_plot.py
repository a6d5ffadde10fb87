"""The plot of a run."""

import importlib
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib._pylab_helpers import Gcf

from rnn_core import History
from rnn_core.commands import plot
from rnn_core.commands.plot import check_plot_path, save_plot
from tests.helpers.histories import empty_history, make_history


def exploding() -> History:
    """A made-up run that explodes at step 2, vanishes at 3 and is NaN at 4."""
    return make_history(
        loss=np.array([1.0, 2e6, 3e6, np.nan]),
        raw_norms={
            "recurrent.W": np.array([1.0, 2.0, 0.0, np.nan]),
            "linear.bias": np.array([3.0, 4.0, 5.0, np.inf]),
        },
    )


@pytest.mark.parametrize(
    ("history", "suffix", "start"),
    [
        (exploding(), ".svg", b"<?xml"),
        (exploding(), ".PDF", b"%PDF"),
        (empty_history(), ".png", b"\x89PNG"),
    ],
    ids=["svg", "pdf", "empty"],
)
def test_suffix_sets_format(history: History, suffix: str, start: bytes, tmp_path: Path) -> None:
    """The file is complete, even for a run that was interrupted in its first step.

    Nothing is kept but the file.
    """
    path = tmp_path / f"run{suffix}"
    style = dict(matplotlib.rcParams)
    save_plot(history, str(path))

    assert (Gcf.figs, dict(matplotlib.rcParams)) == ({}, style)
    assert path.read_bytes().startswith(start)
    assert list(tmp_path.iterdir()) == [path]


def test_failed_plot_keeps_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left of the new one."""

    def savefig(self: object, file: Any, **options: object) -> None:  # noqa: ARG001
        with file.open("wb") if isinstance(file, Path) else nullcontext(file) as opened:
            opened.write(b"part")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", savefig)
    (tmp_path / "run.svg").write_text("old")
    with pytest.raises(OSError, match="No space left"):
        save_plot(exploding(), tmp_path / "run.svg")

    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_check_names_missing_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install. Only plots need it."""
    for name in ("", ".axes", ".figure"):
        monkeypatch.setitem(sys.modules, f"matplotlib{name}", None)
    importlib.reload(plot)

    with pytest.raises(ImportError, match="^a plot needs matplotlib: pip install matplotlib$"):
        check_plot_path(tmp_path / "run.svg")
