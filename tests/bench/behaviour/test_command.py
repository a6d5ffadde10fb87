"""Two environments compared: `python -m benchmarks.behaviour`.

Most of it in this process, where a fault is planted into one side's turn; two environments that are
none: the same Paddle with other roundings, in processes of their own.
"""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
from numpy.typing import NDArray
from paddle.autograd import PyLayer

from benchmarks.behaviour import command as behaviour
from benchmarks.behaviour import rounding as behaviour_measure
from benchmarks.behaviour import worker as behaviour_worker
from benchmarks.behaviour.command import (
    BehaviourError,
    BehaviourVerdict,
    Side,
    compare_behaviour,
    main,
    record,
)
from benchmarks.behaviour.envelope import ONE_STEP, allowed
from benchmarks.behaviour.files import Job, Recording, Trace, digest
from benchmarks.behaviour.judge import compare
from rnn_core import EXPERIMENTS
from rnn_core.config import EXECUTIONS
from tests.faults.in_paddle import FAULTS

PYTHON = Path(sys.executable)
EPOCHS = 2  # 8 steps.
TANHS = 10  # in one step of the RNN

Plant = Callable[[pytest.MonkeyPatch], object]
Compare = Callable[..., list[BehaviourVerdict]]


@pytest.fixture
def compare_planted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Compare:
    """Compare with a fault in the candidate, all in this process."""

    def compared(plant: Plant, **options: Any) -> list[BehaviourVerdict]:
        def in_this_process(
            commands: Sequence[tuple[Side, list[str]]], progress: object = None
        ) -> None:
            del progress
            for side, command in commands:
                with pytest.MonkeyPatch.context() as patch:
                    if side.name == "candidate":
                        plant(patch)
                    assert behaviour_worker.main(command[3:]) == 0

        monkeypatch.setattr(behaviour, "run_side_by_side", in_this_process)
        return compare_behaviour(PYTHON, PYTHON, tmp_path, epochs=EPOCHS, **options)

    return compared


def catalogued(name: str) -> Plant:
    """A fault of the catalogue that breaks a function of `paddle.nn.functional`."""
    (fault,) = (fault for fault in FAULTS if fault.name == name)
    assert fault.break_paddle is not None
    plant = fault.break_paddle

    def planted(patch: pytest.MonkeyPatch) -> None:
        for function in ("tanh", "sigmoid"):
            patch.setattr(F, function, getattr(F, function))  # So that it is put back.
        plant()

    return planted


class SteepTanh(PyLayer):
    """tanh to the last bit, with a gradient that is 1e-4 too large."""

    @staticmethod
    def forward(ctx: Any, x: paddle.Tensor) -> paddle.Tensor:
        """tanh."""
        y = paddle.tanh(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, d_y: paddle.Tensor) -> paddle.Tensor:
        """A little too much of its gradient."""
        (y,) = ctx.saved_tensor()
        d_x: paddle.Tensor = d_y * (1 - y * y) * (1 + 1e-4)
        return d_x


def tanh_at(calls: Callable[[int], bool], broken: Callable[[Any], Any]) -> Plant:
    """A tanh that is broken in the calls, counted from 0, that are named."""

    def planted(patch: pytest.MonkeyPatch) -> None:
        healthy, count = F.tanh, iter(range(10**9))
        patch.setattr(F, "tanh", lambda x: broken(x) if calls(next(count)) else healthy(x))

    return planted


def test_the_same_twice(compare_planted: Compare) -> None:
    """One environment against itself is equal to the last bit, whatever the execution."""
    verdicts = compare_planted(lambda _: None, executions=EXECUTIONS)

    assert [(name, e) for e in EXECUTIONS for name in EXPERIMENTS] == [
        (verdict.experiment, verdict.execution) for verdict in verdicts
    ]
    assert {verdict.verdict for verdict in verdicts} == {"bitwise equal"}
    assert {(v.until, v.first_step, v.tensor) for v in verdicts} == {(4 * EPOCHS, None, None)}


def test_a_gradient_that_is_off(compare_planted: Compare) -> None:
    """A fault of the catalogue, 1e-4 of a gradient: step, tensor and operator are named."""
    verdicts = compare_planted(catalogued("paddle-tanh-gradient-off"))

    assert {verdict.verdict for verdict in verdicts} == {"different"}
    assert {verdict.first_step for verdict in verdicts} == {1}
    assert {"gradient of tanh", "gradient of tanh and multiply, summed over 2 uses"} >= {
        verdict.operator for verdict in verdicts
    }
    assert verdicts[0].tensor == "d (x_10 W + h_9 U + b)"
    assert verdicts[2].tensor in ("d c_10", "d (x_10 w_a + h_9 u_a + b_a)")


