"""Traced steps: the same bits as in the run, and the scale of each tensor."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from benchmarks.behaviour import worker
from benchmarks.behaviour.culprits import compare
from benchmarks.behaviour.files import Job, Trace
from benchmarks.behaviour.trace import scale_of
from rnn_core.config import EAGER


@pytest.mark.parametrize(
    ("name", "execution"),
    [
        *product(["exploding-rnn", "clipped-lstm"], EAGER),
        ("exploding-rnn", "static"),
        pytest.param("exploding-rnn", "sot", marks=pytest.mark.slow),
    ],
)
def test_traced_step_has_the_bits_of_the_run(name: str, execution: str, tmp_path: Path) -> None:
    """The trace, replayed or not, computes what the model computes."""
    job = Job(name, execution, 1)
    config = job.config
    recording, step = worker.record(config), 2

    traced = worker.trace(config, step)
    traced.save(job.trace(tmp_path, step))
    loaded = Trace.load(job.trace(tmp_path, step))
    replayed = worker.trace(config, step, loaded)
    # A replay takes all its inputs from the trace, also if it would start from other weights.
    elsewhere = worker.trace(replace(config, seed=config.seed + 1), step, loaded)

    assert traced.repeats(recording, step)
    assert not traced.repeats(recording, step + 1)
    assert worker.trace(config, 4).repeats(recording, 4)
    assert [t[:2] for t in traced.tensors] == [t[:2] for t in replayed.tensors]
    assert compare(traced, loaded) == []
    # Gradients from several uses are added in almost the order of backpropagation.
    for trace in (replayed, elsewhere):
        assert all(found.relative < 1e-6 for found in compare(traced, trace))


def test_trace_names_tensors_and_operators() -> None:
    """They are named as in the equations, in the order of computation."""
    runs = [("clipped-rnn", "textbook"), ("clipped-lstm", "textbook"), ("clipped-rnn", "kernel")]
    configs = [replace(Job(*run).config, num_steps=3) for run in runs]
    rnn, lstm, kernel = (
        [f"{t.name}: {t.operator}" for t in worker.trace(config, 1).tensors] for config in configs
    )
    block, start = "embedding.weight", lstm.index("x_2 w_i: matmul")
    gates = [
        f"x_2 w_{k}: matmul/h_1 u_{k}: matmul/x_2 w_{k} + h_1 u_{k}: add"
        f"/x_2 w_{k} + h_1 u_{k} + b_{k}: add/{k}_2: {'tanh' if k == 'a' else 'sigmoid'}"
        for k in "ifoa"
    ]
    cell = "f_2 * c_1: multiply/i_2 * a_2: multiply/c_2: add/tanh(c_2): tanh/h_2: multiply"

    assert "/".join(lstm[start : start + 25]) == "/".join([*gates, cell])
    assert "d c_2: gradient of tanh and multiply, summed over 2 uses" in lstm
    assert "/".join(rnn[6:17]) == (
        "tokens: data/labels: data/x: embedding/x_1: unbind/x_2: unbind/x_3: unbind/x_1 W: matmul"
        "/h_0 U: matmul/x_1 W + h_0 U: add/x_1 W + h_0 U + b: add/h_1: tanh"
    )
    assert "/".join(rnn[26:35]) == (
        "h_3: tanh/prediction: linear/loss: mse_loss/d prediction: gradient of mse_loss"
        "/d h_3: gradient of linear/d (x_3 W + h_2 U + b): gradient of tanh"
        "/d (x_3 W + h_2 U): gradient of add/d (h_2 U): gradient of add/d (x_3 W): gradient of add"
    )
    assert "/".join(each for each in rnn if block in each) == (
        f"{block} before the step: seed or update/grad {block}: gradient of embedding"
        f"/squared norm of grad {block}: squared_l2_norm/clipped {block}: clipping"
        f"/squared norm of clipped {block}: squared_l2_norm/{block} after the update: sgd"
    )
    assert "grad recurrent.b: gradient of add, summed over 3 uses" in rnn
    assert "d x: gradient of unbind" in rnn
    assert {"h_3: kernel RNN", "d x: gradient of kernel RNN"} < {*kernel}


def test_gradient_after_a_saturated_tanh_has_the_scale_of_its_input() -> None:
    """Such a gradient is only the rounding of 1 - h^2, so it cannot scale its own error."""
    config = Job("exploding-rnn", "textbook").config
    traced = {t.name: t for t in worker.trace(config, 6).tensors}

    arrived, passed = traced["d h_10"], traced["d (x_10 W + h_9 U + b)"]

    assert np.abs(passed.values).max() < np.abs(arrived.values).max() == passed.scale
    given: list[list[float]] = [[0.5], [-3.0], [], [0.5, 0.25], [np.nan, np.inf]]
    assert [scale_of(np.array(each)) for each in given] == [1, 3, 0, 0.5, 0]
