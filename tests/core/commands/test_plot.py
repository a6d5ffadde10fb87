"""The plot of a run."""

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnn_core import History, TrainConfig
from rnn_core.commands.plot import check_plot_path, draw, save_plot
from tests.helpers.histories import empty_history, make_history

pytest.importorskip("matplotlib", reason="matplotlib, an optional extra, is not installed")


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


def test_plot_has_loss_accuracy_and_every_norm() -> None:
    """Loss and norms have logarithmic axes."""
    loss, accuracy, norms = draw(make_history()).axes

    assert lines(loss) == {"loss": [4.0, 3.0, 2.0, 1.0]}
    assert accuracy.get_lines()[0].get_xydata().tolist() == [[2, 0.5], [4, 1.0]]  # type: ignore[union-attr]
    assert lines(norms) == {
        "recurrent.W": [1.0, 2.0, 3.0, 4.0],
        "linear.bias": [5.0, 6.0, 7.0, 8.0],
    }
    assert [axes.get_yscale() for axes in (loss, accuracy, norms)] == ["log", "linear", "log"]


def test_plot_marks_events_in_every_panel() -> None:
    """Explosion, zeros and NaN are marked at their steps."""
    figure = draw(exploding())

    texts = [text.get_text().strip() for text in figure.axes[0].texts]
    assert texts == ["exploded, step 2", "vanished, step 3", "non-finite, step 4"]
    for axes in figure.axes:
        marks = [
            float(np.asarray(line.get_xdata())[0])
            for line in axes.get_lines()
            if line.get_linestyle() == "--"
        ]
        assert marks == [2, 3, 4]


def test_lines_end_at_zeros_and_nan() -> None:
    """A logarithmic axis cannot show them."""
    drawn = lines(draw(exploding()).axes[2])

    np.testing.assert_array_equal([1.0, 2.0, np.nan, np.nan], drawn["recurrent.W"])
    np.testing.assert_array_equal([3.0, 4.0, 5.0, np.nan], drawn["linear.bias"])


def test_long_runs_show_the_largest_of_each_epoch() -> None:
    """Above 100 steps, a point is the largest value of an epoch, which may be partial."""
    steps = np.arange(1.0, 403.0)
    history = make_history(
        loss=steps,
        raw_norms={"W": steps},
        clipped_norms={"W": steps},
        accuracy=np.ones(2),
        epoch_ends=np.array([200, 400]),
    )

    assert lines(draw(history).axes[0]) == {"loss": [200.0, 400.0, 402.0]}


def test_norms_of_the_lstm_have_four_panels() -> None:
    """One each for w, u, b and the rest."""
    names = [f"recurrent.{kind}_{gate}" for kind in "wub" for gate in "ifoa"]
    names += ["embedding.weight", "linear.weight", "linear.bias"]
    norms = {name: np.ones(4) for name in names}
    figure = draw(make_history(raw_norms=norms, clipped_norms=norms))

    panels = [list(lines(axes)) for axes in figure.axes[2:]]
    assert panels == [names[:4], names[4:8], names[8:12], names[12:]]


def test_more_lines_than_colours_are_all_drawn() -> None:
    """Above eight lines in a panel, colours repeat."""
    norms = {f"name{index}": np.ones(4) for index in range(10)}
    figure = draw(make_history(raw_norms=norms, clipped_norms=norms))

    assert list(norms) == list(lines(figure.axes[2]))


def test_plot_shows_the_clipping_threshold() -> None:
    """As a horizontal line."""
    norms = draw(make_history(config=TrainConfig(clip_norm=2.5))).axes[2]

    assert [2.5, 2.5] in [np.asarray(line.get_ydata()).tolist() for line in norms.get_lines()]


def test_title_and_axes_name_settings_and_quantities() -> None:
    """The axes are logarithmic except for the accuracy."""
    config = TrainConfig(clip_norm=2.5, learning_rate=0.5, seed=7)
    figure = draw(make_history(config=config))
    loss, accuracy, norms = figure.axes

    title = "RNN, learning rate 0.5, clip by-norm 2.5, seed 7, Paddle 9.9.9"
    assert figure.get_suptitle() == title
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "loss (mean squared error)",
        "accuracy",
        "gradient norm",
    ]
    assert [axes.get_yscale() for axes in figure.axes] == ["log", "linear", "log"]
    assert norms.get_xlabel() == "step (every step; gradient norms before clipping)"
    assert accuracy.get_ylim() == (-0.05, 1.05)
    assert loss.get_shared_x_axes().joined(loss, norms)


def test_title_says_no_clipping() -> None:
    """If nothing is clipped."""
    assert ", no clipping, seed 0" in draw(make_history()).get_suptitle()


@pytest.mark.parametrize(
    ("steps", "points", "marker", "shown"),
    [(100, 100, ".", "every step"), (101, 2, ".", "largest of each epoch")],
)
def test_up_to_100_steps_are_drawn_one_by_one(
    steps: int, points: int, marker: str, shown: str
) -> None:
    """Longer runs are drawn by epochs."""
    values = np.ones(steps)
    history = make_history(
        loss=values,
        raw_norms={"W": values},
        clipped_norms={"W": values},
        accuracy=np.ones(1),
        epoch_ends=np.array([100]),
    )
    figure = draw(history)

    (line,) = figure.axes[0].get_lines()
    assert len(np.asarray(line.get_ydata())) == points
    assert line.get_marker() == marker
    assert f"step ({shown}; " in figure.axes[2].get_xlabel()


