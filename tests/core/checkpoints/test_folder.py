"""The folder of checkpoints: what is written, kept and locked.

`tests/recorded/test_checkpoints.py` tests what is refused.
"""

import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rnn_core import CheckpointError, TrainingInterrupted, train
from rnn_core.checkpoints.checkpoint import Checkpoint
from rnn_core.checkpoints.folder import CheckpointFolder, checkpoint_files
from rnn_core.model import new_model
from rnn_core.recorder import Recorder, Step
from rnn_core.runtime import parallel
from rnn_core.runtime.files import PREFIX
from tests.helpers.histories import check_equal
from tests.helpers.resumed import SMALL, check_resumed, noisy_run, stopped


@pytest.mark.parametrize(("every", "last"), [(5, [5, 10, 12]), (7, [4, 7, 12]), (1, [10, 11, 12])])
def test_folder_keeps_every_nth_and_last_step(
    every: int, last: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of these, the last three stay, and no other file but the lock, unfinished ones included.

    A resumed run counts from its first step. The steps between take no more time than without.
    """
    calls = Counter[str]()

    def count(owner: type[Any], name: str) -> None:
        call = getattr(owner, name)

        def counted(*given: Any) -> Any:
            calls[name] += 1
            return call(*given)

        monkeypatch.setattr(owner, name, counted)

    count(CheckpointFolder, "save")
    count(Recorder, "position")
    count(Recorder, "history")
    for epochs in (1, 3):
        for name in ("one", "two"):
            (tmp_path / f"{PREFIX}{name}").touch()
        config = replace(SMALL, epochs=epochs, record=every % 7)  # One run records nothing.
        train(config, checkpoint=str(tmp_path), every=every, resume=epochs > 1)

    names = [f"step-{steps:09}.npz" for steps in last]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", *names]
    assert [Checkpoint.load(p).history.steps for p in checkpoint_files(tmp_path)] == last
    # The first run also saves its beginning; each run ends with its history.
    assert calls["position"] == calls["save"] - 1 == calls["history"] - 3


def test_last_checkpoints_are_those_of_the_last_steps(tmp_path: Path) -> None:
    """Also from step 1000000000 on, whose name is longer."""
    saved = Checkpoint.load(stopped(tmp_path, steps=0))
    for steps in (999_999_998, 999_999_999, 10**9, 10**9 + 1):
        history = replace(saved.history, steps=steps)
        folder = CheckpointFolder(tmp_path, 1, 4, 0, new_model(SMALL), lambda: False)
        folder.save(history, saved.position)

    names = [path.name for path in checkpoint_files(tmp_path)]
    assert names == [f"step-{steps}.npz" for steps in (999_999_999, 10**9, 10**9 + 1)]


def test_relative_folder_stays_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change of the working directory during the run does not move it."""
    monkeypatch.chdir(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "run").mkdir(parents=True)
    train(SMALL, on_step=lambda _: os.chdir(elsewhere), checkpoint="run", every=5)

    assert len(checkpoint_files(tmp_path / "run")) == 3
    assert [*(elsewhere / "run").iterdir()] == []


def test_folder_in_use_is_refused_to_a_second_run(tmp_path: Path) -> None:
    """The first run is not disturbed, and the folder can be used again afterwards."""
    if sys.platform == "win32":
        pytest.skip("there is no lock on Windows")
    refused: list[str] = []

    def second(step: Step) -> None:
        if step.number == 2:
            (tmp_path / f"{PREFIX}in-use").touch()  # As if the first run were writing.
            for _ in range(2):  # A refusal leaves the lock to the first run.
                with pytest.raises(CheckpointError) as caught:
                    train(SMALL, checkpoint=tmp_path, resume=True)
                refused.append(str(caught.value))
            assert (tmp_path / f"{PREFIX}in-use").exists()

    first = train(SMALL, on_step=second, checkpoint=tmp_path, every=1)

    assert refused == [f"{tmp_path} is in use by another run"] * 2
    check_equal(train(SMALL), first)
    check_equal(first, train(SMALL, checkpoint=tmp_path, resume=True))


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


@pytest.mark.parametrize("record", [1, 5])
def test_ctrl_c_writes_a_checkpoint_after_the_step(record: int, tmp_path: Path) -> None:
    """The step is completed and saved, whatever `every` is, and the run can be resumed."""
    config = replace(SMALL, record=record)

    def interrupt(step: Step) -> None:
        if step.number == 5:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(TrainingInterrupted, match="interrupted after step 5$") as caught:
        train(config, on_step=interrupt, checkpoint=tmp_path, resume=True)

    saved = Checkpoint.load(tmp_path / "step-000000005.npz")
    check_equal(saved.history, caught.value.history)
    check_equal(train(config), train(config, checkpoint=tmp_path, resume=True))


def test_process_without_a_checkpoint_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the first process resumes from step 0, and if the other one has another step."""
    config = replace(SMALL, seed=3)
    data = Checkpoint.load(stopped(tmp_path / "run", steps=9)).data
    for folder in (tmp_path, tmp_path / "run"):
        seen = CheckpointFolder(folder, 5, 4, data, new_model(config), lambda: False)
        assert (seen.restore(config) is None) == (folder == tmp_path)
        with monkeypatch.context() as second:
            second.setattr(parallel, "rank", lambda: 1)
            with pytest.raises(CheckpointError, match="the processes see different checkpoints in"):
                seen.restore(config)