def test_a_fault_behind_another_rounding(compare_planted: Compare) -> None:
    """A tanh that rounds in another way is the first to differ, and not what is to blame."""
    steep: Callable[[Any], Any] = SteepTanh.apply
    plant = tanh_at(lambda _: True, lambda x: steep(x) * (1 + 1.2e-7))
    (verdict,) = compare_planted(plant, experiments=["clipped-rnn"])

    assert (verdict.verdict, verdict.first_step) == ("different", 1)
    assert (verdict.tensor, verdict.operator) == ("d (x_10 W + h_9 U + b)", "gradient of tanh")


def test_an_operator_that_is_off_forward(compare_planted: Compare) -> None:
    """A sigmoid off by 1e-4 is seen in the first gate of the LSTM, and not in the RNN."""
    verdicts = compare_planted(catalogued("paddle-sigmoid-off"))

    assert [v.verdict for v in verdicts] == ["bitwise equal", "bitwise equal", "different"]
    assert (
        verdicts[2].first_step,
        verdicts[2].tensor,
        verdicts[2].operator,
    ) == (1, "i_1", "sigmoid")
    assert "128 of 128 numbers differ" in verdicts[2].text


@pytest.mark.parametrize(("name", "step"), [("clipped-rnn", 2), ("exploding-rnn", 5)])
def test_a_fault_that_strikes_later(compare_planted: Compare, name: str, step: int) -> None:
    """A gradient that is off from some step on is found there, also where all explodes."""
    plant = tanh_at(lambda call: call >= TANHS * (step - 1), SteepTanh.apply)
    (verdict,) = compare_planted(plant, experiments=[name])

    assert ("different", step, step - 1) == (verdict.verdict, verdict.first_step, verdict.until)
    assert (verdict.tensor, verdict.operator) == ("d (x_10 W + h_9 U + b)", "gradient of tanh")
    assert "note" not in verdict.text


def test_one_last_digit_once(compare_planted: Compare) -> None:
    """The neighbouring number, once, is rounding: it is found, and forgiven."""
    plant = tanh_at(lambda call: call == 3 * TANHS, lambda x: paddle.tanh(x) * (1 + 1.2e-7))
    (verdict,) = compare_planted(plant, experiments=["clipped-rnn"])

    assert verdict.verdict == "equal within rounding"
    assert (verdict.first_step, verdict.until) == (4, 8)
    assert (verdict.tensor, verdict.operator) == ("h_1", "tanh")
    assert 0 < (verdict.largest_difference or 0) < 1e-5


def test_the_envelope_holds_what_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other neighbours of the weights than those it was measured with stay far inside."""
    monkeypatch.setattr(behaviour_measure, "RUNS", 1)
    for name, epochs in (("exploding-rnn", 1), ("clipped-rnn", 3)):
        config, random = EXPERIMENTS[name].config, np.random.default_rng(1)
        steps = range(1, 4 * epochs + 1)

        runs = list(behaviour_measure.growth(config, epochs, random))
        single = dict(behaviour_measure.single_steps(replace(config, epochs=epochs), 1, random))

        assert len(EXECUTIONS) == len(runs)
        for apart in runs:
            assert apart[0] > 0
            assert all(apart[step - 1] < allowed(name, step) for step in steps)
        assert list(steps) == list(single)
        assert all(0 < apart < ONE_STEP[name] for apart in single.values())


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All experiments, recorded in this process."""
    folder = tmp_path_factory.mktemp("recorded")
    jobs = [f"{name}/textbook" for name in EXPERIMENTS]
    assert behaviour_worker.main([str(folder), *jobs, "--epochs", str(EPOCHS)]) == 0
    return folder


def test_another_rounding(recorded: Path, tmp_path: Path) -> None:
    """A Paddle that rounds in another way, in its own process, is equal within rounding.

    Bitwise equal on a machine where the variable changes nothing.
    """
    verdicts = compare_behaviour(
        recorded, PYTHON, tmp_path, candidate_env={"MKL_CBWR": "COMPATIBLE"}, epochs=EPOCHS
    )

    assert list(EXPERIMENTS) == [verdict.experiment for verdict in verdicts]
    for verdict in verdicts:
        assert verdict.verdict in ("bitwise equal", "equal within rounding"), verdict.text
        assert verdict.until >= 5, verdict.text
    history = Recording.load(Job("clipped-rnn", "textbook"), tmp_path / "candidate").history
    assert "MKL_CBWR=COMPATIBLE" in history.environment["flags"]


def test_a_process_has_the_same_bits(recorded: Path, tmp_path: Path) -> None:
    """What `record` leaves can be compared without any interpreter."""
    record(PYTHON, tmp_path / "side", experiments=["clipped-rnn"], epochs=EPOCHS)

    (verdict,) = compare_behaviour(
        recorded, tmp_path / "side", tmp_path, experiments=["clipped-rnn"], epochs=EPOCHS
    )

    assert verdict.verdict == "bitwise equal"


