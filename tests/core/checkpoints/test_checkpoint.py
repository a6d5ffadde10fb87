"""A run that was stopped goes on as if it never had been."""

import os
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import paddle
import pytest

from rnn_core import (
    EXPERIMENTS,
    Batch,
    CheckpointError,
    History,
    NumericPrediction,
    TrainConfig,
    TrainingInterrupted,
    load_data,
    train,
)
from rnn_core.checkpoints.checkpoint import Checkpoint
from rnn_core.checkpoints.folder import CheckpointWarning, checkpoint_files
from rnn_core.checkpoints.random_states import seed_paddle
from rnn_core.config import DTYPES, EXECUTIONS, DType, Execution
from rnn_core.data.digit_sums import DigitSums
from rnn_core.model import model_of
from rnn_core.recorder import Step
from tests import ROOT
from tests.helpers.histories import check_equal
from tests.helpers.kernel_float64 import skip_where_it_dies
from tests.helpers.resumed import SMALL, content, noisy_run

# Removed when the process ends.
WHOLE_RUNS = TemporaryDirectory()
NAME_7 = "step-000000007.npz"
NAMES = ["step-000000010.npz", "step-000000011.npz", "step-000000012.npz"]


@cache
def whole_run(config: TrainConfig = SMALL) -> Path:
    """A folder with every checkpoint of a noisy run that was never stopped."""
    folder = Path(WHOLE_RUNS.name) / str(whole_run.cache_info().misses)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rnn_core.checkpoints.folder.KEEP", 1000)
        noisy_run(config, folder)
    return folder


def stopped(folder: Path, config: TrainConfig = SMALL, steps: int = 12) -> Path:
    """A folder as a run leaves it that was killed after so many steps; its last checkpoint."""
    folder.mkdir(exist_ok=True)
    for path in checkpoint_files(whole_run(config))[max(0, steps - 2) : steps + 1]:
        shutil.copy(path, folder)
    return folder / f"step-{steps:09}.npz"


def check_resumed(folder: Path, config: TrainConfig = SMALL, done: int | None = None) -> None:
    """Resume the run, and check that it goes on, to the bits of the one that was never stopped."""
    history = noisy_run(config, folder, resume=True, every=1000, done=done)

    end = checkpoint_files(whole_run(config))[-1]
    assert content(end) == content(folder / end.name)
    check_equal(replace(History.load(end), outcome="finished"), history)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_goes_on_bit_for_bit(
    name: str, execution: Execution, dtype: DType, device: str, tmp_path: Path
) -> None:
    """Stopped in an epoch or between two, nothing differs."""
    experiment = EXPERIMENTS[name].config
    skip_where_it_dies(experiment.cell, dtype)
    config = replace(experiment, epochs=2, execution=execution, dtype=dtype, device=device)

    for steps in (3, 4):
        stopped(tmp_path / str(steps), config, steps)
        check_resumed(tmp_path / str(steps), config)


@pytest.mark.parametrize("record", [0, 1, 4])
def test_goes_on_from_any_step_whatever_it_records(record: int, tmp_path: Path) -> None:
    """Stopped after any step, with any setting of `record`, nothing differs."""
    config = replace(SMALL, record=record, batch_size=3)

    for steps in range(7):
        stopped(tmp_path / str(steps), config, steps)
        check_resumed(tmp_path / str(steps), config)


