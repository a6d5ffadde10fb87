"""Plot of a run: loss, accuracy and all gradient norms."""

from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnn_core.config import check_path, check_type
from rnn_core.history import Event, EventKind, History, Values
from rnn_core.runtime.files import check_writable, write_whole
from rnn_core.runtime.messages import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Steps = NDArray[np.int64]

FORMATS = (".svg", ".png", ".pdf")

# Eight colours that people with colour blindness can tell apart: Okabe and Ito (2008).
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
# Largest number of steps that are drawn one by one; more would fill the plot with colour.
LONG_RUN = 100
EVENT_COLORS: dict[EventKind, str] = {
    "exploded": "#D55E00",
    "vanished": "#0072B2",
    "non-finite": "#000000",
}


def check_plot_path(path: Path) -> None:
    """Check, before a run, that its plot can be drawn and written.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: the suffix is not one of `FORMATS`.
        OSError: the file cannot be written.
    """
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"a plot must end in .svg, .png or .pdf, got {shown(path.name)}")
    check_writable(path)
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError("a plot needs matplotlib: pip install matplotlib") from error


def save_plot(history: History, path: str | Path) -> None:
    """Draw `history` into a file, completely or not at all.

    Raises:
        TypeError: `history` is not a `History`, or `path` is not a path.
        ImportError, ValueError, OSError: as `check_plot_path`.
    """
    check_type("history", history, History)
    check_path("path", path)
    path = Path(path)
    check_plot_path(path)
    write_figure(draw(history), path)


def write_figure(figure: "Figure", path: Path) -> None:
    """Write a figure in the format of the path's suffix, completely or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    with write_whole(path) as file:
        figure.savefig(file, format=path.suffix[1:])


def draw(history: History) -> "Figure":
    """Draw loss, accuracy and gradient norms before clipping, and mark the events.

    If more than 100 steps are recorded, the largest value of each epoch is drawn. A line ends at
    zeros, NaN and infinity, which a logarithmic axis cannot show; marks show the first event of
    each kind.
    """
    from matplotlib.figure import Figure

    panels = _panels(list(history.raw_norms))
    figure = Figure(figsize=(8, 5 + 2.5 * len(panels)), layout="constrained")
    figure.suptitle(_title(history))
    loss, accuracy, *gradients = figure.subplots(
        2 + len(panels),
        1,
        sharex=True,
        height_ratios=(2, 1, *(max(2, 4 - len(panels)),) * len(panels)),
    )
    steps, ends = history.recorded, _group_ends(history)
    _line(loss, history.loss, steps, ends, "loss", "#000000")
    loss.set(yscale="log", ylabel="loss (mean squared error)")
    accuracy.plot(history.epoch_ends, history.accuracy, color="#000000", marker=".", linewidth=1)
    accuracy.set(ylim=(-0.05, 1.05), ylabel="accuracy")
    for axes, names in zip(gradients, panels, strict=True):
        for color, name in zip(cycle(COLORS), names, strict=False):
            _line(axes, history.raw_norms[name], steps, ends, name, color)
        if history.config.clip_norm is not None:
            axes.axhline(history.config.clip_norm, color="#999999", linewidth=0.8)
        axes.set(yscale="log", ylabel="gradient norm")
        axes.legend(fontsize="small", ncols=2)
    shown = "every recorded step" if history.config.record != 1 else "every step"
    if len(ends) < len(steps):
        shown = "largest of each epoch"
    gradients[-1].set_xlabel(f"step ({shown}; gradient norms before clipping)")
    gradients[-1].xaxis.get_major_locator().set_params(integer=True)
    for event in history.events:
        for axes in (loss, accuracy, *gradients):
            axes.axvline(event.step, color=EVENT_COLORS[event.kind], linestyle="--", linewidth=1)
        _label(loss, event)
    return figure


def _title(history: History) -> str:
    """The settings that matter for the curves."""
    config = history.config
    clip = "no clipping" if config.clip_norm is None else f"clip {config.clip} {config.clip_norm:g}"
    return (
        f"{config.cell}, learning rate {config.learning_rate:g}, {clip}, seed {config.seed}, "
        f"Paddle {history.environment['paddle']}"
    )


def _group_ends(history: History) -> Steps:
    """Numbers of recorded steps up to the end of each drawn point: a step, or an epoch."""
    recorded = history.recorded
    if len(recorded) <= LONG_RUN:
        return np.arange(1, len(recorded) + 1)
    epochs = np.union1d(history.epoch_ends, history.steps)
    ends = np.unique(np.searchsorted(recorded, epochs, side="right"))
    return ends[ends > 0]


def _label(axes: "Axes", event: Event) -> None:
    """Write an event's kind and step beside its mark."""
    axes.annotate(
        f"{event.kind}, step {event.step} ",
        xy=(event.step, 0.98),
        xytext=(-2, 0),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        color=EVENT_COLORS[event.kind],
        rotation=90,
        verticalalignment="top",
        horizontalalignment="right",
    )


def _panels(names: list[str]) -> list[list[str]]:
    """One panel for the RNN's six parameters; for the LSTM one each for w, u, b and the rest."""
    if len(names) <= len(COLORS):
        return [names]
    groups = [[n for n in names if n.startswith(f"recurrent.{kind}_")] for kind in "wub"]
    rest = [n for n in names if not any(n in group for group in groups)]
    return [group for group in (*groups, rest) if group]


def _line(axes: "Axes", values: Values, steps: Steps, ends: Steps, label: str, color: str) -> None:
    """Draw the largest value of each group; `ends` are the numbers of values up to its end."""
    starts = np.concatenate([[0], ends[:-1]])
    largest = np.fmax.reduceat(values, starts) if len(values) else values
    shown = np.where(np.isfinite(largest) & (largest > 0), largest, np.nan)
    marker = "." if len(shown) <= LONG_RUN else None
    axes.plot(steps[ends - 1], shown, label=label, color=color, marker=marker, linewidth=1)