def test_a_saved_side_is_bisected_as_far_as_it_goes(
    compare_planted: Compare, tmp_path: Path
) -> None:
    """Of the first step all is saved; of a later one it is said that it is not."""
    for step, tensor in ((1, "d (x_10 W + h_9 U + b)"), (2, None)):
        first = TANHS * (step - 1)
        plant = tanh_at(lambda call, first=first: call >= first, SteepTanh.apply)  # type: ignore[misc]
        compare_planted(plant, experiments=["clipped-rnn"])
        for trace in tmp_path.rglob("*.step-2.*"):
            trace.unlink()

        (verdict,) = compare_behaviour(
            tmp_path / "baseline",
            tmp_path / "candidate",
            tmp_path / "unused",
            experiments=["clipped-rnn"],
            epochs=EPOCHS,
        )

        assert ("different", step, tensor) == (verdict.verdict, verdict.first_step, verdict.tensor)
        assert "note: " in verdict.text
        assert "saved run" in verdict.text


@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_traced_step_has_the_bits_of_the_run(name: str, execution: str, tmp_path: Path) -> None:
    """The equations written once more give what the model gives; replayed, the same again."""
    job = Job(name, execution, 1)
    config = behaviour_worker.config_of(job)
    recording, step = behaviour_worker.record(config), 2

    traced = behaviour_worker.trace(config, step)
    traced.save(job.trace(tmp_path, step))
    loaded = Trace.load(job.trace(tmp_path, step))
    replayed = behaviour_worker.trace(config, step, loaded)

    assert traced.repeats(recording, step)
    assert not traced.repeats(recording, step + 1)
    assert [t[:2] for t in traced.tensors] == [t[:2] for t in replayed.tensors]
    assert compare(traced, loaded) == []
    # Several uses' gradients are added in the order of backpropagation, or nearly so.
    assert all(found.relative < 1e-6 for found in compare(traced, replayed))


def test_what_a_saturated_tanh_lets_pass_has_the_scale_of_what_arrived() -> None:
    """There the gradient is the rounding of 1 - h^2, and no measure of its own error."""
    config = behaviour_worker.config_of(Job("exploding-rnn", "textbook"))
    traced = {t.name: t for t in behaviour_worker.trace(config, 6).tensors}

    arrived, passed = traced["d h_10"], traced["d (x_10 W + h_9 U + b)"]

    assert np.abs(passed.values).max() < np.abs(arrived.values).max() == passed.scale


def test_a_step_that_does_not_repeat_is_said(compare_planted: Compare) -> None:
    """Where the traced step does not come out as the run did, the report says so."""
    plant = tanh_at(lambda call: call == 0, lambda x: paddle.tanh(x) * 1.001)
    (verdict,) = compare_planted(plant, experiments=["clipped-rnn"])

    assert verdict.verdict == "different"
    assert "step 1, taken again, has other bits than before: candidate" in verdict.text


def script(path: Path, *lines: str) -> Path:
    """A program that passes for an interpreter until it is given work."""
    path.write_text("\n".join(("#!/bin/sh", '[ "$1" = -I ] && echo True && exit', *lines, "")))
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("echo ImportError: no Paddle here >&2; exit 1", "ended with status 1: .*no Paddle here"),
        ("kill -9 $$", "was ended by signal 9: it said nothing"),
        ("exit 0", "ended well, but did not write .*exploding-rnn-textbook.npz"),
    ],
)
def test_a_side_that_fails(line: str, words: str, tmp_path: Path) -> None:
    """What the process said last is in the error; the other side is ended, and not waited for."""
    bad = script(tmp_path / "bad", line)
    endless = script(tmp_path / "endless", "exec tail -f /dev/null")
    former = tmp_path / "results" / "baseline" / "exploding-rnn-textbook.npz"
    former.parent.mkdir(parents=True)
    former.touch()  # A former run's is none of this one.

    with pytest.raises(BehaviourError, match=words):
        compare_behaviour(bad, bad if line == "exit 0" else endless, tmp_path / "results")


def test_no_interpreter(tmp_path: Path) -> None:
    """What is no Python is refused before any work, with the side's name."""
    text, program = tmp_path / "text", tmp_path / "program"
    text.write_text("no program")
    program.write_text("#!/bin/sh\necho False\n")
    program.chmod(0o755)

    for given, words in (
        (tmp_path / "nowhere", "neither a program nor a folder"),
        (text, "neither a program nor a folder"),
        (Path("/bin/ls"), "no Python interpreter"),
        (program, "older than Python 3.10"),
    ):
        with pytest.raises(BehaviourError, match=f"baseline: .*{words}"):
            compare_behaviour(given, PYTHON, tmp_path)
    assert not (tmp_path / "candidate").exists()


