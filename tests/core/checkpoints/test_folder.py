"""The folder of checkpoints: what is written, kept, refused and locked."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnn_core import Batch, CheckpointError, TrainingInterrupted, load_data, train
from rnn_core.checkpoints.checkpoint import Checkpoint
from rnn_core.checkpoints.folder import CheckpointFolder, CheckpointWarning, checkpoint_files
from rnn_core.data.digit_sums import DigitSums
from rnn_core.model import new_model
from rnn_core.recorder import Step
from rnn_core.runtime import parallel
from tests.helpers.histories import check_equal
from tests.helpers.resumed import SMALL, check_resumed, noisy_run, stopped


@pytest.mark.parametrize(("every", "last"), [(5, [5, 10, 12]), (7, [0, 7, 12]), (1, [10, 11, 12])])
def test_folder_keeps_every_nth_and_last_step(every: int, last: list[int], tmp_path: Path) -> None:
    """Of these, the last three stay, and no other file but the lock."""
    train(SMALL, checkpoint=str(tmp_path), every=every)

    names = [f"step-{steps:09}.npz" for steps in last]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", *names]
    assert [Checkpoint.load(p).history.steps for p in checkpoint_files(tmp_path)] == last


def rename(path: Path, old: str, new: str) -> None:
    """Rename a parameter everywhere in a checkpoint."""
    with np.load(path) as stored:
        arrays = {name.replace(old, new): values for name, values in stored.items()}
    names = np.array(str(arrays["weights"]).replace(old, new))
    np.savez(path, **{**arrays, "weights": names, "parameters": names})


def replace_by_fifo(path: Path) -> None:
    """Put a pipe in place of a file."""
    path.unlink()
    os.mkfifo(path)


Damage = Callable[[Path], object]
REFUSED = "(is not a valid 'rnn_core checkpoint 1' file|does not fit this run): "


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "not a zip archive, or cut short"),
        (lambda path: train(SMALL).save(path), "format tag is missing or different"),
        (lambda path: (path.unlink(), path.mkdir()), ".*directory.*"),
        (replace_by_fifo, ".*not a regular file.*"),
        (lambda path: rename(path, "linear.bias", "bias"), "weights are missing: linear.bias"),
    ],
)
def test_resume_skips_a_damaged_checkpoint(damage: Damage, reason: str, tmp_path: Path) -> None:
    """The damaged file is named with the reason and renamed."""
    path = stopped(tmp_path, steps=9)
    damage(path)

    words = rf"{path.name} {REFUSED}{reason}; step-000000008.npz is used instead$"
    with pytest.warns(CheckpointWarning, match=words):
        check_resumed(tmp_path, done=8)
    assert (tmp_path / f"{path.name}.refused").exists()


def test_all_damaged_checkpoints_are_renamed(tmp_path: Path) -> None:
    """Not only the last, so that the next run does not find the others."""
    paths = [stopped(tmp_path, steps=9), tmp_path / "step-000000008.npz"]
    for path in paths:
        path.write_bytes(b"damaged")

    with pytest.warns(CheckpointWarning) as warned:
        check_resumed(tmp_path, done=7)

    messages = [str(each.message) for each in warned]
    assert [m.startswith(f"{p} ") for m, p in zip(messages, paths, strict=True)] == [True, True]
    assert all(path.with_name(f"{path.name}.refused").exists() for path in paths)


def test_directory_in_place_of_an_older_checkpoint_does_not_stop_the_run(tmp_path: Path) -> None:
    """It stays when older checkpoints are removed."""
    stopped(tmp_path, steps=9)
    (tmp_path / "step-000000001.npz").mkdir()
    check_resumed(tmp_path)

    assert (tmp_path / "step-000000001.npz").is_dir()


def test_resume_fails_if_a_damaged_checkpoint_cannot_be_renamed(tmp_path: Path) -> None:
    """The error names the file, and nothing is trained."""
    path = stopped(tmp_path, steps=9)
    path.write_bytes(b"damaged")
    (tmp_path / f"{path.name}.refused").mkdir()

    with pytest.raises(CheckpointError, match=f"cannot rename .*{path.name}") as caught:
        noisy_run(SMALL, tmp_path, resume=True)
    assert caught.value.history is None
    assert path in checkpoint_files(tmp_path)


def test_resume_fails_if_all_checkpoints_are_damaged(tmp_path: Path) -> None:
    """The run does not start again, and the files stay as they are."""
    stopped(tmp_path, steps=9)
    for path in checkpoint_files(tmp_path):
        path.write_bytes(b"damaged")

    words = (
        rf"9.npz is not a valid [^;]*; {tmp_path}/.*8.npz is .*; {tmp_path}/.*7.npz is not a valid"
    )
    with pytest.raises(CheckpointError, match=words) as caught:
        noisy_run(SMALL, tmp_path, resume=True)
    assert caught.value.history is None
    assert [path.read_bytes() for path in checkpoint_files(tmp_path)] == [b"damaged"] * 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cell": "RNN"}, "cell is 'LSTM' in the checkpoint, but 'RNN' now$"),
        ({"clip_norm": None, "record": 2}, "clip_norm is 1.0 in .* None now; record is 1 "),
        ({"execution": "kernel", "on_nonfinite": "raise"}, "execution is .*; on_nonfinite is "),
        ({"epochs": 2}, "the checkpoint is at epoch 3, but epochs=2$"),
    ],
)
def test_resume_rejects_another_config(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    """The error lists the differences; nothing is trained, renamed or written."""
    stopped(tmp_path, steps=9)
    before = sorted(tmp_path.iterdir())

    config = replace(SMALL, **{"seed": 3, **changes})
    with pytest.raises(CheckpointError, match=f"step-000000009.npz is of another run: {words}"):
        train(config, checkpoint=tmp_path, resume=True)
    assert sorted(path for path in tmp_path.iterdir() if path.name != ".lock") == before


DATA = list(load_data())
OTHERS = (
    *(DATA[::-1], DATA[:3], [*DATA, DATA[0]]),
    [Batch(DATA[0].tokens, DATA[1].labels), *DATA[1:]],
)
STREAM = DigitSums(count=18, batch_size=4)  # Five batches; the last has two samples.
CHANGES: list[Any] = [{"seed": 1}, {"count": 22}, {"digits": 3}, {"batch_size": 3}]


@pytest.mark.parametrize(
    ("data", "others"), [(DATA, OTHERS), (STREAM, [replace(STREAM, **each) for each in CHANGES])]
)
def test_resume_rejects_other_data(data: Any, others: Any, tmp_path: Path) -> None:
    """Tokens, labels, order and length must be the same; of a stream, its first and last batch."""
    config = replace(SMALL, epochs=1, batch_size=4)
    train(config, data, checkpoint=tmp_path)

    for other in others:
        with pytest.raises(CheckpointError, match="of another run: the training data differ$"):
            train(config, other, checkpoint=tmp_path, resume=True)


def test_train_rejects_a_folder_with_checkpoints_without_resume(tmp_path: Path) -> None:
    """The existing checkpoints are not overwritten."""
    path = stopped(tmp_path, steps=2)
    before = {path: path.read_bytes() for path in checkpoint_files(tmp_path)}

    words = f"already holds .* up to {path.name}: resume that run"
    with pytest.raises(CheckpointError, match=words):
        noisy_run(SMALL, tmp_path)
    assert {path: path.read_bytes() for path in checkpoint_files(tmp_path)} == before


def test_folder_in_use_is_refused_to_a_second_run(tmp_path: Path) -> None:
    """The first run is not disturbed, and the folder can be used again afterwards."""
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


def test_unfinished_files_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    """Only files with the temporary prefix are removed."""
    stopped(tmp_path, steps=2)
    (tmp_path / ".rnn_core-abc").touch()
    (tmp_path / ".rnn_core-folder").mkdir()  # Not a temporary file.
    check_resumed(tmp_path)

    assert list(tmp_path.glob(".rnn_core-*")) == [tmp_path / ".rnn_core-folder"]


@contextmanager
def no_room(size: int) -> Iterator[None]:
    """Make the kernel refuse to write more than this number of bytes to a file."""
    resource = pytest.importorskip("resource", reason="the system cannot limit the size of files")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


@pytest.mark.parametrize("size", [0, 4096])
def test_full_disk_ends_the_run_and_keeps_older_checkpoints(size: int, tmp_path: Path) -> None:
    """The error names the file, and the run can be resumed once there is room."""
    stopped(tmp_path, steps=7)
    before = {path: path.read_bytes() for path in checkpoint_files(tmp_path)}

    words = "cannot write checkpoint .*step-000000008.npz: .*too large"
    with pytest.raises(CheckpointError, match=words) as caught, no_room(size):
        noisy_run(SMALL, tmp_path, resume=True)

    assert caught.value.history is not None
    assert caught.value.history.steps == 8
    assert {path: path.read_bytes() for path in checkpoint_files(tmp_path)} == before
    assert not list(tmp_path.glob(".rnn_core-*"))
    check_resumed(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_pipe_in_place_of_the_lock_is_refused(tmp_path: Path) -> None:
    """Opening it would wait for a reader."""
    os.mkfifo(tmp_path / ".lock")

    with pytest.raises(CheckpointError, match=f"cannot write checkpoints to {tmp_path}: "):
        train(SMALL, checkpoint=tmp_path)


def test_folder_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    """A file at its path, or a missing parent, is refused before training."""
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "nowhere" / "run"):
        with pytest.raises(CheckpointError, match=f"cannot write .* to {path}: ") as caught:
            train(SMALL, checkpoint=path)
        assert caught.value.history is None


@pytest.mark.parametrize("record", [1, 5])
def test_ctrl_c_writes_a_checkpoint_after_the_step(record: int, tmp_path: Path) -> None:
    """The step is completed and saved, whatever `every` is, and the run can be resumed."""
    config = replace(SMALL, record=record)

    def interrupt(step: Step) -> None:
        if step.number == 5:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(TrainingInterrupted, match="interrupted after step 5$") as caught:
        train(config, on_step=interrupt, checkpoint=tmp_path)

    saved = Checkpoint.load(tmp_path / "step-000000005.npz")
    check_equal(saved.history, caught.value.history)
    check_equal(train(config), train(config, checkpoint=tmp_path, resume=True))


def test_process_without_a_checkpoint_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the first process resumes from step 0."""
    seen = CheckpointFolder(tmp_path, 5, 4, 0, new_model(SMALL), lambda: False)
    assert seen.restore(SMALL) is None
    monkeypatch.setattr(parallel, "rank", lambda: 1)

    with pytest.raises(CheckpointError, match="the processes see different checkpoints in"):
        seen.restore(SMALL)
