"""The pictures: SVG from matplotlib, adapted for use inside a page.

A page has two colour schemes and unique ids. So colours become CSS variables, and every id gets the
name of the picture as a prefix.
"""

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from benchmarks.compare.chain import limits_of
from benchmarks.compare.measures import MEASURES
from benchmarks.compare.result import LARGEST_RATIO, Comparison
from benchmarks.report.curves import Curves, Point
from benchmarks.report.releases import Chart
from benchmarks.report.times import TimesBlock
from benchmarks.saved.saved_run import Measure
from benchmarks.text import significant, without_folders
from rnn_core.commands.plot import COLORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SVG = "http://www.w3.org/2000/svg"
XLINK = "{http://www.w3.org/1999/xlink}href"
# Placeholders for the colours of text and of thin lines; nothing else is drawn in these colours.
INK, THIN = "#010203", "#040506"
VARIABLES = {INK: "currentColor", THIN: "var(--line)"} | {
    color.lower(): f"var(--series-{number}, {color})" for number, color in enumerate(COLORS[:6], 1)
}
# Lines and marks differ not only by colour.
STYLES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P")
# Colours and markers of the verdicts worse, better, same and cannot tell.
VERDICT_LOOKS = ((COLORS[1], ">"), (COLORS[2], "<"), (COLORS[0], "o"), (INK, "x"))
# Number of characters; longer labels would leave too little room for the picture.
LONGEST_LABEL = 36
# In inches; fits a phone without scaling.
WIDTH = 4.8


# Text is stored as text, in the page's colour, and equal figures give equal files.
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "rnn_core",
    "font.size": 8.5,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.solid_capstyle": "butt",
    "grid.color": THIN,
    "grid.linewidth": 0.5,
}


@matplotlib.rc_context(STYLE)
def draw_curves(curves: Curves, key: str) -> Markup:
    """Draw gradient norms, loss and accuracy of one run."""
    return inline(
        curves_figure(curves),
        key,
        f"{curves.experiment}: gradient norms, loss and accuracy over the steps",
        f"{'; '.join(curves.events) or 'Nothing exploded or vanished'}. The table below holds "
        "every number that is drawn.",
    )


