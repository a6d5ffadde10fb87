"""A run in a picture."""

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnn_core import History, TrainConfig
from rnn_core.commands.plot import check_plot_path, draw, save_plot
from tests.helpers.histories import empty_history, make_history

pytest.importorskip("matplotlib", reason="matplotlib, an optional extra, is not installed")
from matplotlib.text import Annotation


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


def test_draws_loss_accuracy_and_every_norm() -> None:
    """What was recorded is what is drawn, norms and loss on logarithmic axes."""
    loss, accuracy, norms = draw(make_history()).axes

    assert lines(loss) == {"loss": [4.0, 3.0, 2.0, 1.0]}
    assert accuracy.get_lines()[0].get_xydata().tolist() == [[2, 0.5], [4, 1.0]]  # type: ignore[union-attr]
    assert lines(norms) == {
        "recurrent.W": [1.0, 2.0, 3.0, 4.0],
        "linear.bias": [5.0, 6.0, 7.0, 8.0],
    }
    assert [axes.get_yscale() for axes in (loss, accuracy, norms)] == ["log", "linear", "log"]


def test_marks_what_happened() -> None:
    """Explosion, zeros and NaN are marked at their steps, in every panel."""
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


def test_zeros_and_nan_end_a_line() -> None:
    """What has no place on a logarithmic axis is left out, not drawn as something else."""
    drawn = lines(draw(exploding()).axes[2])

    np.testing.assert_array_equal([1.0, 2.0, np.nan, np.nan], drawn["recurrent.W"])
    np.testing.assert_array_equal([3.0, 4.0, 5.0, np.nan], drawn["linear.bias"])


def test_long_runs_show_the_largest_of_each_epoch() -> None:
    """Past 100 steps a point is an epoch's largest value, its last and partial epoch too."""
    steps = np.arange(1.0, 403.0)
    history = make_history(
        loss=steps,
        raw_norms={"W": steps},
        clipped_norms={"W": steps},
        accuracy=np.ones(2),
        epoch_ends=np.array([200, 400]),
    )

    assert lines(draw(history).axes[0]) == {"loss": [200.0, 400.0, 402.0]}


def test_the_lstms_norms_get_four_panels() -> None:
    """Fifteen lines would not fit one panel: w, u, b and the rest have their own."""
    names = [f"recurrent.{kind}_{gate}" for kind in "wub" for gate in "ifoa"]
    names += ["embedding.weight", "linear.weight", "linear.bias"]
    norms = {name: np.ones(4) for name in names}
    figure = draw(make_history(raw_norms=norms, clipped_norms=norms))

    panels = [list(lines(axes)) for axes in figure.axes[2:]]
    assert panels == [names[:4], names[4:8], names[8:12], names[12:]]


def test_every_line_is_drawn_however_many() -> None:
    """Past eight lines in a panel, colours come again, and no line is lost."""
    norms = {f"name{index}": np.ones(4) for index in range(10)}
    figure = draw(make_history(raw_norms=norms, clipped_norms=norms))

    assert list(norms) == list(lines(figure.axes[2]))


def test_shows_the_threshold() -> None:
    """Where gradients are clipped, a line stands at the threshold."""
    norms = draw(make_history(config=TrainConfig(clip_norm=2.5))).axes[2]

    assert [2.5, 2.5] in [np.asarray(line.get_ydata()).tolist() for line in norms.get_lines()]


def test_the_whole_picture() -> None:
    """Titles, labels, colours, sizes and places: whoever changes the look changes this too."""
    config = TrainConfig(clip_norm=2.5, learning_rate=0.5, seed=7)
    loss = np.array([1.0, 2e6, 3.0, 4.0])
    figure = draw(make_history(config=config, loss=loss))

    mark = ("#D55E00", "--", "None", 1.0)
    assert (
        figure.get_suptitle()
    ) == "RNN, learning rate 0.5, clip by-norm 2.5, seed 7, Paddle 9.9.9"
    assert tuple(figure.get_size_inches()) == (8.0, 7.5)
    assert type(figure.get_layout_engine()).__name__ == "ConstrainedLayoutEngine"
    assert [
        (
            axes.get_ylabel(),
            axes.get_xlabel(),
            axes.get_yscale(),
            [
                (line.get_color(), line.get_linestyle(), line.get_marker(), line.get_linewidth())
                for line in axes.get_lines()
            ],
        )
        for axes in figure.axes
    ] == [
        ("loss (mean squared error)", "", "log", [("#000000", "-", ".", 1.0), mark]),
        ("accuracy", "", "linear", [("#000000", "-", ".", 1.0), mark]),
        (
            "gradient norm",
            "step (every step; gradient norms before clipping)",
            "log",
            [
                ("#0072B2", "-", ".", 1.0),
                ("#D55E00", "-", ".", 1.0),
                ("#999999", "-", "None", 0.8),
                mark,
            ],
        ),
    ]
    loss_axes, accuracy, norms = figure.axes
    assert accuracy.get_ylim() == (-0.05, 1.05)
    assert loss_axes.get_gridspec().get_height_ratios() == (2, 1, 3)  # type: ignore[union-attr]
    assert loss_axes.get_shared_x_axes().joined(loss_axes, norms)
    legend = norms.get_legend()
    assert legend is not None
    assert legend._ncols == 2  # type: ignore[attr-defined]
    assert legend._fontsize == pytest.approx(8.33, abs=0.01)  # type: ignore[attr-defined]
    (text,) = (text for text in loss_axes.texts if isinstance(text, Annotation))
    assert text.xy == (2, 0.98)
    assert text.xyann == (-2, 0)
    assert text.xycoords == ("data", "axes fraction")
    assert text.anncoords == "offset points"
    assert (text.get_color(), text.get_rotation()) == ("#D55E00", 90.0)
    assert (text.get_verticalalignment(), text.get_horizontalalignment()) == ("top", "right")