def test_recorded_steps_are_drawn_at_their_numbers() -> None:
    """With every third step recorded, as the axis says."""
    config, recorded = TrainConfig(epochs=4, record=3), np.array([3, 6, 9, 12])
    figure = draw(make_history(config=config, steps=13, recorded=recorded))

    (line,) = figure.axes[0].get_lines()
    assert line.get_xydata().tolist() == [[3, 4.0], [6, 3.0], [9, 2.0], [12, 1.0]]  # type: ignore[union-attr]
    assert "step (every recorded step; " in figure.axes[2].get_xlabel()


def test_long_runs_show_the_largest_recorded_step_of_each_epoch() -> None:
    """Above 100 recorded steps, the point stands at the last recorded step of the epoch."""
    recorded = np.arange(3, 403, 3)
    values = recorded / 1.0
    history = make_history(
        config=TrainConfig(record=3),
        steps=403,
        recorded=recorded,
        loss=values,
        raw_norms={"W": values},
        clipped_norms={"W": values},
        accuracy=np.ones(3),
        # The second epoch has one step, which is not recorded.
        epoch_ends=np.array([100, 101, 300]),
    )
    figure = draw(history)

    (line,) = figure.axes[0].get_lines()
    assert line.get_xydata().tolist() == [[99, 99.0], [300, 300.0], [402, 402.0]]  # type: ignore[union-attr]
    assert "step (largest of each epoch; " in figure.axes[2].get_xlabel()


def test_epochs_before_the_first_recorded_step_have_no_point() -> None:
    """In long runs."""
    values = np.ones(101)
    history = make_history(
        config=TrainConfig(record=10),
        steps=1010,
        recorded=np.arange(10, 1011, 10),
        loss=values,
        raw_norms={"W": values},
        clipped_norms={"W": values},
        accuracy=np.ones(3),
        epoch_ends=np.array([4, 8, 12]),
    )

    (line,) = draw(history).axes[0].get_lines()
    assert np.asarray(line.get_xdata()).tolist() == [10, 1010]


def test_plot_of_a_run_that_recorded_nothing_is_empty(tmp_path: Path) -> None:
    """The file is still written."""
    none = empty_history(config=TrainConfig(record=0), outcome="finished", steps=20)
    figure = draw(none)

    assert lines(figure.axes[0]) == {"loss": []}
    save_plot(none, tmp_path / "run.svg")


def test_many_epochs_are_a_line_without_points() -> None:
    """More than 100 points would fill the plot with colour."""
    values = np.ones(303)
    history = make_history(
        loss=values,
        raw_norms={"W": values},
        clipped_norms={"W": values},
        accuracy=np.ones(101),
        epoch_ends=np.arange(3, 304, 3),
    )

    (line,) = draw(history).axes[0].get_lines()
    assert line.get_marker() == "None"
    assert np.asarray(line.get_xdata()).tolist() == list(range(3, 304, 3))


def test_eight_lines_fit_one_panel() -> None:
    """There are eight colours."""
    names = [f"{layer}_{index}" for layer in ("recurrent.w", "linear.w") for index in range(4)]
    norms = {name: np.ones(4) for name in names}

    assert len(draw(make_history(raw_norms=norms, clipped_norms=norms)).axes) == 3


@pytest.mark.parametrize(
    ("suffix", "start"), [(".svg", b"<?xml"), (".png", b"\x89PNG"), (".PDF", b"%PDF")]
)
def test_save_plot_writes_the_format_of_the_suffix(
    tmp_path: Path, suffix: str, start: bytes
) -> None:
    """The file is complete."""
    path = tmp_path / f"run{suffix}"
    save_plot(exploding(), path)

    assert path.read_bytes().startswith(start)
    assert list(tmp_path.iterdir()) == [path]


def test_plot_of_an_empty_run_is_empty(tmp_path: Path) -> None:
    """A run can be interrupted in its first step."""
    save_plot(empty_history(), tmp_path / "run.svg")


def test_check_plot_path_rejects_other_suffixes_and_missing_directories(tmp_path: Path) -> None:
    """Before the run."""
    with pytest.raises(ValueError, match=r"must end in \.svg, \.png or \.pdf, got 'run\.gif'"):
        check_plot_path(tmp_path / "run.gif")
    with pytest.raises(FileNotFoundError, match="is not a directory$"):
        check_plot_path(tmp_path / "nowhere" / "run.svg")


def test_check_plot_path_names_the_missing_matplotlib(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what to install."""
    real = builtins.__import__

    def without_matplotlib(name: str, *args: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without_matplotlib)
    with pytest.raises(ImportError, match="^a plot needs matplotlib: pip install matplotlib$"):
        check_plot_path(tmp_path / "run.svg")