def curves_figure(curves: Curves) -> Figure:
    """Return the figure, before it is adapted for a page."""
    figure = Figure(figsize=(WIDTH, 6.2), layout="constrained")
    norms, loss, accuracy = figure.subplots(3, 1, sharex=True, height_ratios=(5, 2.2, 1.2))
    for index, (name, points) in enumerate(curves.norms.items()):
        _log_line(norms, curves.ends, points, plain(name), index)
    _log_line(loss, curves.ends, curves.loss, "loss", 6)
    _log_axis(norms, [point for points in curves.norms.values() for point in points])
    _log_axis(loss, curves.loss)
    clip = curves.history.config.clip_norm
    if clip is not None:
        norms.axhline(clip, color=INK, linewidth=0.8, label=f"clipped to {clip:g}")
    shares = np.array(curves.accuracy, dtype=np.float64)
    known = np.isfinite(shares)
    ends = np.array(curves.ends)[known]
    accuracy.plot(ends, shares[known], color=INK, marker=".", linewidth=1)
    accuracy.set(ylim=(-0.1, 1.1), ylabel="accuracy", xlabel="step")
    accuracy.set_yticks((0, 0.5, 1), ("0%", "50%", "100%"))
    beside: Any = {"rotation": 90, "ha": "right", "va": "top", "fontsize": 7}
    for event in curves.history.events:
        for axes in (norms, loss, accuracy):
            axes.axvline(event.step, color=INK, linestyle=":", linewidth=0.9)
        label = f"{event.kind}, step {event.step}"
        norms.text(event.step, 0.97, label, transform=norms.get_xaxis_transform(), **beside)
    accuracy.xaxis.set_major_locator(MaxNLocator(integer=True))
    norms.set_ylabel("gradient norm")
    loss.set_ylabel("loss")
    figure.legend(*norms.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


@matplotlib.rc_context(STYLE)
def draw_times(block: TimesBlock, key: str) -> Markup:
    """Draw medians and middle halves of one block's step times."""
    count = len(block.rows)
    figure = Figure(figsize=(WIDTH, 1.3 + 0.5 * count), layout="constrained")
    axes = figure.subplots()
    spread = np.linspace(-0.27, 0.27, max(2, len(block.implementations)))
    for index, name in enumerate(block.implementations):
        look: Any = {"color": COLORS[index % 6], "marker": MARKERS[index % len(MARKERS)]}
        measured = [
            (place + spread[index], row.times[name])
            for place, row in enumerate(block.rows)
            if name in row.times
        ]
        for y, time in measured:
            axes.plot([time.low, time.high], [y, y], color=look["color"], linewidth=1.4)
        medians, places = [time.median for _, time in measured], [y for y, _ in measured]
        axes.plot(medians, places, markersize=4.5, linestyle="", label=plain(name), **look)
    labels = [
        f"{plain('Paddle ' + each.place.paddle)}\n"
        + plain(f"Python {each.place.python}" + ("" if each.name[:2] == "py" else f", {each.name}"))
        for each in (row.environment for row in block.rows)
    ]
    axes.set(xscale="log", ylim=(count - 0.5, -0.5), xlabel="ms")
    axes.set_yticks(range(count), labels)
    _ratio_axis(axes, (1, 2, 5))
    figure.legend(loc="outside lower center", ncols=len(block.implementations), handletextpad=0.1)
    return inline(
        figure,
        key,
        f"Time of a training step: {block.title}",
        "Medians, with the middle half of the rounds, on a logarithmic axis of milliseconds. "
        "The table below holds the same numbers.",
    )


# Intervals are cut at the edge beyond this factor; the table has their ends.
MOST_REACH = 1.6
# Up to this factor, the marks on the axis have equal distances.
NARROW = 1.1


@matplotlib.rc_context(STYLE)
def draw_comparison(comparison: Comparison, measure: Measure, key: str) -> Markup:
    """Draw ratios with their intervals, and the verdict to the right of each."""
    results = comparison.results(measure)
    figure = Figure(figsize=(WIDTH, 1.1 + 0.27 * len(results)), layout="constrained")
    axes = figure.subplots()
    traits, same = MEASURES[measure], comparison.courses[measure].within
    axes.axvspan(1 / (1 + same), 1 + same, color=THIN, alpha=0.35, linewidth=0)
    axes.axvline(1, color=INK, linewidth=0.8)
    beside = axes.get_yaxis_transform()
    for place, (_, bench) in enumerate(results):
        color, marker = VERDICT_LOOKS[traits.words.index(bench.verdict)]
        if bench.low or bench.high:  # An open end reaches past the edge.
            ends = [bench.low or 1 / LARGEST_RATIO, bench.high or LARGEST_RATIO]
            axes.plot(ends, [place, place], color=color, linewidth=1.4)
        axes.plot([bench.ratio], [place], color=color, marker=marker, markersize=5)
        axes.text(1.02, place, bench.verdict, transform=beside, va="center", fontsize=8)
    # Show all ratios, and as much of the intervals as fits.
    ratios = [max(bench.ratio, 1 / bench.ratio) for _, bench in results]
    ends = [end for _, bench in results for end in (bench.low, bench.high) if end]
    widest = max([1 + 3 * same, *(max(end, 1 / end) for end in ends)])
    reach = max(min(widest, MOST_REACH), *ratios) * 1.03
    axes.set(
        xscale="log",
        xlim=(1 / reach, reach),
        ylim=(len(results) - 0.5, -0.5),
        xlabel=f"the baseline's {traits.quantity} = 1; left is {traits.better.split()[0]}",
    )
    labels = [plain(comparison.short(benchmark)) for benchmark, _ in results]
    axes.set_yticks(range(len(results)), labels)
    _ratio_axis(axes, (1, 1.1, 1.25, 1.5, 2, 3, 5, 8, 9))
    if reach < NARROW:
        axes.xaxis.set_major_locator(MaxNLocator(5))
    return inline(
        figure,
        key,
        f"{comparison.candidate.name} against {comparison.baseline.name}",
        f"The candidate's {traits.quantity} as a multiple of the baseline's, with "
        f"{comparison.confidence:.0%} intervals. The table below holds the same numbers.",
    )


# The names of releases stand side by side up to this number of characters together.
MOST_SIDE_BY_SIDE = 55
# Smallest range of an axis of ratios: smaller changes look small.
LEAST_RANGE = 0.06


@matplotlib.rc_context(STYLE)
def draw_releases(chart: Chart, key: str) -> Markup:
    """Draw the costs of a benchmark in each release, with a ring around every change."""
    count = len(chart.costs)
    figure = Figure(figsize=(WIDTH, 0.6 + 1.35 * count), layout="constrained")
    panels = figure.subplots(count, sharex=True, squeeze=False)[:, 0]
    for index, (measure, costs) in enumerate(chart.costs.items()):
        axes, look = panels[index], {"color": COLORS[index % 6], "marker": MARKERS[index % 6]}
        ratios = [np.nan if cost.ratio is None else cost.ratio for cost in costs]
        axes.plot(ratios, linestyle=STYLES[index % 6], linewidth=1.3, markersize=4, **look)
        for place, cost in enumerate(costs):
            if cost.change is not None:
                ring: Any = {"color": INK, "markersize": 9, "fillstyle": "none"}
                axes.plot([place], [ratios[place]], "o", markeredgewidth=0.8, **ring)
                # On the side that the line does not come from.
                offset = 7 if cost.change > 1 else -13
                beside: Any = {"xytext": (0, offset), "textcoords": "offset points", "ha": "center"}
                text = f"{cost.change - 1:+.1%}"
                axes.annotate(text, (place, ratios[place]), fontsize=8, **beside)
        low, high = float(np.nanmin(ratios)), float(np.nanmax(ratios))
        # Room for the labels.
        reach = max(LEAST_RANGE, high - low)
        axes.set_ylim(high - 1.3 * reach, low + 1.3 * reach)
        axes.set_ylabel(MEASURES[measure].quantity)
        axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_formatter(lambda value, _: f"\u00d7{value:.4g}")
        axes.grid(axis="y")
    names = [plain(name) for name in chart.releases]
    panels[-1].set_xticks(range(len(names)), names)
    if sum(map(len, names)) > MOST_SIDE_BY_SIDE:
        panels[-1].tick_params(axis="x", rotation=90)
    return inline(
        figure,
        key,
        f"{chart.benchmark.label}: cost in each release",
        "Multiples of the oldest release's cost. A ring marks a change by more than "
        f"{limits_of(chart.costs)} since the release before. The table below holds the same "
        "numbers.",
    )


def plain(text: str) -> str:
    """Return a text from a file as a label: short, without formulas or letters the font lacks."""
    text = without_folders(text)
    short = text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 3]}..."
    known = (letter if letter.isprintable() and letter < "\u0250" else "?" for letter in short)
    return "".join(known).replace("$", r"\$")


