"""The plot of a run."""

import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnn_core import History, TrainConfig
from rnn_core.commands.plot import check_plot_path, draw, save_plot
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


def lines(axes: Any) -> dict[str, list[float]]:
    """The drawn values of each labelled line."""
    return {
        line.get_label(): line.get_ydata().tolist()
        for line in axes.get_lines()
        if not line.get_label().startswith("_")
    }


def looks(line: Any) -> tuple[str, str, float]:
    """Colour, marker and width of a line."""
    return line.get_color(), line.get_marker(), line.get_linewidth()


def test_plot_has_loss_accuracy_and_every_norm() -> None:
    """Loss and norms have logarithmic axes, and each line its colour."""
    figure = draw(make_history())
    loss, accuracy, norms = figure.axes

    assert lines(loss) == {"loss": [4.0, 3.0, 2.0, 1.0]}
    assert accuracy.get_lines()[0].get_xydata().tolist() == [[2, 0.5], [4, 1.0]]  # type: ignore[union-attr]
    assert lines(norms) == {
        "recurrent.W": [1.0, 2.0, 3.0, 4.0],
        "linear.bias": [5.0, 6.0, 7.0, 8.0],
    }
    assert [axes.get_yscale() for axes in (loss, accuracy, norms)] == ["log", "linear", "log"]
    assert accuracy.get_ylim() == (-0.05, 1.05)
    assert [looks(line) for axes in figure.axes for line in axes.get_lines()] == [
        (color, ".", 1.0) for color in ("#000000", "#000000", "#0072B2", "#D55E00")
    ]


def test_plot_marks_events_in_every_panel() -> None:
    """Explosion, zeros and NaN are marked at their steps.

    Lines end at zeros and NaN, which a logarithmic axis cannot show.
    """
    figure = draw(exploding())

    texts: list[Any] = list(figure.axes[0].texts)
    colors = ["#D55E00", "#0072B2", "#000000"]
    assert [(text.get_text(), text.get_color(), text.xy) for text in texts] == [
        ("exploded, step 2 ", colors[0], (2, 0.98)),
        ("vanished, step 3 ", colors[1], (3, 0.98)),
        ("non-finite, step 4 ", colors[2], (4, 0.98)),
    ]
    for text in texts:
        assert (text.xycoords, text.anncoords) == (("data", "axes fraction"), "offset points")
        assert (text.xyann, text.get_rotation()) == ((-2, 0), 90.0)
        assert (text.get_va(), text.get_ha()) == ("top", "right")
    for axes in figure.axes:
        marks = [
            (float(np.asarray(line.get_xdata())[0]), *looks(line))
            for line in axes.get_lines()
            if line.get_linestyle() == "--"
        ]
        assert marks == [(2 + k, colors[k], "None", 1.0) for k in range(3)]
    drawn = lines(figure.axes[2])
    np.testing.assert_array_equal([1.0, 2.0, np.nan, np.nan], drawn["recurrent.W"])
    np.testing.assert_array_equal([3.0, 4.0, 5.0, np.nan], drawn["linear.bias"])


LSTM_NAMES = [f"recurrent.{kind}_{gate}" for kind in "wub" for gate in "ifoa"]
REST = ["embedding.weight", "linear.weight", "linear.bias"]
TEN = [f"name{index}" for index in range(10)]


@pytest.mark.parametrize(
    ("names", "panels", "heights"),
    [
        ([*LSTM_NAMES, *REST], [LSTM_NAMES[:4], LSTM_NAMES[4:8], LSTM_NAMES[8:], REST], [2] * 4),
        (LSTM_NAMES[:8], [LSTM_NAMES[:8]], [3]),  # As many as there are colours.
        (TEN, [TEN], [3]),  # Colours repeat.
    ],
)
def test_norms_of_the_lstm_have_four_panels(
    names: list[str], panels: list[list[str]], heights: list[int]
) -> None:
    """There is one each for w, u, b and the rest; the figure grows with them."""
    norms = dict.fromkeys(names, np.ones(4))
    figure = draw(make_history(raw_norms=norms, clipped_norms=norms))

    assert [list(lines(axes)) for axes in figure.axes[2:]] == panels
    grid: Any = figure.axes[0].get_gridspec()
    assert list(grid.get_height_ratios()) == [2, 1, *heights]
    assert figure.get_size_inches().tolist() == [8, 5 + 2.5 * len(panels)]


def test_title_and_axes_name_settings_and_quantities() -> None:
    """The threshold is drawn as a horizontal line."""
    config = TrainConfig(clip_norm=2.5, learning_rate=0.5, seed=7)
    figure = draw(make_history(config=config))
    loss, _, norms = figure.axes

    title = "RNN, learning rate 0.5, clip by-norm 2.5, seed 7, Paddle 9.9.9"
    assert figure.get_suptitle() == title
    assert ", no clipping, seed 0" in draw(make_history()).get_suptitle()
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert labels == ["loss (mean squared error)", "accuracy", "gradient norm"]
    levels = [(np.asarray(line.get_ydata()).tolist(), *looks(line)) for line in norms.get_lines()]
    assert levels[-1] == ([2.5, 2.5], "#999999", "None", 0.8)
    assert loss.get_shared_x_axes().joined(loss, norms)


@pytest.mark.parametrize(
    ("record", "steps", "ends", "points", "marker", "shown"),
    [
        (1, 100, [100], range(1, 101), ".", "every step"),
        (3, 13, [4, 8, 12], [3, 6, 9, 12], ".", "every recorded step"),
        (1, 101, [100], [100, 101], ".", "largest of each epoch"),
        # The second epoch has one step, which is not recorded.
        (3, 403, [100, 101, 300], [99, 300, 402], ".", "largest of each epoch"),
        # Epochs before the first recorded step have no point.
        (10, 1010, [4, 8, 12], [10, 1010], ".", "largest of each epoch"),
        # More than 100 points would fill the plot with colour.
        (1, 303, range(3, 304, 3), range(3, 304, 3), "None", "largest of each epoch"),
        (0, 20, [], [], ".", "every recorded step"),
    ],
)
def test_points_are_recorded_steps_or_in_long_runs_epochs(
    record: int, steps: int, ends: list[int], points: list[int], marker: str, shown: str
) -> None:
    """Above 100 recorded steps, a point is the largest value of an epoch, which may be partial."""
    recorded = np.arange(record, steps + 1, record) if record else np.array([], dtype=np.int64)
    figure = draw(
        make_history(
            config=TrainConfig(record=record),
            steps=steps,
            recorded=recorded,
            loss=steps + record - recorded / 1.0,
            accuracy=np.ones(len(ends)),
            epoch_ends=np.array(ends, dtype=np.int64),
        )
    )

    (line,) = figure.axes[0].get_lines()
    # The loss decreases, so the first value of a point is the largest.
    largest = [[point, steps - before] for before, point in pairwise([0, *points])]
    assert line.get_xydata().tolist() == largest  # type: ignore[union-attr]
    assert line.get_marker() == marker
    assert f"step ({shown}; gradient norms before clipping)" == figure.axes[2].get_xlabel()


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
    """The file is complete, even for a run that was interrupted in its first step."""
    path = tmp_path / f"run{suffix}"
    save_plot(history, path)

    assert path.read_bytes().startswith(start)
    assert list(tmp_path.iterdir()) == [path]


def test_check_names_missing_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(ImportError, match="^a plot needs matplotlib: pip install matplotlib$"):
        check_plot_path(tmp_path / "run.svg")
