"""A resumed run continues as if it had never stopped."""

import shutil
from dataclasses import replace
from pathlib import Path

import paddle
import pytest

from rnn_core import EXPERIMENTS, Batch, History, NonFiniteError, train
from rnn_core.checkpoints.checkpoint import Checkpoint
from rnn_core.checkpoints.folder import checkpoint_files
from rnn_core.checkpoints.random_states import seed_paddle
from rnn_core.config import DTYPES, EAGER, DType, Execution
from rnn_core.data.digit_sums import DigitSums
from rnn_core.model import model_of
from tests.helpers.histories import check_equal
from tests.helpers.resumed import SMALL, check_resumed, content, noisy_run, stopped

STREAM = DigitSums(count=18, batch_size=4)  # Five batches; the last has two samples.


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("execution", EAGER)
@pytest.mark.parametrize("name", ["exploding-rnn", "clipped-lstm"])
def test_resumed_run_equals_an_uninterrupted_one(
    name: str, execution: Execution, dtype: DType, device: str, tmp_path: Path
) -> None:
    """It does not matter whether the run stopped within an epoch or between two."""
    experiment = EXPERIMENTS[name].config
    config = replace(experiment, epochs=2, execution=execution, dtype=dtype, device=device)

    for steps in (3, 4):
        stopped(tmp_path / str(steps), config, steps)
        check_resumed(tmp_path / str(steps), config)


@pytest.mark.parametrize("record", [0, 4])
def test_resume_works_from_any_step_with_any_record(
    record: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The resumed run equals the whole one, whatever its last step and its `record`."""
    monkeypatch.setattr("rnn_core.recorder.CORRECT_WITHIN", 4.0)
    config = replace(SMALL, record=record, batch_size=3)

    for steps in range(7):  # The run has six.
        stopped(tmp_path / str(steps), config, steps)
        check_resumed(tmp_path / str(steps), config)


@pytest.mark.parametrize("record", [0, 1])
def test_resume_names_earlier_environments(
    record: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment is the last one; earlier differences are listed with their last step."""
    config = replace(SMALL, record=record)
    environment = History.load(stopped(tmp_path, config, steps=5)).environment
    here = {**environment, "paddle": "9.9.9", "python": "3.99"}
    monkeypatch.setattr("rnn_core.training.describe_environment", lambda _: here)
    noisy_run(config, tmp_path, resume=True)
    there = {**here, "paddle": "9.9.10"}
    monkeypatch.setattr("rnn_core.training.describe_environment", lambda _: there)
    # A limit of 1 is one of 1.0.
    history = noisy_run(replace(config, epochs=4, clip_norm=1), tmp_path, resume=True)

    expected = {
        **there,
        "up to step 5": f"paddle {environment['paddle']}, python {environment['python']}",
        "up to step 12": "paddle 9.9.9",
    }
    assert history.environment == expected
    assert history.config == replace(config, epochs=4, seed=3)


def test_resume_of_a_run_that_stopped_at_infinity_stops_there_again(tmp_path: Path) -> None:
    """The steps after the last checkpoint are repeated with the same end."""
    config = replace(EXPERIMENTS["exploding-rnn"].config, epochs=8, on_nonfinite="raise")
    ends = []
    for resume in (False, True):
        with pytest.raises(NonFiniteError) as caught:
            train(config, checkpoint=tmp_path, every=8, resume=resume)
        ends.append(caught.value.history)

    assert ends[1].outcome == "non-finite"
    assert Checkpoint.load(checkpoint_files(tmp_path)[-1]).history.steps == 16
    check_equal(*ends)


def test_run_that_continues_after_nan_is_resumed_after_it(tmp_path: Path) -> None:
    """Weights of NaN are those of the run."""
    config = replace(EXPERIMENTS["exploding-rnn"].config, epochs=8, on_nonfinite="continue")
    stopped(tmp_path, config, steps=30)
    check_resumed(tmp_path, config)


@pytest.mark.parametrize("steps", [3, 5])
def test_resume_of_a_stream_makes_the_remaining_batches_only(
    steps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The resumed run equals the whole one, stopped within an epoch or at its end."""
    monkeypatch.setattr("rnn_core.checkpoints.folder.KEEP", 1000)
    config = replace(SMALL, epochs=2, batch_size=4)
    whole = train(config, STREAM, checkpoint=tmp_path / "whole", every=1)
    name = f"step-{steps:09}.npz"
    (tmp_path / "stopped").mkdir()
    shutil.copy(tmp_path / "whole" / name, tmp_path / "stopped")
    made: list[int] = []
    make = DigitSums.__getitem__

    def noting(self: DigitSums, index: int) -> Batch:
        made.append(index)
        return make(self, index)

    monkeypatch.setattr(DigitSums, "__getitem__", noting)
    history = train(config, STREAM, checkpoint=tmp_path / "stopped", resume=True)

    check_equal(whole, history)
    end = "step-000000010.npz"
    assert content(tmp_path / "whole" / end) == content(tmp_path / "stopped" / end)
    to_come = [0, 1, 2, 3, 4, 0, 1, 2, 3, 4][steps:]
    # Before that, only the first and the last batch are made, for the check.
    assert (to_come, {0, 4}) == (made[-len(to_come) :], set(made[: -len(to_come)]))


def test_resume_seeds_paddle_from_seed_and_step(tmp_path: Path) -> None:
    """What `on_step` draws from Paddle neither continues nor repeats its sequence.

    The step is that of the training, not of the record. A model that was evaluated before is in
    training mode again.
    """
    config = replace(SMALL, record=4)
    stopped(tmp_path, config, steps=5)
    drawn: list[float] = []
    model = model_of(config)
    model.eval()
    train(
        replace(config, seed=3),
        model=model,
        on_step=lambda _: drawn.append(float(paddle.rand([1]).numpy()[0])),
        checkpoint=tmp_path,
        resume=True,
    )

    seed_paddle(3, 5)
    assert drawn == [float(paddle.rand([1]).numpy()[0]) for _ in range(2)]
    assert model.training
