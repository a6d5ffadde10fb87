"""Two processes train like one with the whole batch."""

import json
import os
import re
import signal
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import paddle
import pytest

from benchmarks.locks import lock_folder
from benchmarks.runner import Result, project_environment, run
from rnn_core import DigitSums, History, TrainConfig, load_data, train
from rnn_core.config import EAGER, DType
from rnn_core.runtime import parallel
from tests.helpers import parallel_worker
from tests.helpers.parallel_worker import CASES, FIRST, NUMBERS, SLOW, trained
from tests.helpers.parametrize import over_dtypes

pytestmark = pytest.mark.skipif(
    not paddle.distributed.is_available(), reason="this Paddle can train in one process only"
)
over_cases = pytest.mark.parametrize("case", CASES)


def launch(program: list[str], folder: Path) -> Result:
    """Run a program in two processes by Paddle's launcher, as a user does.

    It usually takes some five seconds; processes that wait for each other are stopped after 300.
    The launcher looks for free ports at each start, so simultaneous launches do not collide.

    Args:
        program: the program's file and its arguments.
        folder: working directory, and folder of the logs.
    """
    launcher = [sys.executable, "-m", "paddle.distributed.launch"]
    options = ["--nproc_per_node", "2", "--log_dir", str(folder / "log")]
    variables = {"OMP_NUM_THREADS": "1", "PADDLE_DISTRI_BACKEND": "gloo"}
    return run([*launcher, *options, *program], project_environment(variables), folder, 300)


def read(launched: Result, folder: Path, what: str) -> list[dict[str, Any]]:
    """Read a file of each process."""
    files = [folder / f"{rank}{what}.json" for rank in (0, 1)]
    assert all(file.exists() for file in files), launched.output + launched.error
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the processes write, which all workers of xdist share."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return tmp_path_factory.getbasetemp().with_name("parallel")
    return tmp_path_factory.mktemp("parallel")


