"""The curves of the experiments, and the notebook's figures beside them."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.notebook import figures as notebook
from benchmarks.report.curves import PrintedRow, curves_of, printed_of
from tests.helpers.matrix_results import curves, made_up, with_history


def test_runs_equal_to_the_last_bit_share_curves() -> None:
    """So do runs of different Paddle versions; one different bit in any series separates runs."""
    run = made_up("exploding-rnn")
    others: list[dict[str, Any]] = [
        {"loss": nudged(run.loss)},
        {"accuracy": nudged(run.accuracy)},
        {"raw_norms": {**run.raw_norms, "recurrent.U": nudged(run.raw_norms["recurrent.U"])}},
        {"clipped_norms": {**run.raw_norms, "recurrent.U": nudged(run.raw_norms["recurrent.U"])}},
    ]
    environments = [
        *(with_history(f"{number}", **other) for number, other in enumerate(others)),
        with_history("a", paddle="2.6.2"),
        with_history("b"),
    ]
    environments[-1].results.histories["gpu:0", "exploding-rnn"] = run
    found = curves_of(environments)["exploding-rnn"]

    assert [curves.where for curves in found] == [
        ("a", "b", "b on gpu:0"),
        *((f"{number}",) for number in range(4)),
    ]
    assert (found[0].experiment, found[0].versions) == ("exploding-rnn", "Paddle 2.6.2, 3.3.1")
    assert found[0].events[-1] == "non-finite at step 20: loss inf"


def nudged(values: NDArray[Any]) -> NDArray[Any]:
    """Return the values with the last bit of one changed."""
    return np.where(np.arange(len(values)) == 3, np.nextafter(values, np.inf), values)


def test_a_point_of_a_long_run_is_the_largest_of_40_steps() -> None:
    """It also says whether a value was not finite; a single zero does not make it zero."""
    norms = np.arange(2000.0)[::-1].copy()
    norms[100] = np.nan
    zeros = {"recurrent.W": np.zeros(2000)}
    found = curves(
        "clipped-rnn", norms={"recurrent.W": norms, "recurrent.U": norms * 0}, clipped_norms=zeros
    )

    assert found.ends == tuple(range(40, 2001, 40))
    assert found.rows[0][:2] == ["1 to 40", "1999"]
    assert found.rows[2][:2] == ["81 to 120", "1919, NaN or infinite"]
    assert found.rows[-1][:3] == ["1961 to 2000", "39", "exactly 0"]
    assert found.rows[0][-1] == f"{found.history.accuracy[9]:.0%}"


@pytest.mark.parametrize(
    ("steps", "ends"),
    [
        (0, ()),
        (50, (*range(1, 51),)),
        (51, (*range(4, 49, 4), 51)),
        (202, (*range(8, 201, 8), 202)),
    ],
)
def test_points_of_an_interrupted_run_are_whole_epochs(steps: int, ends: tuple[int, ...]) -> None:
    """At most 50 of them, but for the last one; a run that did not begin has none."""
    epochs = steps // 4
    found = curves(
        loss=np.ones(steps),
        norms={"recurrent.W": np.ones(steps)},
        accuracy=np.ones(epochs),
        epoch_ends=4 * np.arange(1, epochs + 1),
        outcome="interrupted",
    )

    assert found.ends == ends
    assert [row[-1] for row in found.rows] == ["100%" if end % 4 == 0 else "" for end in ends]


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
    assert [*curves("exploding-rnn").norms] == ["recurrent.W", "recurrent.U", "recurrent.b"]


def test_the_notebooks_figures_are_compared_with_each_run() -> None:
    """Equal runs share a column; figures that are off or missing are marked."""
    printed = {figure.step: figure for figure in notebook.figures() if figure.name == "norm of W"}
    exact = {name: values.copy() for name, values in made_up("exploding-rnn").raw_norms.items()}
    for row in notebook.EXPLODING_RNN:
        for name in "WUb":
            exact[f"recurrent.{name}"][row.step - 1] = getattr(row, name)
    off = {**exact, "recurrent.U": exact["recurrent.U"].copy()}
    off["recurrent.U"][0] *= 1 + 2e-6
    off["recurrent.b"] = np.where(np.arange(20) == 0, np.nan, exact["recurrent.b"])
    other = {"flags": "MKL_CBWR=AVX2 A=1 MKL_CBWR_B=2", "paddle": "3.3.1", "device": "cpu"}
    right, wrong = np.zeros(5), np.array([0, 0, 0.25, 0, 0])
    table = printed_of(
        [
            *(with_history(name, norms=exact, accuracy=right) for name in "ab"),
            with_history("c", norms=off, accuracy=wrong, environment=other),
            with_history("d", norms={"recurrent.W": exact["recurrent.W"]}, accuracy=right),
        ]
    )
    first, second, third = table.rows[:3]

    assert [column for column, _ in table.columns] == [
        *("Paddle 3.3.1", "Paddle 3.3.1 MKL_CBWR=AVX2 MKL_CBWR_B=2", "Paddle 3.3.1")
    ]
    assert [where for _, where in table.columns] == [("a", "b"), ("c",), ("d",)]
    assert len(table.rows) == 36
    assert first.cells == 3 * (("19.658676", True),)
    assert first.figure == printed[1]
    assert tuple(cell and cell[1] for cell in second.cells) == (True, False, None)
    assert second.error == pytest.approx(2e-6, rel=1e-3)
    assert np.isnan(third.error)
    correct = notebook.Figure("exploding-rnn", 12, "correct", 0, 0)
    cells = ("0/4", True), ("1/4", False), ("0/4", True)
    assert PrintedRow(correct, cells, 1.0) in table.rows
    assert table.outside == 3
    assert printed_of([]).rows == ()
    # There are no runs of the other experiments.
    assert table.rows[-1].figure.experiment != "exploding-rnn"
    assert table.rows[-1].cells == (None, None, None)
