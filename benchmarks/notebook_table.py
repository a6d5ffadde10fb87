"""Print the notebook's figures beside those of saved runs, as a Markdown table.

    python -m rnn_core run exploding-rnn --save exploding.npz
    python -m rnn_core run clipped-rnn --save clipped.npz
    python -m rnn_core run clipped-lstm --save lstm.npz
    python -m benchmarks.notebook_table exploding.npz clipped.npz lstm.npz

All three are needed, whole, of each environment; each environment adds a column.
"""

import sys
from collections.abc import Iterator, Sequence

from rnn_core import EXPERIMENTS, History
from benchmarks import notebook

NORMS = {"exploding-rnn": notebook.EXPLODING_RNN, "clipped-rnn": notebook.CLIPPED_RNN}
CORRECT = {
    "exploding-rnn": notebook.EXPLODING_RNN_CORRECT,
    "clipped-rnn": notebook.CLIPPED_RNN_CORRECT,
    "clipped-lstm": notebook.CLIPPED_LSTM_CORRECT,
}


def main(paths: Sequence[str]) -> None:
    """Print the table of these histories' files."""
    columns: dict[str, dict[str, History]] = {}
    for path in paths:
        history = History.load(path)
        columns.setdefault(column(history), {})[experiment(path, history)] = history
    for name, histories in columns.items():
        if histories.keys() != EXPERIMENTS.keys():
            sys.exit(f"{name}: there must be files of {', '.join(EXPERIMENTS)}")
    if not columns:
        sys.exit(__doc__)
    print("\n".join(table(columns)))


def column(history: History) -> str:
    """What tells environments apart: Paddle's version, and a rounding other than the CPU's."""
    flags = [flag for flag in history.environment["flags"].split() if flag.startswith("MKL_CBWR")]
    return " ".join([f"Paddle {history.environment['paddle']}", *flags])


def experiment(path: str, history: History) -> str:
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
    for run, rows in NORMS.items():
        for row in rows:
            for name in "WUb":
                printed = getattr(row, name)
                ours = [
                    histories[run].raw_norms[f"recurrent.{name}"][row.step - 1]
                    for histories in columns.values()
                ]
                error = max(abs(value / printed - 1) for value in ours)
                figures = [f"{value:.6f}" for value in (printed, *ours)]
                figures = [f"norm of {name}", *figures]
                cells = [run, str(row.step), *figures, f"{error:.0e}", f"{row.rtol:.0e}"]
                yield f"| {' | '.join(cells)} |"
    for run, printed_counts in CORRECT.items():
        for step, count in printed_counts.items():
            ours = [correct(histories[run], step) for histories in columns.values()]
            figures = [f"{number}/4" for number in (count, *ours)]
            cells = [
                run,
                str(step),
                "correct",
                *figures,
                str(max(abs(number - count) for number in ours)),
                "0",
            ]
            yield f"| {' | '.join(cells)} |"


def correct(history: History, step: int) -> int:
    """Right predictions, of four, in the epoch that this step ended."""
    return round(4 * float(history.accuracy[history.epoch_ends.tolist().index(step)]))


if __name__ == "__main__":
    main(sys.argv[1:])