@pytest.mark.parametrize("record", [1, 2, 4, 100])
def test_the_epochs_count_goes_on(
    record: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Right predictions before the stop are counted once, also those not yet counted then."""
    monkeypatch.setattr("rnn_core.checkpoints.folder.KEEP", 1000)
    config = replace(SMALL, cell="RNN", num_steps=2, epochs=2, learning_rate=1e-9, record=record)
    model = NumericPrediction(emb_size=8, hidden_size=4)
    right = model(paddle.to_tensor([[1, 2]]))[0].item()
    data = [
        Batch(paddle.to_tensor([[1, 2]]), paddle.to_tensor([[right + error]]))
        for error in (0.0, 1.0, 0.0, 0.0, 1.0)
    ]
    seen: list[Step] = []
    train(config, data, model, on_step=seen.append, checkpoint=tmp_path / "whole", every=1)

    # After a right one that waits to be counted, after several, at and after an epoch's end.
    for steps in (1, 3, 5, 8):
        again: list[Step] = []
        folder = tmp_path / str(steps)
        folder.mkdir()
        shutil.copy(tmp_path / "whole" / f"step-{steps:09}.npz", folder)
        history = train(config, data, model, again.append, checkpoint=folder, resume=True)

        assert history.accuracy.tolist() == [0.6, 0.6]
        assert [step for step in seen if step.number > steps] == again


def test_goes_on_in_another_process(tmp_path: Path) -> None:
    """Resumed on the command line, with more epochs, a run equals one that was never stopped."""
    folder, saved = tmp_path / "run", tmp_path / "run.npz"
    config = replace(EXPERIMENTS["clipped-lstm"].config, epochs=3)
    train(replace(config, epochs=1), checkpoint=folder, every=3)
    command = ["-m", "rnn_core", "run", "clipped-lstm", "--epochs", "3", "--save", str(saved)]
    subprocess.run(
        [sys.executable, *command, "--checkpoint", str(folder), "--resume"],
        check=True,
        capture_output=True,
    )

    check_equal(train(config), History.load(saved))


def test_writes_the_first_every_nth_and_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With every fifth of 12 steps, there are checkpoints of 0, 5, 10 and 12."""
    monkeypatch.setattr("rnn_core.checkpoints.folder.KEEP", 1000)
    train(SMALL, checkpoint=str(tmp_path), every=5)

    assert [Checkpoint.load(p).history.steps for p in checkpoint_files(tmp_path)] == [0, 5, 10, 12]


def test_the_last_three_are_kept(tmp_path: Path) -> None:
    """Older ones are removed, and nothing is left over beside them."""
    train(SMALL, checkpoint=tmp_path, every=1)

    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", *NAMES]


def test_a_checkpoint_is_a_history(tmp_path: Path) -> None:
    """The history so far can be read from it, as of a run that was interrupted there."""
    path = stopped(tmp_path, steps=7)
    history = History.load(path)

    assert (history.outcome, history.steps, len(history.accuracy)) == ("interrupted", 7, 1)


def test_a_run_that_changed_machines_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment is the last one, and what was another before is told with the step."""
    environment = History.load(stopped(tmp_path, steps=5)).environment
    here = {**environment, "paddle": "9.9.9"}
    monkeypatch.setattr("rnn_core.training.describe_environment", lambda _: here)
    noisy_run(SMALL, tmp_path, resume=True)
    there = {**here, "paddle": "9.9.10"}
    monkeypatch.setattr("rnn_core.training.describe_environment", lambda _: there)
    history = noisy_run(replace(SMALL, epochs=4), tmp_path, resume=True)

    expected = {
        **there,
        "up to step 5": f"paddle {environment['paddle']}",
        "up to step 12": "paddle 9.9.9",
    }
    assert history.environment == expected


def test_an_empty_folder_is_begun(tmp_path: Path) -> None:
    """To resume where there is no checkpoint yet is to begin."""
    check_resumed(tmp_path / "new")


def test_a_finished_run_has_nothing_left(tmp_path: Path) -> None:
    """To resume a whole run gives its history, without a step."""
    steps: list[Step] = []
    first = train(SMALL, checkpoint=tmp_path)
    again = train(SMALL, on_step=steps.append, checkpoint=tmp_path, resume=True)

    assert steps == []
    check_equal(first, again)


def test_a_run_that_stopped_at_infinity_stops_there_again(tmp_path: Path) -> None:
    """The steps since the last checkpoint are trained again, and end as they did."""
    config = replace(EXPERIMENTS["exploding-rnn"].config, epochs=8)
    first = train(config, checkpoint=tmp_path, every=8)
    again = train(config, checkpoint=tmp_path, every=8, resume=True)

    assert again.outcome == "non-finite"
    assert Checkpoint.load(checkpoint_files(tmp_path)[-1]).history.steps == 16
    check_equal(first, again)


@pytest.mark.parametrize(
    "damage", ["cut", "empty", "foreign", "history", "weights", "epoch", "batch", "directory"]
)
def test_the_one_before_a_damaged_one_is_used(damage: str, tmp_path: Path) -> None:
    """A checkpoint that is no good is named with the reason and set aside; the run goes on."""
    path = stopped(tmp_path, steps=9)
    reason = "is not a valid 'rnn_core checkpoint 1' file: not a zip archive, or cut short"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "foreign":
        np.savez(path, loss=np.zeros(3))
        reason = "is not a valid 'rnn_core checkpoint 1' file: format tag is missing or different"
    elif damage == "history":
        train(SMALL).save(path)
        reason = "is not a valid 'rnn_core checkpoint 1' file: format tag is missing or different"
    elif damage == "weights":
        change(path, **{"weights/linear.bias": np.zeros(2, np.float32)})
        reason = (
            r"does not fit the model: weight 'linear.bias' must be float32 of shape \[1\], "
            r"got float32 of shape \[2\]"
        )
    elif damage in ("epoch", "batch"):
        change(path, position=np.array([0, 0, 0, 0] if damage == "epoch" else [3, -1, 0, 0]))
        reason = rf"is not a valid .* file: Position\(.*{damage}=(0|-1), .* is not valid"
    else:
        path.unlink()
        path.mkdir()
        reason = "is not a valid 'rnn_core checkpoint 1' file: .*directory.*"

    words = rf"{path.name} {reason}; step-000000008.npz is used instead$"
    with pytest.warns(CheckpointWarning, match=words):
        check_resumed(tmp_path, done=8)
    assert (tmp_path / f"{path.name}.refused").exists()


def test_a_damaged_one_that_cannot_be_set_aside(tmp_path: Path) -> None:
    """Where its new name is taken by a directory, that is said, and nothing is trained."""
    path = stopped(tmp_path, steps=9)
    path.write_bytes(b"damaged")
    (tmp_path / f"{path.name}.refused").mkdir()

    with pytest.raises(CheckpointError, match=f"cannot rename .*{path.name}") as caught:
        noisy_run(SMALL, tmp_path, resume=True)
    assert caught.value.history is None
    assert path in checkpoint_files(tmp_path)


def test_no_good_one_is_an_error(tmp_path: Path) -> None:
    """Where all are damaged, nothing is begun anew, and all stay as they are."""
    stopped(tmp_path, steps=9)
    for path in checkpoint_files(tmp_path):
        path.write_bytes(b"damaged")

    words = r"step-000000009.npz is not a valid .*step-000000007.npz is not a valid"
    with pytest.raises(CheckpointError, match=words) as caught:
        noisy_run(SMALL, tmp_path, resume=True)
    assert caught.value.history is None
    assert [path.read_bytes() for path in checkpoint_files(tmp_path)] == [b"damaged"] * 3


def test_a_damaged_byte_is_refused_or_changes_nothing(tmp_path: Path) -> None:
    """Whatever byte is damaged, the file is refused by name or read as it was saved."""
    path = stopped(tmp_path, replace(SMALL, cell="RNN"), steps=4)
    saved, whole = content(path), path.read_bytes()

    refused = 0
    for place in range(0, len(whole), 151):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            Checkpoint.load(path)
        except ValueError as error:
            assert path.name in str(error)  # noqa: PT017
            refused += 1
        else:
            assert content(path) == saved
    assert refused > len(whole) / 151 / 2


class Bomb:
    """Whoever unpickles it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, int]]:
        return os.mkdir, (str(self.path), 0o700)