def test_saved_sides_that_do_not_fit(recorded: Path, tmp_path: Path) -> None:
    """A folder without runs, other settings, damage, and variables that come too late."""
    same = {"experiments": ["clipped-rnn"], "epochs": EPOCHS}
    (tmp_path / "empty").mkdir()
    with pytest.raises(BehaviourError, match="holds no run of clipped-rnn by textbook"):
        compare_behaviour(recorded, tmp_path / "empty", tmp_path, **same)  # type: ignore[arg-type]
    with pytest.raises(BehaviourError, match="both sides are"):
        compare_behaviour(recorded, recorded, tmp_path)
    with pytest.raises(BehaviourError, match="of 2 epochs by textbook, not of 500"):
        compare_behaviour(recorded, tmp_path / "empty", tmp_path, experiments=["clipped-rnn"])
    with pytest.raises(BehaviourError, match="variables come too late"):
        compare_behaviour(recorded, PYTHON, tmp_path, baseline_env={"A": "b"})


def test_damaged_files(recorded: Path, tmp_path: Path) -> None:
    """Cut short, or digests of another run: refused by name, and nothing in them is run."""
    job = Job("clipped-rnn", "textbook")
    for path in (job.digests(recorded), job.trace(recorded, 1), job.history(recorded)):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    trace = job.trace(tmp_path, 1)
    trace.write_bytes(trace.read_bytes()[:-100])
    with pytest.raises(ValueError, match="step-1.npz is damaged"):
        Trace.load(trace)
    np.savez(trace, about=np.array([print], dtype=object))
    with pytest.raises(ValueError, match="step-1.npz is damaged"):
        Trace.load(trace)
    np.savez(job.digests(tmp_path), gradients=np.zeros((3, 16), np.uint8), parameters=np.zeros(3))
    with pytest.raises(ValueError, match="does not belong to a history of 8 steps"):
        Recording.load(job, tmp_path)


def test_digests_tell_bits_apart() -> None:
    """Every NaN is the same; zeros' signs, dtypes, shapes and last digits are not."""
    kinds: list[NDArray[Any]] = [
        np.zeros(2),
        -np.zeros(2),
        np.zeros(2, np.float32),
        np.zeros((2, 1)),
        np.full(2, 5e-324),
    ]
    assert len(kinds) == len({digest([array]) for array in kinds})
    signed = np.array([np.nan, 1.0]), np.array([-np.nan, 1.0])
    assert digest([signed[0]]) == digest([signed[1]])
    assert digest([signed[0]]) != digest([np.array([np.nan, 2.0])])


def verdict_of(kind: Any) -> BehaviourVerdict:
    """A verdict in words."""
    return BehaviourVerdict("e", "kernel", kind, 3, 4, 0.5, "h_1", "tanh", f"it is {kind}")


@pytest.mark.parametrize(
    ("kind", "status"), [("bitwise equal", 0), ("equal within rounding", 0), ("different", 1)]
)
def test_command(
    kind: str,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The verdict decides the exit status; it is printed, and kept where that was asked for."""
    asked = []

    def compared(*arguments: Any, **options: Any) -> list[BehaviourVerdict]:
        asked.append((arguments, options))
        return [verdict_of("bitwise equal"), verdict_of(kind)]

    monkeypatch.setattr(behaviour, "compare_behaviour", compared)
    arguments = ["--baseline", "a", "--candidate", "b", "--execution", "all"]
    arguments += ["--candidate-env", "A=1=2", "--candidate-env", "B="]

    assert main([*arguments, "--results", str(tmp_path / "new" / "results")]) == status

    assert f"it is {kind}" in capsys.readouterr().out
    kept = json.loads((tmp_path / "new" / "results" / "verdicts.json").read_text())
    assert kept[1]["verdict"] == kind
    ((sides, options),) = asked
    assert sides == (Path("a"), Path("b"), tmp_path / "new" / "results")
    assert options["candidate_env"] == {"A": "1=2", "B": ""}
    assert options["executions"] == EXECUTIONS


def test_command_that_cannot_compare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2 with the reason; 130 after Ctrl-C."""
    sides = ["--baseline", str(tmp_path / "nowhere"), "--candidate", str(PYTHON)]
    (tmp_path / "file").touch()

    assert main(sides) == 2
    assert "error: baseline: " in capsys.readouterr().err
    assert main([*sides, "--results", str(tmp_path / "file")]) == 2
    assert "error: " in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main([*sides, "--baseline-env", "no equals sign"])

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(behaviour, "compare_behaviour", interrupted)
    assert main(sides) == 130
