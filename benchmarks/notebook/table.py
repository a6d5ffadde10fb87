"""Print the notebook's figures beside those of saved runs, as a Markdown table.

    python -m rnn_core run exploding-rnn --save exploding.npz
    python -m rnn_core run clipped-rnn --save clipped.npz
    python -m rnn_core run clipped-lstm --save lstm.npz
    python -m benchmarks.notebook_table exploding.npz clipped.npz lstm.npz

All three are needed, whole, of each environment; each environment adds a column.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.notebook import figures as notebook
from rnn_core import EXPERIMENTS, History


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table of the given histories."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.notebook_table",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "paths", nargs="+", type=Path, metavar="FILE.npz", help="history of one experiment"
    )
    columns: dict[str, dict[str, History]] = {}
    for path in parser.parse_args(arguments).paths:
        history = History.load(path)
        columns.setdefault(column(history), {})[experiment(path, history)] = history
    for name, histories in columns.items():
        if histories.keys() != EXPERIMENTS.keys():
            sys.exit(f"{name}: there must be files of {', '.join(EXPERIMENTS)}")
    print("\n".join(table(columns)))


def column(history: History) -> str:
    """What tells environments apart: Paddle's version, and a rounding other than the CPU's."""
    flags = [flag for flag in history.environment["flags"].split() if flag.startswith("MKL_CBWR")]
    return " ".join([f"Paddle {history.environment['paddle']}", *flags])


def experiment(path: Path, history: History) -> str:
    """The name of the experiment that has this history's config."""
    for name, known in EXPERIMENTS.items():
        if known.config == history.config:
            return name
    sys.exit(f"{path} is of no experiment as it stands")


def table(columns: dict[str, dict[str, History]]) -> Iterator[str]:
    """The table's lines: a row for each printed figure, a column for each environment."""
    names = ["run", "step", "figure", "notebook, 2021", *columns, "largest error", "allowed"]
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    for figure in notebook.figures():
        ours = []
        for name, histories in columns.items():
            value = figure.of(histories[figure.experiment])
            if value is None:
                sys.exit(f"{name}: {figure.experiment} ended before step {figure.step}")
            ours.append(value)
        error = max(map(figure.error, ours))
        cells = [
            figure.experiment,
            str(figure.step),
            figure.name,
            *(figure.text(value) for value in (figure.printed, *ours)),
            f"{error:.0e}" if figure.rtol else f"{error:.0f}",
            f"{figure.rtol:.0e}" if figure.rtol else "0",
        ]
        yield f"| {' | '.join(cells)} |"
