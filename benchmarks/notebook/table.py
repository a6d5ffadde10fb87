"""Print the notebook's figures beside those of saved runs: python -m benchmarks.notebook_table.

    python -m rnn_core run exploding-rnn --save exploding.npz
    python -m rnn_core run clipped-rnn --save clipped.npz
    python -m rnn_core run clipped-lstm --save lstm.npz
    python -m benchmarks.notebook_table exploding.npz clipped.npz lstm.npz

The table is Markdown. Each environment needs complete runs of all three experiments, and gets a
column.
"""

from collections.abc import Sequence
from pathlib import Path

from benchmarks import text
from benchmarks.commands.parser import make_parser
from benchmarks.notebook.figures import figures
from rnn_core import EXPERIMENTS, History
from rnn_core.commands.arguments import any_path
from rnn_core.commands.status import ExitStatus
from rnn_core.runtime.messages import complain


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and return the exit status.

    0: finished; 2: a file is missing or damaged, or is not a run of an experiment.
    """
    parser = make_parser("notebook_table", __doc__)
    parser.add_argument(
        "files", nargs="+", type=any_path, metavar="FILE", help="history of a run (.npz)"
    )
    columns: dict[str, dict[str, History]] = {}
    try:
        for path in parser.parse_args(arguments).files:
            history = History.load(path)
            columns.setdefault(column(history), {})[experiment(path, history)] = history
        print(table(columns))
    except (ValueError, OSError) as error:
        complain(str(error))
        return ExitStatus.WRONG_INPUT
    return ExitStatus.OK


def column(history: History) -> str:
    """Return the name of a run's environment: Paddle's version, and MKL_CBWR if it was set."""
    flags = [flag for flag in history.environment["flags"].split() if flag.startswith("MKL_CBWR")]
    return " ".join([f"Paddle {history.environment['paddle']}", *flags])


def experiment(path: Path, history: History) -> str:
    """Return the name of the experiment that has this history's settings.

    Raises:
        ValueError: no experiment has these settings.
    """
    for name, known in EXPERIMENTS.items():
        if known.config == history.config:
            return name
    raise ValueError(f"{path} has other settings than {', '.join(EXPERIMENTS)}")


def table(columns: dict[str, dict[str, History]]) -> str:
    """Return a table with a row for each printed figure and a column for each environment.

    Args:
        columns: the history of each experiment, in each environment.

    Raises:
        ValueError: a run is missing or too short.
    """
    for name, histories in columns.items():
        if missing := EXPERIMENTS.keys() - histories.keys():
            raise ValueError(f"{name}: no run of {', '.join(sorted(missing))}")
    rows = []
    for figure in figures():
        ours = []
        for name, histories in columns.items():
            value = figure.of(histories[figure.experiment])
            if value is None:
                raise ValueError(f"{name}: {figure.experiment} ended before step {figure.step}")
            ours.append(value)
        error = max(map(figure.error, ours))
        rows.append(
            [
                figure.experiment,
                str(figure.step),
                figure.name,
                *(figure.text(value) for value in (figure.printed, *ours)),
                f"{error:.0e}" if figure.rtol else f"{error:.0f}",
                f"{figure.rtol:.0e}" if figure.rtol else "0",
            ]
        )
    head = ["run", "step", "figure", "notebook, 2021", *columns, "largest error", "allowed"]
    return text.table(head, rows)
