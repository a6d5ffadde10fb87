"""What figures of matplotlib and pages show, as lines that can be recorded."""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.ticker import NullFormatter


def lines_of_figure(figure: Any) -> Iterator[str]:
    """Yield a line for each thing in a figure: sizes, axes, lines, areas, texts and legends."""
    engine = type(figure.get_layout_engine()).__name__
    ratios = figure.axes[0].get_gridspec().get_height_ratios()
    yield f"figure {numbers(figure.get_size_inches())}, {engine}, heights {numbers(ratios)}"
    if figure.get_suptitle():
        yield f"  title {figure.get_suptitle()!r}"
    for legend in figure.legends:
        yield f"  {_legend(legend)}"
    first = figure.axes[0]
    for number, axes in enumerate(figure.axes, 1):
        shared = axes is not first and axes.get_shared_x_axes().joined(first, axes)
        shown = " ".join(name for name, spine in axes.spines.items() if spine.get_visible())
        yield f"  axes {number}{', x of axes 1' if shared else ''}; sides: {shown}"
        for axis in (axes.xaxis, axes.yaxis):
            yield f"    {_axis(axis)}"
        yield from (f"    {_line(axes, line)}" for line in axes.get_lines())
        yield from (f"    {_area(area)}" for area in axes.patches)
        yield from (f"    {_text(axes, text)}" for text in axes.texts)
        if axes.get_legend() is not None:
            yield f"    {_legend(axes.get_legend())}"


def numbers(values: Iterable[float]) -> str:
    """Return numbers with four digits; four or more in equal steps, or equal, by their ends."""
    found = [float(each) for each in values]
    steps = {round(after - before, 9) for before, after in pairwise(found)}
    if len(found) > 3 and len(steps) == 1:
        return f"{found[0]:.4g}..{found[-1]:.4g} ({len(found)})"
    return " ".join(f"{each:.4g}" for each in found)


def _axis(axis: Any) -> str:
    low, high = sorted(axis.get_view_interval())
    end = " reversed" if axis.get_inverted() else ""
    ticks = [tick for tick in axis.get_majorticklocs() if low <= tick <= high]
    minor = len([tick for tick in axis.get_minorticklocs() if low <= tick <= high])
    places = f"ticks {numbers(ticks)}, {minor} minor,"
    if axis.get_scale() == "log":  # Where matplotlib puts them depends on its version.
        ticks = [1, 1.025, 20, 1234.5]
        locators = axis.get_major_locator(), axis.get_minor_locator()
        names = " ".join(type(each).__name__ for each in locators)
        if isinstance(axis.get_minor_formatter(), NullFormatter):
            names += " without labels"
        places = f"ticks by {names} {getattr(locators[0], '_subs', '')}, {numbers(ticks)}"
    formatter = axis.get_major_formatter()
    labels = "numbers"  # Of matplotlib.
    if type(formatter).__name__ not in ("ScalarFormatter", "LogFormatterSciNotation"):
        labels = " ".join(map(repr, formatter.format_ticks(ticks)))
    turned = f"{axis.get_major_ticks(1)[0].label1.get_rotation():g}"
    grid = axis.get_gridlines()[0] if axis.get_gridlines() else None
    lined = "none" if grid is None or not grid.get_visible() else _look(grid)
    label = axis.get_label()
    return (
        f"{axis.axis_name} {axis.get_label_text()!r} {label.get_color()} {axis.get_scale()} "
        f"{numbers((low, high))}{end}, {places} as {labels} turned {turned}, grid {lined}"
    )


def _look(line: Any) -> str:
    dashes = line._unscaled_dash_pattern[1]  # A tuple of dashes reads as "--".
    style = line.get_linestyle() + (f"({numbers(dashes)})" if dashes else "")
    look = f"{line.get_color()} {style} {line.get_linewidth():g}"
    if line.get_marker() in ("None", ""):
        return look
    size, edge = line.get_markersize(), line.get_markeredgewidth()
    return f"{look}, mark {line.get_marker()} {size:g} {line.get_fillstyle()} {edge:g}"


def _line(axes: Any, line: Any) -> str:
    x, y = (np.asarray(values, float) for values in line.get_data())
    drawn = np.isfinite(x) & np.isfinite(y)
    label = line.get_label()
    name = "" if label.startswith("_") else f" {label!r}"
    points = f", x {numbers(x[drawn])}, y {numbers(y[drawn])}" if drawn.any() else ""
    where = _place(axes, line.get_transform())
    return f"line{name} {_look(line)}, {where}, {drawn.sum()} of {len(x)}{points}"


def _area(area: Any) -> str:
    box = area.get_path().get_extents(area.get_patch_transform())
    colors = numbers(area.get_facecolor())
    return f"area x {numbers(box.intervalx)} y {numbers(box.intervaly)}, {colors}"


def _text(axes: Any, text: Any) -> str:
    place, where = text.get_position(), _place(axes, text.get_transform())
    if hasattr(text, "xyann"):
        place, where = text.xy, f"{text.xycoords}, {text.anncoords} {numbers(text.xyann)}"
    look = f"{text.get_color()} {text.get_fontsize():g} turned {text.get_rotation():g}"
    return (
        f"text {text.get_text()!r} at {numbers(place)}, {where}, {look}, "
        f"{text.get_ha()} {text.get_va()}"
    )


def _legend(legend: Any) -> str:
    names = ", ".join(repr(text.get_text()) for text in legend.get_texts())
    texts = legend.get_texts()
    size = f"{texts[0].get_fontsize():.3g}" if texts else ""
    frame = "frame" if legend.get_frame_on() else "no frame"
    outside = f" outside, {legend._outside_loc}" if legend._outside_loc else ""
    return f"legend{outside} in {legend._ncols} columns, {size}, {frame}: {names}"


def _place(axes: Any, transform: Any) -> str:
    known = {
        "data": axes.transData,
        "x data, y share": axes.get_xaxis_transform(),
        "x share, y data": axes.get_yaxis_transform(),
        "share": axes.transAxes,
    }
    return next((name for name, each in known.items() if each == transform), "elsewhere")


# Many failures, and many steps of a curve, in a row.
MANY = re.compile(
    r'(?s)(?:<li>\s*<code class="name">(?:(?!<li>).)*?</li>\s*){6,}'
    r'|(?:<tr><th scope="row" class="number">[^\n]*</td></tr>\n){12,}'
)
BLOCK = r"(?=<(?!/|a\b|b\b|br|code|small|span|strong|t[dh]\b))"


def lines_of_page(html: str) -> list[str]:
    """Return the lines of a page, with a line for each element that is not a part of a text.

    A blank before an element is shown. Left out are the style sheet, and all but the first and the
    last of many failures or steps.
    """
    html = re.sub(r"(?s)(?<=<style>).*?(?=</style>)", "...", html)
    html = re.sub(r"\n(?=<t[dh]\b)", "", MANY.sub(_ends, html))
    html = re.sub(rf"\n?{BLOCK}", "\n", re.sub(rf" {BLOCK}", "␣\n", html))
    return [line.strip(" ") for line in html.split("\n") if line.strip()]


def _ends(found: re.Match[str]) -> str:
    first, *middle, last = re.findall(r"(?s)<(?:li|tr)>.*?</(?:li|tr)>", found.group())
    return f"{first}\n{middle[0]}\n... {len(middle) - 1} more\n{last}\n"