@pytest.fixture(scope="module")
def launched(folder: Path) -> Result:
    """A launch that most tests share, because it takes seconds."""
    ended = folder / "ended.json"
    with lock_folder(folder, timeout=300):
        if not ended.exists():
            found = launch([parallel_worker.__file__, str(folder)], folder)
            ended.write_text(json.dumps(found), encoding="utf-8")
    return Result(*json.loads(ended.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def results(launched: Result, folder: Path) -> list[dict[str, Any]]:
    """The results of both processes."""
    return read(launched, folder, "")


@pytest.fixture(scope="module")
def checkpoints(launched: Result, folder: Path) -> list[dict[str, Any]]:
    """The results of both processes with checkpoints, which come last."""
    return read(launched, folder, "-checkpoints")


def test_both_processes_end(launched: Result) -> None:
    """The exit status is 0."""
    assert launched.status == 0, launched.output + launched.error


@over_cases
def test_two_processes_equal_one_with_all_samples(results: list[dict[str, Any]], case: str) -> None:
    """Losses, norms, accuracies and weights."""
    check_together(results, case, CASES[case])


@pytest.mark.slow
@pytest.mark.parametrize("case", SLOW)
def test_two_processes_trace_bytecode(case: str, tmp_path: Path) -> None:
    """Their numbers are those of one process, with execution `sot`."""
    launched = launch([parallel_worker.__file__, "slow", str(tmp_path)], tmp_path)

    check_together(read(launched, tmp_path, ""), case, SLOW[case])


def check_together(results: list[dict[str, Any]], case: str, config: TrainConfig) -> None:
    """Both end in the same bits: losses, norms before and after clipping, accuracy and weights.

    The one is this process, which computes traced models as the textbook writes them. After five
    steps of batches that do not divide evenly, the largest relative difference was 8e-7 (norms, RNN
    without clipping; Paddle 2.6.2 and 3.3.1, November 2026), and 4e-16 in float64. The mean of the
    means of the two shares would be wrong by some percent.
    """
    together, second = (result["together"][case] for result in results)
    execution = config.execution if config.execution in EAGER else "textbook"
    alone = trained(replace(config, execution=execution))
    rtol = 1e-12 if case == "float64" else 1e-5

    assert (together["processes"], alone["processes"]) == ("2", "1")
    assert together == second
    assert alone["accuracy"] == together["accuracy"]
    np.testing.assert_allclose(together["loss"], alone["loss"], rtol=rtol)
    for what in ("raw_norms", "clipped_norms"):
        for name, norms in alone[what].items():
            np.testing.assert_allclose(together[what][name], norms, rtol=rtol, err_msg=name)
    for name, weights in alone["weights"].items():
        largest = np.abs(weights).max()
        np.testing.assert_allclose(
            together["weights"][name], weights, rtol=0, atol=rtol * largest, err_msg=name
        )


def test_connecting_changes_nothing_else(results: list[dict[str, Any]]) -> None:
    """No mode and no setting; nor do averages. All processes draw the same as one alone."""
    for result in results:
        assert result["changed"] == []
        assert result["drawn"] == [results[0]["drawn"][0]] * 2


def test_model_can_be_trained_further(results: list[dict[str, Any]]) -> None:
    """A second run of the same model averages its gradients too."""
    first, second = (result["twice"] for result in results)

    assert first == second
    np.testing.assert_allclose(first["loss"], trained(FIRST, runs=2)["loss"], rtol=1e-4)


@over_dtypes
def test_averages_are_exact(results: list[dict[str, Any]], dtype: DType) -> None:
    """At every magnitude, in every batch; the models have the weights of the first process.

    No tensor of a step is kept after it.
    """
    expected = {"wrong": [], "kept": 0, "taken": True}
    assert [result["averaged"][dtype] for result in results] == [expected] * 2


def test_correct_predictions_of_all_processes_count(results: list[dict[str, Any]]) -> None:
    """One of two correct in one process and two of two in the other give three of four.

    A sum leaves neither tensors nor objects of Python.
    """
    assert [result["counted"] for result in results] == [0.75, 0.75]
    for result in results:
        np.testing.assert_array_equal(result["total"], [n + 2 * n for n in NUMBERS])
        np.testing.assert_array_equal(result["of one"], np.repeat([n + 1 for n in NUMBERS], 2))
        tensors, objects, *_ = result["left"]
        assert tensors == 0
        assert objects < 300


def test_resumed_run_equals_an_uninterrupted_one(checkpoints: list[dict[str, Any]]) -> None:
    """It is stopped twice, and its last checkpoint is damaged once.

    The models passed to it have other weights. Both times, the run resumes from step 4, before the
    last batch of the first epoch.
    """
    first, second = checkpoints

    assert first["whole"]["recorded"] == [3, 6, 9]
    assert 0 < first["whole"]["accuracy"][0] < 1
    for seen in (first, second):
        assert first["whole"] == seen["whole"] == seen["resumed"]
        assert seen["seen"] == [3, 6, 6, 9, 6, 9]


def test_only_first_writes_checkpoints(checkpoints: list[dict[str, Any]], folder: Path) -> None:
    """It also renames a damaged one and warns; the second process does neither."""
    first, second = checkpoints
    names = [f"step-{steps:09}.npz" for steps in (0, 4, 8, 10)]

    assert first["written"] == [f"run/{names[n]}" for n in (0, 1, 2, 2, 3)]
    assert second["written"] == second["warnings"] == []
    assert [f"; {names[1]} is used instead" in words for words in first["warnings"]] == [True]
    assert sorted([".lock", *names[1:], f"{names[2]}.refused"]) == sorted(
        path.name for path in (folder / "run").iterdir()
    )


@pytest.mark.parametrize(
    ("case", "of", "words", "steps"),
    [
        ("used", 0, "already holds checkpoints up to step-000000010.npz", None),
        ("another seed", 0, "is of another run: seed is 0 in the checkpoint, but 1 now", None),
        ("the second's data", 1, "is of another run: the training data differ", None),
        ("the second's folder", 1, "the processes see different checkpoints in ", None),
        ("full", 0, "step-000000004.npz: [Errno 28] No space left on device", 4),
    ],
)
def test_error_of_one_process_is_raised_in_all(
    case: str, of: int, words: str, steps: int | None, checkpoints: list[dict[str, Any]]
) -> None:
    """The other process refers to that one's log and keeps its history; both can continue."""
    seen = [result["errors"][case] for result in checkpoints]

    assert words in seen[of][0]
    assert seen[1 - of][0] == "another process cannot use its checkpoints: see its log"
    assert [there[1:] for there in seen] == [[steps, 3.0]] * 2
    assert [result["errors"]["written"] for result in checkpoints] == [[], []]


def test_only_first_process_prints_and_writes(results: list[dict[str, Any]], folder: Path) -> None:
    """`run` in two processes writes one history and one summary."""
    (status, text), second = (result["run"] for result in results)

    assert status == 0
    assert second == [0, ""]
    assert [path.name for path in folder.glob("*.npz")] == ["of-0.npz"]
    assert History.load(folder / "of-0.npz").environment["processes"] == "2"
    assert re.search(r":\d+/48, Accuracy: ", text)
    assert text.count("LSTM (kernel), 3 steps, finished, on cpu") == 1
    assert text.count("held-out    loss ") == 1


@pytest.mark.slow
def test_process_that_dies_ends_the_run(tmp_path: Path) -> None:
    """The other process does not wait forever, and the error is in the log of the one that died.

    The launcher itself shows what the first process prints when its peer is gone.
    """
    process = launch([parallel_worker.__file__, "die"], tmp_path)

    assert process.status != 0
    assert "the second process failed" in (tmp_path / "log" / "workerlog.1").read_text()


@pytest.mark.slow
def test_command_of_the_docs_works(tmp_path: Path) -> None:
    """Paddle's launcher runs `python -m rnn_core`, although it has no option `-m` itself."""
    command = "-m rnn_core run digit-sums --samples 48 --held-out 10 --save run.npz"
    process = launch([sys.executable, *command.split()], tmp_path)

    assert process.status == 0, process.output + process.error
    assert History.load(tmp_path / "run.npz").environment["processes"] == "2"


def processes(monkeypatch: pytest.MonkeyPatch, rank: int, size: int, backend: str = "gloo") -> None:
    """Simulate one of several processes by the environment variables of the launcher."""
    monkeypatch.setenv("PADDLE_TRAINER_ID", str(rank))
    monkeypatch.setenv("PADDLE_RANK_IN_NODE", "0")  # Each on a machine of its own.
    monkeypatch.setenv("PADDLE_TRAINERS_NUM", str(size))
    monkeypatch.setenv("PADDLE_DISTRI_BACKEND", backend)


@pytest.mark.parametrize("text", ["", "two", "-1", "1.0"])
def test_numbers_of_the_launcher_are_checked(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable."""
    for variable, read in (
        ("PADDLE_TRAINER_ID", parallel.rank),
        ("PADDLE_TRAINERS_NUM", parallel.size),
    ):
        monkeypatch.setenv(variable, text)
        with pytest.raises(ValueError, match=f"^{variable} must be a whole number, got '{text}'$"):
            read()


@pytest.mark.parametrize(("size", "sizes"), [(1, [7]), (2, [4, 3]), (3, [3, 2, 2]), (7, [1] * 7)])
def test_shares_make_a_batch(size: int, sizes: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each sample is in one share, in order; the weights add up to the number of processes."""
    tokens, labels = paddle.arange(14).reshape([7, 2]), paddle.arange(7.0).reshape([7, 1])
    shares = []
    for rank in range(size):
        processes(monkeypatch, rank, size)
        shares.append(parallel.share((tokens, labels)))

    assert [len(mine) for _, mine in shares] == sizes
    assert paddle.concat([mine for mine, _ in shares]).tolist() == tokens.tolist()
    assert paddle.concat([mine for _, mine in shares]).tolist() == labels.tolist()
    assert sum(parallel.weight(mine, 7) for mine in sizes) == pytest.approx(size)


@pytest.mark.parametrize(
    ("device", "backend", "match"),
    [
        ("cpu", "nccl", "must be 'gloo' for CPUs .* got 'nccl' and device 'cpu'"),
        ("cpu", "auto", "must be 'gloo' for CPUs .* got 'auto' and device 'cpu'"),
        ("gpu", "gloo", "must be 'gloo' for CPUs .* got 'gloo' and device 'gpu'"),
        # The launcher assigns a GPU to each process.
        ("gpu:1", "nccl", "device must be 'cpu' or 'gpu' for 2 .* got 'gpu:1'"),
        ("xpu", "nccl", "device must be 'cpu' or 'gpu' for 2 .* got 'xpu'"),
    ],
)
def test_check_rejects_devices_and_backends_that_do_not_fit(
    device: str, backend: str, match: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CPUs use gloo, GPUs use NCCL."""
    processes(monkeypatch, 0, 2, "nccl")
    parallel.check("gpu", 4)
    processes(monkeypatch, 0, 2, backend)
    if backend == "auto":  # The default.
        monkeypatch.delenv("PADDLE_DISTRI_BACKEND")

    with pytest.raises(ValueError, match=match):
        parallel.check(device, 4)
    monkeypatch.setattr("paddle.distributed.is_available", lambda: False)
    with pytest.raises(RuntimeError, match="built without its distributed part .* got 2"):
        parallel.check("cpu", 4)


def test_batches_smaller_than_the_processes_are_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are rejected in a list and at the end of a stream."""
    processes(monkeypatch, 0, 2)
    words = "must .*at least 2.* per process, got 1$"
    with pytest.raises(ValueError, match=f"^batch_size {words}"):
        train(TrainConfig())
    monkeypatch.setattr(parallel, "join", lambda *_: None)  # It would wait for the other process.
    for data in ([*load_data(batch_size=3)], DigitSums(count=4, batch_size=3)):
        with pytest.raises(ValueError, match=f"^a batch {words}"):
            train(TrainConfig(batch_size=3), data)


def test_several_processes_do_not_hold_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """It reaches each of them at another step, and they would wait for each other."""
    processes(monkeypatch, 0, 2)
    monkeypatch.setattr(parallel, "join", lambda *_: None)
    monkeypatch.setattr("paddle.DataParallel", lambda model: model)
    monkeypatch.setattr("paddle.distributed.all_reduce", lambda mine: mine.set_value(mine * 2))
    config = TrainConfig(epochs=1, batch_size=2, emb_size=8, hidden_size=4)
    handlers: set[object] = set()

    train(config, on_step=lambda _: handlers.add(signal.getsignal(signal.SIGINT)))

    assert handlers == {signal.default_int_handler}


def test_single_process_checks_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """`join` does nothing; `total` and `averaging` return their argument."""
    monkeypatch.setattr("paddle.distributed.init_parallel_env", None)
    parallel.join("gpu:7", 1)
    model = paddle.nn.Linear(1, 1)

    assert parallel.averaging(model) is model
    assert (parallel.rank(), parallel.size(), parallel.total(0.1)) == (0, 1, 0.1)


def test_several_processes_connect_once_and_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second run finds them connected, and averages with the model's first wrapper."""
    processes(monkeypatch, 0, 2)
    joined: list[bool] = []
    monkeypatch.setattr("paddle.distributed.is_initialized", lambda: joined != [])
    monkeypatch.setattr("paddle.distributed.init_parallel_env", lambda: joined.append(True))
    monkeypatch.setattr("paddle.distributed.all_reduce", lambda mine: mine.set_value(mine * 2))
    monkeypatch.setattr("paddle.DataParallel", lambda model: [model])
    model: Any = SimpleNamespace()
    for _ in range(2):
        parallel.join("cpu", 2)
    parallel.check_last(4, 2)
    with pytest.raises(ValueError, match="2 samples, .* got 1: 5 samples in batches of 2$"):
        parallel.check_last(5, 2)
    wrapper: Any = parallel.averaging(model)
    processes(monkeypatch, 1, 2)

    assert parallel.rank() == 1
    assert joined == [True]
    assert wrapper == [model]
    assert parallel.averaging(model) is wrapper
    assert parallel.total(0.1) == 0.2


def test_wait_meets_the_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sum over all processes is known only when all have come."""
    totals: list[float] = []
    monkeypatch.setattr(parallel, "total", totals.append)

    parallel.wait()

    assert totals == [0]
