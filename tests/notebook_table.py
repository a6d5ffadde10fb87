"""Print the notebook's figures beside those of saved runs, as a Markdown table.

    python -m rnn_core run exploding-rnn --save exploding.npz
    python -m rnn_core run clipped-rnn --save clipped.npz
    python -m tests.notebook_table exploding.npz clipped.npz

Files of other environments, each pair, add columns.
"""

import sys
from collections.abc import Iterator, Sequence

from rnn_core import EXPERIMENTS, History
from tests import notebook

ROWS = {"exploding-rnn": notebook.EXPLODING_RNN, "clipped-rnn": notebook.CLIPPED_RNN}


def main(paths: Sequence[str]) -> None:
    """Print the table of these histories' files."""
    columns: dict[str, dict[str, History]] = {}
    for path in paths:
        history = History.load(path)
        columns.setdefault(column(history), {})[experiment(history)] = history
    print("\n".join(table(columns)))


def column(history: History) -> str:
    """What tells environments apart: Paddle's version, and a rounding other than the CPU's."""
    flags = [flag for flag in history.environment["flags"].split() if flag.startswith("MKL_CBWR")]
    return " ".join([f"Paddle {history.environment['paddle']}", *flags])


def experiment(history: History) -> str:
    """The name of the experiment that has this history's config."""
    return next(name for name, e in EXPERIMENTS.items() if e.config == history.config)


def table(columns: dict[str, dict[str, History]]) -> Iterator[str]:
    """The table's lines: a row for each printed figure, a column for each environment."""
    names = ["run", "step", "gradient of", "notebook, 2021", *columns, "largest error", "allowed"]
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    for run, rows in ROWS.items():
        for row in rows:
            for name in "WUb":
                printed = getattr(row, name)
                ours = [
                    histories[run].raw_norms[f"recurrent.{name}"][row.step - 1]
                    for histories in columns.values()
                ]
                error = max(abs(value / printed - 1) for value in ours)
                figures = [f"{value:.6f}" for value in (printed, *ours)]
                cells = [run, str(row.step), name, *figures, f"{error:.0e}", f"{row.rtol:.0e}"]
                yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main(sys.argv[1:])