def inline(figure: Figure, key: str, title: str, description: str) -> Markup:
    """Return the figure as an element for a page, with title and description for screen readers."""
    buffer = io.BytesIO()
    no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=no_metadata)
    root = ElementTree.fromstring(buffer.getvalue())  # noqa: S314 - matplotlib's own
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{SVG}}}")
        _rename(element, key)
    for size in ("width", "height", "version"):
        root.attrib.pop(size, None)
    root.attrib |= {"role": "img", "aria-labelledby": f"{key}-title {key}-desc"}
    for position, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ElementTree.Element(tag, {"id": f"{key}-{tag}"})
        element.text = without_folders(text)
        root.insert(position, element)
    # Serialised by ElementTree, text and attributes are escaped.
    return Markup(ElementTree.tostring(root, encoding="unicode"))  # noqa: S704


def _rename(element: ElementTree.Element, key: str) -> None:
    """Prefix the ids, and use the colours and fonts of the page."""
    link = element.attrib.pop(XLINK, None)
    if link is not None:
        element.set("href", f"#{key}-{link.removeprefix('#')}")
    for name, value in element.attrib.items():
        if name == "id":
            value = f"{key}-{value}"
        value = re.sub(r"url\(#([^)]*)\)", rf"url(#{key}-\1)", value)
        for color, variable in VARIABLES.items():
            value = value.replace(color, variable)
        element.set(name, re.sub(r"'DejaVu Sans'[^;]*", "inherit", value))


def _ratio_axis(axes: "Axes", marks: Sequence[float]) -> None:
    """Set up the axis of ratios, with plain numbers."""
    axes.xaxis.set_major_locator(LogLocator(subs=marks))
    axes.xaxis.set_major_formatter(lambda value, _: significant(value, 4))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="x")


def _log_line(
    axes: "Axes", steps: Sequence[int], points: Sequence[Point], name: str, index: int
) -> None:
    """Draw a line, with marks at the ends of the axis for zeros and non-finite values."""
    color = (*COLORS[:6], INK)[index % 7]
    axes.plot(
        steps,
        [point.drawn for point in points],
        label=name,
        linewidth=1.3,
        linestyle=(*STYLES, "-")[index % 7],
        marker="." if len(steps) <= 25 else None,
        color=color,
    )
    # Each line has its own height, because marks at the same height would hide each other.
    shift = 0.012 * (index % 7)
    look: Any = {"color": color, "markersize": 3.5, "fillstyle": "none", "markeredgewidth": 0.8}
    for mark, height, marked in (
        ("o", 0.02 + shift, [point.zero for point in points]),
        ("x", 0.98 - shift, [point.nonfinite for point in points]),
    ):
        heights = np.where(marked, height, np.nan)
        axes.plot(steps, heights, mark, transform=axes.get_xaxis_transform(), **look)


def _log_axis(axes: "Axes", points: Sequence[Point]) -> None:
    """Set limits with room for the marks, and label the marks."""
    values = [point.drawn for point in points if not np.isnan(point.drawn)]
    low, high = (min(values), max(values)) if values else (0.1, 1)
    zeros = any(point.zero for point in points)
    broken = any(point.nonfinite for point in points)
    span = max(np.log10(high / low), 1)
    below, above = span * (0.22 if zeros else 0.06), span * (0.22 if broken else 0.06)
    axes.set(yscale="log", ylim=(low / 10**below, high * 10**above))
    axes.grid(axis="y")
    # No numbers beside the marks.
    least, most = low / 10 ** (below / 4), high * 10 ** (above / 4)
    ticks = axes.yaxis.get_major_locator().tick_values(*axes.get_ylim())
    axes.set_yticks([tick for tick in ticks if least <= tick <= most])
    axes.set_yticks([], minor=True)
    for there, limit, height, text in (
        (zeros, least, 0.05, "exactly 0 \u25cb"),
        (broken, most, 0.95, "NaN, inf \u00d7"),
    ):
        if there:
            axes.axhline(limit, color=THIN, linewidth=1)
            place: Any = {"transform": axes.transAxes, "ha": "right", "va": "center"}
            axes.text(-0.01, height, text, fontsize=7, **place)
