"""The curves of the experiments, and the notebook's figures beside them."""

import numpy as np
import pytest

from benchmarks.notebook import figures as notebook
from benchmarks.report.curves import curves_of, printed_of
from tests.helpers.matrix_results import curves, made_up, with_history


def test_runs_equal_to_the_last_bit_share_curves() -> None:
    """So do runs of different Paddle versions; one different bit in one loss separates runs."""
    loss = made_up("exploding-rnn").loss
    other = loss.copy()
    other[3] = np.nextafter(other[3], np.inf)
    environments = [
        with_history("a", paddle="2.6.2"),
        with_history("b"),
        with_history("c", loss=other),
    ]
    found = curves_of(environments)["exploding-rnn"]

    assert [curves.where for curves in found] == [("a", "b"), ("c",)]
    assert found[0].versions == "Paddle 2.6.2, 3.3.1"


def test_a_point_of_a_long_run_is_the_largest_of_40_steps() -> None:
    """It also says whether a value was not finite."""
    norms = np.arange(2000.0)
    norms[100] = np.nan
    found = curves("clipped-rnn", norms={"recurrent.W": norms})

    assert found.ends == tuple(range(40, 2001, 40))
    assert found.rows[0][:2] == ["1 to 40", "39"]
    assert found.rows[2][:2] == ["81 to 120", "119, NaN or infinite"]
    assert found.rows[0][-1] == f"{found.history.accuracy[9]:.0%}"


def test_the_gates_of_the_lstm_share_a_line_for_each_kind() -> None:
    """Each point is the value of the gate with the largest one."""
    found = curves("clipped-lstm")

    assert [name.rpartition(",")[0] for name in found.norms] == [
        "recurrent.w, inputs",
        "recurrent.u, states",
        "recurrent.b, biases",
    ]
    largest = max(found.history.raw_norms[f"recurrent.w_{gate}"][:40].max() for gate in "fi")
    assert next(iter(found.norms.values()))[0].largest == largest


def test_the_notebooks_figures_are_compared_with_each_run() -> None:
    """Equal runs share a column; figures that are off or missing are marked."""
    printed = {figure.step: figure for figure in notebook.figures() if figure.name == "norm of W"}
    exact = {name: values.copy() for name, values in made_up("exploding-rnn").raw_norms.items()}
    for row in notebook.EXPLODING_RNN:
        for name in "WUb":
            exact[f"recurrent.{name}"][row.step - 1] = getattr(row, name)
    off = {**exact, "recurrent.U": exact["recurrent.U"].copy()}
    off["recurrent.U"][0] *= 1 + 2e-6
    runs = {"a": exact, "b": exact, "c": off}
    table = printed_of(
        with_history(name, norms=norms, accuracy=np.zeros(5)) for name, norms in runs.items()
    )
    first, second = table.rows[:2]

    assert list(table.columns) == [("Paddle 3.3.1", ("a", "b")), ("Paddle 3.3.1", ("c",))]
    assert len(table.rows) == 36
    assert first.cells == (("19.658676", True), ("19.658676", True))
    assert first.figure == printed[1]
    assert tuple(cell is not None and cell[1] for cell in second.cells) == (True, False)
    assert second.error == pytest.approx(2e-6, rel=1e-3)
    assert table.outside == 1
    # There are no runs of the other experiments.
    assert table.rows[-1].figure.experiment != "exploding-rnn"
    assert table.rows[-1].cells == (None, None)