def test_without_clipping_the_title_says_so() -> None:
    """No clipping is told in words."""
    assert ", no clipping, seed 0" in draw(make_history()).get_suptitle()


@pytest.mark.parametrize(
    ("steps", "points", "marker", "shown"),
    [(100, 100, ".", "every step"), (101, 2, ".", "largest of each epoch")],
)
def test_where_a_run_is_long(steps: int, points: int, marker: str, shown: str) -> None:
    """Up to 100 steps each is drawn, with a point; past that, each epoch."""
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


def test_draws_recorded_steps_where_they_were() -> None:
    """Where every third step was recorded, values stand at these steps, and the axis says so."""
    config, recorded = TrainConfig(epochs=4, record=3), np.array([3, 6, 9, 12])
    figure = draw(make_history(config=config, steps=13, recorded=recorded))

    (line,) = figure.axes[0].get_lines()
    assert line.get_xydata().tolist() == [[3, 4.0], [6, 3.0], [9, 2.0], [12, 1.0]]  # type: ignore[union-attr]
    assert "step (every recorded step; " in figure.axes[2].get_xlabel()


def test_long_runs_show_the_largest_recorded_step_of_each_epoch() -> None:
    """Past 100 records, a point is the largest of an epoch's records, at the last of them."""
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
        # The second epoch has one step, and no record.
        epoch_ends=np.array([100, 101, 300]),
    )
    figure = draw(history)

    (line,) = figure.axes[0].get_lines()
    assert line.get_xydata().tolist() == [[99, 99.0], [300, 300.0], [402, 402.0]]  # type: ignore[union-attr]
    assert "step (largest of each epoch; " in figure.axes[2].get_xlabel()


def test_long_runs_without_an_epoch_in_their_first_records() -> None:
    """Epochs that ended before the first record have no point."""
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


def test_draws_a_run_that_recorded_nothing(tmp_path: Path) -> None:
    """A trained run without a record has an empty picture."""
    none = empty_history(config=TrainConfig(record=0), outcome="finished", steps=20)
    figure = draw(none)

    assert lines(figure.axes[0]) == {"loss": []}
    save_plot(none, tmp_path / "run.svg")


def test_many_epochs_are_a_line_without_points() -> None:
    """More than 100 points would be a block of colour."""
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
    assert list(range(3, 304, 3)) == np.asarray(line.get_xdata()).tolist()


def test_eight_lines_fit_one_panel() -> None:
    """There are as many colours."""
    names = [f"{layer}_{index}" for layer in ("recurrent.w", "linear.w") for index in range(4)]
    norms = {name: np.ones(4) for name in names}

    assert len(draw(make_history(raw_norms=norms, clipped_norms=norms)).axes) == 3


def test_four_panels_are_as_high_as_they_need() -> None:
    """The picture grows with its panels, each as high as the loss."""
    names = [f"recurrent.{kind}_{gate}" for kind in "wub" for gate in "ifoa"]
    norms = {name: np.ones(4) for name in [*names, "linear.bias"]}
    figure = draw(make_history(raw_norms=norms, clipped_norms=norms))

    assert tuple(figure.get_size_inches()) == (8.0, 15.0)
    assert figure.axes[0].get_gridspec().get_height_ratios() == (2, 1, 2, 2, 2, 2)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("suffix", "start"), [(".svg", b"<?xml"), (".png", b"\x89PNG"), (".PDF", b"%PDF")]
)
def test_writes_the_format_of_the_name(tmp_path: Path, suffix: str, start: bytes) -> None:
    """The file is what its name says, and whole."""
    path = tmp_path / f"run{suffix}"
    save_plot(exploding(), path)

    assert path.read_bytes().startswith(start)
    assert list(tmp_path.iterdir()) == [path]


def test_draws_an_empty_run(tmp_path: Path) -> None:
    """A run that was interrupted in its first step has an empty picture."""
    save_plot(empty_history(), tmp_path / "run.svg")


def test_refuses_what_cannot_be_drawn(tmp_path: Path) -> None:
    """Another ending, or a directory that is not there, is refused before the run."""
    with pytest.raises(ValueError, match=r"must end in \.svg, \.png or \.pdf, got 'run\.gif'"):
        check_plot_path(tmp_path / "run.gif")
    with pytest.raises(FileNotFoundError, match="is not a directory$"):
        check_plot_path(tmp_path / "nowhere" / "run.svg")


def test_tells_how_to_get_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without matplotlib the error says what to install."""
    real = builtins.__import__

    def without_matplotlib(name: str, *args: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without_matplotlib)
    with pytest.raises(ImportError, match="^a plot needs matplotlib: pip install matplotlib$"):
        check_plot_path(tmp_path / "run.svg")
