"""The curves of the experiments, and the notebook's figures beside them."""

from typing import Any

import numpy as np
import pytest

from benchmarks.notebook import figures as notebook
from benchmarks.report.curves import Curves, curves_of, printed_of
from benchmarks.report.matrix import environments_of
from benchmarks.report.reading import EnvironmentResults
from tests.helpers.matrix_results import left, made_up


def with_history(name: str, **changes: Any) -> EnvironmentResults:
    """Return an environment with a history of the exploding run."""
    results = left(name)
    results.histories["cpu", "exploding-rnn"] = made_up("exploding-rnn", **changes)
    return results


def test_runs_equal_to_the_last_bit_share_curves() -> None:
    """For every Paddle; a difference of one bit in one loss separates them."""
    loss = made_up("exploding-rnn").loss
    other = loss.copy()
    other[3] = np.nextafter(other[3], np.inf)
    environments = environments_of(
        [with_history("a", paddle="2.6.2"), with_history("b"), with_history("c", loss=other)]
    )
    found = curves_of(environments)["exploding-rnn"]

    assert [curves.where for curves in found] == [("a", "b"), ("c",)]
    assert found[0].versions == "Paddle 2.6.2, 3.3.1"


def curves(**changes: Any) -> Curves:
    """Return the curves of one made-up run."""
    [found] = curves_of(environments_of([with_history("a", **changes)]))["exploding-rnn"]
    return found


def test_zeros_and_nan_are_written_in_words() -> None:
    """A logarithmic axis cannot show them."""
    norms = np.array([2.0, 0, np.nan, np.inf, *[1.0] * 16])
    rows = curves(raw_norms={"W": norms}, clipped_norms={"W": norms}).rows

    assert [row[1] for row in rows[:5]] == [
        "2",
        "exactly 0",
        "NaN or infinite",
        "NaN or infinite",
        "1",
    ]
    assert ["step", rows[0][0], rows[-1][0]] == ["step", "1", "20"]


def test_a_point_of_a_long_run_is_the_largest_of_40_steps() -> None:
    """It also says whether a value was not finite."""
    results = left("a")
    history = made_up("clipped-rnn")
    history.raw_norms["recurrent.W"][:] = np.arange(2000)
    history.raw_norms["recurrent.W"][100] = np.nan
    results.histories["cpu", "clipped-rnn"] = history
    [found] = curves_of(environments_of([results]))["clipped-rnn"]

    assert tuple(range(40, 2001, 40)) == found.ends
    assert found.rows[0][:2] == ["1 to 40", "39"]
    assert found.rows[2][:2] == ["81 to 120", "119, NaN or infinite"]
    assert found.rows[0][-1] == f"{history.accuracy[9]:.0%}"


def test_the_gates_of_the_lstm_share_a_line_for_each_kind() -> None:
    """Its points are the largest gate's."""
    results = left("a")
    results.histories["cpu", "clipped-lstm"] = made_up("clipped-lstm")
    [found] = curves_of(environments_of([results]))["clipped-lstm"]

    assert [name.rpartition(",")[0] for name in found.norms] == [
        "recurrent.w, inputs",
        "recurrent.u, states",
        "recurrent.b, biases",
    ]
    raw = made_up("clipped-lstm").raw_norms
    largest = max(raw[f"recurrent.w_{gate}"][:40].max() for gate in "fi")
    assert next(iter(found.norms.values()))[0].largest == largest


def test_the_notebooks_figures_are_compared_with_each_run() -> None:
    """Equal runs share a column; figures that are off or missing are marked."""
    printed = {figure.step: figure for figure in notebook.figures() if figure.name == "norm of W"}
    norms = made_up("exploding-rnn").raw_norms
    exact = {name: values.copy() for name, values in norms.items()}
    for row in notebook.EXPLODING_RNN:
        for name in "WUb":
            exact[f"recurrent.{name}"][row.step - 1] = getattr(row, name)
    off = {name: values.copy() for name, values in exact.items()}
    off["recurrent.U"][0] *= 1 + 2e-6
    zeros = np.zeros(5)
    table = printed_of(
        environments_of(
            [
                with_history("a", raw_norms=exact, accuracy=zeros),
                with_history("b", raw_norms=exact, accuracy=zeros),
                with_history("c", raw_norms=off, accuracy=zeros),
            ]
        )
    )
    first, second = table.rows[:2]

    assert list(table.columns) == [("Paddle 3.3.1", ("a", "b")), ("Paddle 3.3.1", ("c",))]
    assert len(table.rows) == 36
    assert ("19.658676", True) == first.cells[0] == first.cells[1]
    assert printed[1] == first.figure
    assert tuple(cell is not None and cell[1] for cell in second.cells) == (True, False)
    assert pytest.approx(2e-6, rel=1e-3) == second.error
    assert table.outside == 1
    # There are no runs of the other experiments.
    assert table.experiments["clipped-rnn"][0].cells == (None, None)


def test_a_run_that_ended_early_lacks_the_later_figures() -> None:
    """They are missing, not wrong."""
    figures = list(notebook.figures())
    early = made_up(
        "exploding-rnn",
        loss=np.ones(2),
        raw_norms={"recurrent.W": np.ones(2)},
        clipped_norms={"recurrent.W": np.ones(2)},
        accuracy=np.array([]),
        epoch_ends=np.array([], dtype=np.int64),
    )

    assert {
        (figure.name, figure.step)
        for figure in figures
        if figure.experiment == "exploding-rnn" and figure.of(early) is not None
    } == {("norm of W", 1), ("norm of W", 2)}