@pytest.mark.parametrize("kind", ["whole", "arrays"])
def test_a_strangers_pickle_does_not_run(kind: str, tmp_path: Path) -> None:
    """A pickle in the place of a checkpoint, or of anything in it, is refused and not run."""
    path, mark = stopped(tmp_path / "run", steps=0), tmp_path / "mark"
    pickled, whole = pickle.dumps(Bomb(mark)), path.read_bytes()

    if kind == "whole":
        path.write_bytes(pickled)
        with pytest.raises(CheckpointError, match="is not a valid 'rnn_core checkpoint 1' file"):
            noisy_run(SMALL, path.parent, resume=True)
    else:
        # One of each kind: all norms, and all weights, are read alike.
        for name in {name.partition("/")[0]: name for name in content(path)}.values():
            path.write_bytes(whole)
            change(path, **{name: np.array([Bomb(mark)], dtype=object)})
            with pytest.raises(ValueError, match="file: Object arrays cannot be loaded"):
                Checkpoint.load(path)

    assert not mark.exists()
    pickle.loads(pickled)  # noqa: S301 - it would have run
    assert mark.exists()


def change(path: Path, **arrays: Any) -> None:
    """Replace arrays in a checkpoint."""
    with np.load(path) as stored:
        content = {**stored, **arrays}
    np.savez(path, **content)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cell": "RNN"}, "cell is 'LSTM' in the checkpoint, but 'RNN' now$"),
        ({"seed": 4}, "seed is 3 in the checkpoint, but 4 now$"),
        (
            {"record": 2, "clip_norm": None},
            "clip_norm is 1.0 in .* None now; record is 1 ",
        ),
        ({"execution": "kernel"}, "execution is 'textbook' in the checkpoint, but 'kernel' now$"),
        ({"epochs": 2}, "the checkpoint is at epoch 3, but epochs=2$"),
        (
            {"on_nonfinite": "continue"},
            "on_nonfinite is 'stop' in .* 'continue' now$",
        ),
    ],
)
def test_another_config_is_refused(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    """What differs is named, and nothing is trained, set aside or written."""
    stopped(tmp_path, steps=9)
    before = sorted(tmp_path.iterdir())

    with pytest.raises(CheckpointError, match=f"step-000000009.npz is of another run: {words}"):
        train(
            replace(SMALL, **{"seed": 3, **changes}), load_data(), checkpoint=tmp_path, resume=True
        )
    assert sorted(path for path in tmp_path.iterdir() if path.name != ".lock") == before


def test_other_data_are_refused(tmp_path: Path) -> None:
    """The batches must be the same, in the same order."""
    data = list(load_data())
    train(SMALL, data, checkpoint=tmp_path)

    for other in (data[::-1], data[:3], [*data, data[0]]):
        with pytest.raises(CheckpointError, match="of another run: the training data differ$"):
            train(SMALL, other, checkpoint=tmp_path, resume=True)


STREAM = DigitSums(count=18, batch_size=4)  # Five batches, of which the last has two samples.


@pytest.mark.parametrize("steps", [3, 5])
def test_a_stream_goes_on(steps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped in an epoch or at its end, nothing differs; only batches to come are made again."""
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
    # The first and the last of the stream are looked at before.
    assert (to_come, {0, 4}) == (made[-len(to_come) :], set(made[: -len(to_come)]))


def test_another_stream_is_refused(tmp_path: Path) -> None:
    """It has another length, or another first or last batch."""
    config = replace(SMALL, epochs=1, batch_size=4)
    train(config, STREAM, checkpoint=tmp_path)
    others: list[dict[str, Any]] = [
        {"seed": 1},
        {"count": 22},
        {"digits": 3},
        {"batch_size": 3},
        {"held_out": True},
    ]

    for changes in others:
        with pytest.raises(CheckpointError, match="of another run: the training data differ$"):
            train(config, replace(STREAM, **changes), checkpoint=tmp_path, resume=True)


def test_more_epochs_are_a_longer_run(tmp_path: Path) -> None:
    """A finished run goes on to more epochs, and equals one that had them from the start."""
    longer = replace(SMALL, epochs=4)
    noisy_run(SMALL, tmp_path)

    check_resumed(tmp_path, longer)


def test_a_used_folder_is_not_begun_again(tmp_path: Path) -> None:
    """Without `resume`, checkpoints that are there are no start, and are not overwritten."""
    path = stopped(tmp_path, steps=2)
    before = {path: path.read_bytes() for path in checkpoint_files(tmp_path)}

    with pytest.raises(
        CheckpointError, match=f"already holds .* up to {path.name}: resume that run"
    ):
        noisy_run(SMALL, tmp_path)
    assert {path: path.read_bytes() for path in checkpoint_files(tmp_path)} == before


def test_two_runs_on_one_folder(tmp_path: Path) -> None:
    """The second is refused while the first one runs, which loses nothing; later it may go on."""
    if sys.platform == "win32":
        pytest.skip("there is no lock on Windows")
    refused: list[str] = []

    def second(step: Step) -> None:
        if step.number == 2:
            with pytest.raises(CheckpointError) as caught:
                train(SMALL, checkpoint=tmp_path, resume=True)
            refused.append(str(caught.value))

    first = train(SMALL, on_step=second, checkpoint=tmp_path, every=1)

    assert refused == [f"{tmp_path} is in use by another run"]
    check_equal(train(SMALL), first)
    check_equal(first, train(SMALL, checkpoint=tmp_path, resume=True))


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    """Half a file that was being written when the process was killed does not stay."""
    stopped(tmp_path, steps=2)
    (tmp_path / ".rnn_core-abc").touch()
    (tmp_path / ".rnn_core-folder").mkdir()  # Not its own: it writes files.
    check_resumed(tmp_path)

    assert list(tmp_path.glob(".rnn_core-*")) == [tmp_path / ".rnn_core-folder"]


@contextmanager
def no_room(size: int) -> Iterator[None]:
    """Have the kernel refuse to write files of more bytes, in the middle of the file."""
    resource = pytest.importorskip("resource", reason="the system limits no size of files")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


@pytest.mark.parametrize("size", [0, 4096])
def test_a_full_disk_ends_the_run_and_loses_nothing(size: int, tmp_path: Path) -> None:
    """The error names the file and holds the history; the run goes on once there is room."""
    stopped(tmp_path, steps=7)
    before = {path: path.read_bytes() for path in checkpoint_files(tmp_path)}

    words = "cannot write checkpoint .*step-000000008.npz: .*too large"
    with pytest.raises(CheckpointError, match=words), no_room(size):
        noisy_run(SMALL, tmp_path, resume=True)

    assert {path: path.read_bytes() for path in checkpoint_files(tmp_path)} == before
    assert not list(tmp_path.glob(".rnn_core-*"))
    check_resumed(tmp_path)


def test_a_full_disk_leaves_the_history(tmp_path: Path) -> None:
    """The run ends with what was trained."""
    with pytest.raises(CheckpointError) as caught, no_room(0):
        train(SMALL, checkpoint=tmp_path)

    assert caught.value.history is not None
    assert caught.value.history.steps == 0


def test_no_place_for_a_folder(tmp_path: Path) -> None:
    """A file in its place, or a folder that is not there to hold it, is named."""
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "nowhere" / "run"):
        with pytest.raises(CheckpointError, match=f"cannot write .* to {path}: ") as caught:
            train(SMALL, checkpoint=path)
        assert caught.value.history is None


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="users have other rights on this system")
def test_no_permission(tmp_path: Path) -> None:
    """A folder that may not be written to is refused before any training; root plays nobody."""
    tmp_path.chmod(0o555)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65534)
        with pytest.raises(CheckpointError, match="cannot write .* Permission denied"):
            train(SMALL, checkpoint=tmp_path)
    finally:
        os.seteuid(user)
        tmp_path.chmod(0o755)


@pytest.mark.parametrize("record", [1, 5])
def test_ctrl_c_waits_for_a_whole_step(record: int, tmp_path: Path) -> None:
    """The last whole step is written, whatever `every` says, and the run goes on from it."""
    config = replace(SMALL, record=record)
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupt(step: Step) -> None:
        if step.number == 5:
            signal.raise_signal(signal.SIGINT)

    try:
        with pytest.raises(TrainingInterrupted, match="interrupted after step 5$") as caught:
            train(config, on_step=interrupt, checkpoint=tmp_path)
    finally:
        signal.signal(signal.SIGINT, usual)

    saved = Checkpoint.load(tmp_path / "step-000000005.npz")
    check_equal(saved.history, caught.value.history)
    check_equal(train(config), train(config, checkpoint=tmp_path, resume=True))


def test_ctrl_c_twice_does_not_wait(tmp_path: Path) -> None:
    """The second Ctrl-C ends the step in its middle; the last checkpoint stays the one before."""
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupt(step: Step) -> None:
        if step.number == 5:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    try:
        with pytest.raises(TrainingInterrupted):
            train(SMALL, on_step=interrupt, checkpoint=tmp_path, every=4)
    finally:
        signal.signal(signal.SIGINT, usual)

    assert checkpoint_files(tmp_path)[-1].name == "step-000000004.npz"
    check_equal(train(SMALL), train(SMALL, checkpoint=tmp_path, resume=True))


def test_refuses_wrong_arguments(tmp_path: Path) -> None:
    """There is nothing to resume without a folder, and no zeroth step."""
    with pytest.raises(ValueError, match="^resume needs a checkpoint folder, got None$"):
        train(SMALL, resume=True)
    with pytest.raises(ValueError, match="^every must be at least 1, got 0$"):
        train(SMALL, checkpoint=tmp_path, every=0)


@pytest.mark.skipif(not hasattr(signal, "sigtimedwait"), reason="the system has no such wait")
def test_killed_at_random_moments() -> None:
    """Three kills; `python -m tests.kill_and_resume` does two hundred."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.kill_and_resume", "--times", "3"],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=ROOT,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("3 kills in ")


def test_paddle_is_seeded_from_seed_and_step_after_a_resume(tmp_path: Path) -> None:
    """What `on_step` draws from Paddle does not continue, but does not repeat either."""
    stopped(tmp_path, steps=5)
    drawn: list[float] = []
    train(
        replace(SMALL, seed=3),
        model=model_of(SMALL),
        on_step=lambda _: drawn.append(float(paddle.rand([1]).numpy()[0])),
        checkpoint=tmp_path,
        resume=True,
    )

    seed_paddle(3, 5)
    assert drawn == [float(paddle.rand([1]).numpy()[0]) for _ in range(7)]


def test_a_checkpoint_with_a_state_of_paddles_generator_is_resumed(tmp_path: Path) -> None:
    """Its further arrays, of an earlier version, are ignored."""
    old = ROOT / "tests" / "data" / "checkpoint-with-paddle-generator.npz"
    checkpoint = Checkpoint.load(old)
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    shutil.copy(old, tmp_path / "old" / NAME_7)
    checkpoint.save(tmp_path / "new" / NAME_7)
    seen: list[int] = []

    from_old, from_new = (
        train(
            checkpoint.history.config,
            on_step=lambda step: seen.append(step.number),
            checkpoint=tmp_path / name,
            resume=True,
        )
        for name in ("old", "new")
    )

    assert {"random/paddle_seed", "random/paddle_next"} <= set(content(old))
    assert "random/paddle_seed" not in content(tmp_path / "new" / NAME_7)
    assert seen == [*range(8, 13), *range(8, 13)]
    assert from_old.loss[:7].tolist() == checkpoint.history.loss.tolist()
    check_equal(from_new, from_old)


def test_resume_names_a_checkpoint_with_an_invalid_random_state(tmp_path: Path) -> None:
    """A state that would crash NumPy makes the file damaged."""
    path = stopped(tmp_path, steps=9)
    change(path, **{"random/numpy": np.array([1] * 624 + [10**6], np.uint32)})

    words = f"{path.name} is not a valid .* file: the state of the generator 'numpy' is not valid"
    with pytest.warns(CheckpointWarning, match=words):
        check_resumed(tmp_path, done=8)
