"""The comparison of behaviours: whole comparisons, files, sides and the command."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from benchmarks.behaviour import command, comparison, files, own, sides
from benchmarks.behaviour.comparison import compare_behaviour
from benchmarks.behaviour.files import (
    AGAIN,
    Job,
    OwnJob,
    OwnRun,
    Recording,
    Trace,
    Traced,
    digest,
    rows,
    step_digest,
)
from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.behaviour.own import NotRepeatableError, compare_workload
from benchmarks.behaviour.sides import Task
from benchmarks.interpreters import Interpreter, Origin, SideError
from benchmarks.runner import Program, Result
from tests.helpers.bars import Bar
from tests.helpers.behaviour_runs import healthy, own_run, parameters_of, recording, traced
from tests.helpers.recorded import ended, rounded
from tests.recorded.conftest import Tried

NAN, INF = np.nan, np.inf


class Machine:
    """Stands in for the processes of both sides: writes made-up files, and keeps the tasks.

    Attributes:
        run: function of a side and a job that returns its recording.
        tensors: function of "baseline", "candidate" or "replay", a step and a job that returns the
            tensors of its trace.
        broken: whether a trace has other bits than the run.
        forgets: whether a trace is not written.
        log: the tasks.
    """

    run: Callable[..., Recording]
    tensors: Callable[..., list[Traced]]

    def __init__(self) -> None:
        self.broken: Callable[..., bool] = lambda *_: False
        self.forgets: Callable[..., bool] = lambda *_: False
        self.log: list[str] = []

    def run_tasks(self, tasks: Sequence[Task], progress: Callable[[], None] = lambda: None) -> None:
        """Do the tasks as a worker does; `and` marks those at the same time in the log."""
        for number, task in enumerate(tasks):
            side = task.side
            environment = "".join(f" {k}={v}" for k, v in side.environment.items())
            work = []
            for job, step in task.work:
                what = "record" if step is None else f"trace {step}"
                if task.replay:
                    what = f"replay {step} of {task.replay.name}"
                more = ""
                if isinstance(job, OwnJob) and job.moved_by:
                    more = f", moved by {job.moved_by} at {job.moved_at}"
                work.append(f"{what} of {job.stem}{more}")
                self.write(task, job, step)
            text = f"{'and ' * (number > 0)}{side.name}{environment}: {'; '.join(work)}"
            self.log.append(text)
        progress()

    def write(self, task: Task, job: Any, step: int | None) -> None:
        """Write the files of one task."""
        folder = task.side.folder
        folder.mkdir(parents=True, exist_ok=True)
        made = self.run(task.side.name, job)
        if step is None:
            made.save(job, folder)
        number, kind = step or 1, "replay" if task.replay else task.side.name
        if self.forgets(kind, number) or (
            step is None and isinstance(job, OwnJob) and job.variant != AGAIN
        ):
            return
        if step is None and isinstance(job, OwnJob):
            job = replace(job, variant="")
        path = job.replay(folder, number) if task.replay else job.trace(folder, number)
        digests = [made.parameters[number - 1], made.gradients[number - 1], made.parameters[number]]
        bits_of = [bytes(16) if self.broken(kind, number) else each.tobytes() for each in digests]
        Trace(self.tensors(kind, number, job), *bits_of).save(path)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Let all tasks run in a stand-in."""
    made = Machine()
    for module in (comparison, own, sides):
        monkeypatch.setattr(module, "run_tasks", made.run_tasks)
    return made


def fields(verdict: BehaviourVerdict) -> str:
    """Return the verdict: its fields in one line, and its text."""
    facts = {name: value for name, value in asdict(verdict).items() if name != "text"}
    return f"{json.dumps(rounded(facts, 4))}\n{verdict.text}"


LIVE = Interpreter("live", Path("/live/bin/python"))


def test_comparisons(machine: Machine, tried: Tried) -> None:
    """Experiments with and without differing steps, traced, replayed, recorded or not."""
    change: dict[str, Any] = {}

    def run(side: str, job: Any) -> Recording:
        values = healthy(job.experiment, job.epochs)
        if side == "candidate":
            for first, last, size in change.get(job.experiment, ()):
                values["norm"][first - 1 : last] *= 1 + size
        return recording(job.experiment, **values, execution=job.execution)

    def tensors(*sizes: float) -> list[Traced]:
        kinds = [("x", "data"), ("h_1", "tanh"), ("h_2", "kernel RNN"), ("h_3", "add")]
        pairs = zip(sizes, kinds, strict=True)
        return [
            traced([1, 2, 3 + size], "float64", 4.0, kind, name) for size, (name, kind) in pairs
        ]

    same, rounding = tensors(0, 0, 0, 0), tensors(0, 1e-7, 1e-5, 0)
    wrong, lost = tensors(1e-7, 0, 1e-7, 0.25), tensors(0, 0, 0, 0)[:3]
    cases: list[tuple[str, dict[str, Any], dict[tuple[str, int], Any]]] = [
        ("equal", {}, {}),
        ("rounding", {"clipped-rnn": [(3, 8, 1e-7)]}, {("candidate", 3): rounding}),
        ("step 1", {"clipped-lstm": [(1, 8, 1e-7)]}, {("candidate", 1): rounding}),
        ("behind the horizon", {"exploding-rnn": [(1, 8, 1e-7), (6, 6, 0.25), (8, 8, 0.25)]}, {}),
        (
            "an operator is wrong, the runs are not",
            {"clipped-rnn": [(1, 8, 1e-7)], "exploding-rnn": [(2, 2, 1e-6)]},
            {("candidate", 1): wrong, ("replay", 1): wrong, ("replay", 2): wrong},
        ),
        (
            "two steps, the second wrong",
            {"clipped-rnn": [(2, 8, 1e-7), (6, 8, 0.25)]},
            {("candidate", 2): rounding, ("candidate", 6): wrong, ("replay", 6): wrong},
        ),
        (
            "two steps, both rounding",
            {"clipped-rnn": [(2, 8, 1e-7), (6, 8, 0.25)]},
            {("candidate", 2): rounding, ("candidate", 6): rounding},
        ),
        (
            "two steps, nothing traced differs",
            {"clipped-rnn": [(2, 8, 1e-7), (6, 8, NAN)]},
            {("candidate", 6): lost},
        ),
        (
            "two steps, the first wrong",
            {"clipped-rnn": [(2, 8, 1e-7), (6, 8, INF)], "clipped-lstm": [(8, 8, 1.0)]},
            {
                ("replay", 2): wrong,
                ("replay", 6): rounding,
                ("candidate", 6): wrong,
                ("candidate", 2): tensors(0, 0, 0, 0.25),
            },
        ),
    ]
    texts = tried.lines
    for number, (title, changes, found) in enumerate(cases):
        change.clear()
        change.update(changes)
        machine.run = run
        machine.tensors = lambda kind, step, job, found=found: found.get(
            (kind, step) if job.execution == "textbook" else None, same
        )
        folder = tried.folder / str(number)
        options: dict[str, Any] = {"experiments": list(changes)} if changes else {}
        options["executions"] = ("textbook", "kernel") if number in (1, 4) else ("textbook",)
        for candidate in (LIVE, str(folder / "candidate")):
            machine.log.clear()
            baseline = LIVE if candidate is LIVE else str(folder / "baseline")
            verdicts = compare_behaviour(baseline, candidate, folder, epochs=2, **options)
            texts.append(f"--- {title}, {'live' if candidate is LIVE else 'recorded'}")
            texts += [*machine.log, *map(fields, verdicts)]
    change["clipped-rnn"] = [(2, 8, 1e-7), (6, 8, 0.25)]

    def compared(title: str, folder: Path, *recorded: str) -> None:
        machine.log.clear()
        one, two = (str(folder / n) if n in recorded else LIVE for n in ("baseline", "candidate"))
        (verdict,) = compare_behaviour(one, two, folder, experiments=["clipped-rnn"], epochs=2)
        texts.append("\n".join([f"--- {title}", *machine.log, fields(verdict)]))

    machine.tensors = lambda kind, *_: rounding if kind == "candidate" else same
    for title, forgets, broken in (
        ("not traced", lambda kind, step: (kind, step) == ("baseline", 6), lambda *_: False),
        ("not traced either", lambda kind, _: kind == "candidate", lambda *_: False),
        ("neither traced", lambda _, step: step == 6, lambda *_: False),
        ("not repeated", lambda *_: False, lambda kind, step: (kind, step) != ("candidate", 6)),
    ):
        machine.forgets, machine.broken = forgets, broken
        compared(title, tried.folder / title)
        compared("the same, baseline recorded", tried.folder / title, "baseline")
        compared("the same, both recorded", tried.folder / title, "baseline", "candidate")
    machine.broken = machine.forgets = lambda *_: False
    # Whatever another comparison left in the folder is computed again.
    for first, size in ((6, 0.0), (6, 0.25), (6, 0.25), (4, 0.25), (4, 1e-7)):
        change["clipped-rnn"] = [(first, 8, size)]
        compared(f"in one folder, {size} from step {first} on", tried.folder / "twice")
    tried.check()


def test_workload_comparisons(machine: Machine, tried: Tried) -> None:
    """Workloads that are equal, round, differ, cannot be compared, or do not repeat."""
    here = tried.folder
    (here / "lm[1].py").write_text("# A workload.\n")
    job = OwnJob(f"{here}/lm[1].py:workload", "eager", steps=9, seed=3)
    loss = np.array([8, 7, 6, 5, 4, 3, 2, 1, 0.5])
    # Change of the candidate's losses: first step, last step, size.
    change: list[tuple[int, int, float]] = []
    settings: dict[str, dict[str, Any]] = {"baseline": {}, "candidate": {}}
    # Difference that rounding makes; its variants differ in size, in losses and in tensors.
    rounding, again, wrong_from, drops = 1e-6, dict[str, Any](), 6, True
    slightly = 1e-6
    sizes = {".moved-1": 0.5, ".moved-2": 1.0, ".moved-3": 0.25, ".compatible": 1.0}
    slips = {".moved-1": 1e-7, ".moved-2": 1e-7, ".moved-3": 1e-7, ".compatible": 3e-7}

    def run(side: str, each: Any) -> Recording:
        values = loss.copy()
        if side == "candidate":
            for first, last, size in change:
                values[first - 1 : last] *= 1 + size
        if each.variant == AGAIN:
            values[again.get("from", 4) :] *= 1 + again.get(side, 0.0)
        if each.moved_by:
            values[each.moved_at - 1 :] *= 1 + rounding * sizes[each.variant[:8]]
        if each.variant == ".compatible":
            values[2:] *= 1 - rounding * sizes[each.variant]
        facts: dict[str, Any] = {"workload": "lm[1].py:workload", "seed": 3, "steps": 9}
        facts |= {"file": "digest", "device": "cpu", "execution": each.execution}
        facts |= {"epsilon": 2**-23}
        facts |= settings[side]
        names = facts.pop("names", ["gru.weight", "gru.bias"])
        made = own_run(facts, values[: facts.pop("length", 9)], names)
        if each.variant == AGAIN and again.get("weights") == side:
            made.parameters[7] += 1
        return made

    def tensors(kind: str, step: int, each: Any) -> list[Traced]:
        variant = each.variant.partition("-in-")[0]
        x = slips.get(variant, 3e-7 * drops) if variant else 0.0
        wrong = {True: 0.25, False: slightly}[step >= wrong_from] if kind == "candidate" else 0.0
        wrong = wrong if change else 0.0
        made = [("input of first", "data", 0.0), ("output of first", "first (Linear)", x)]
        made = made[drops and again.get(kind, 0) > 0 and each.variant == AGAIN :]
        made += [("gradient of last.bias", "backward of last", x + wrong * (step in (1, 6, 7)))]
        if kind != "candidate" or step < 7:
            made += [("gradient of the input of first (2)", "backward of first", 0.0)]
        return [traced([1, 2 + size], "float64", 4.0, what, name) for name, what, size in made]

    machine.run, machine.tensors = run, tensors
    texts = tried.lines

    def compared(title: str, baseline: Any = LIVE, candidate: Any = LIVE, **given: Any) -> None:
        machine.log.clear()
        found = ended(
            compare_workload,
            baseline if baseline is LIVE else str(here / baseline),
            candidate if candidate is LIVE else str(here / candidate),
            here / title,
            replace(job, **given),
            baseline_env={} if baseline is not LIVE else {"MKL_CBWR": "AVX2", "C": "d"},
            candidate_env={} if candidate is not LIVE else {"A": "b"},
        )
        text = found.text if found.error else fields(found.value)
        texts.extend([f"--- {title}", *machine.log, text])

    compared("equal")
    compared("equal, static", execution="static")
    change.append((3, 9, 2e-6))
    compared("rounding")
    compared("recorded candidate", candidate="rounding/candidate")
    compared("recorded baseline without rounding", "equal/baseline")
    compared(
        "both recorded, one without",
        "equal/baseline",
        "recorded baseline without rounding/candidate",
    )
    compared("recorded baseline", "rounding/baseline")
    compared("both recorded", "rounding/baseline", "rounding/candidate")
    change.append((6, 9, 1e-3))
    compared("different from step 6 on")
    compared("different, both recorded", "rounding/baseline", "different from step 6 on/candidate")
    change[:] = [(1, 9, 1e-3)]
    compared("different from step 1 on")
    change[:] = [(3, 9, 2e-6), (6, 9, 1e-3)]
    slightly, wrong_from = 1e-5, 9
    usual = [(each, {**each}) for each in (sizes, slips)]
    for largest in (".moved-1", ".compatible"):
        sizes.update({name: float(name == largest) for name in sizes})
        slips.update({name: 1e-5 * (name == largest) for name in slips})
        compared(f"only {largest[1:]} rounds")
    for each, values in usual:
        each.update(values)
    slightly = 1e-6
    change[:] = [(1, 9, 2e-6), (6, 9, 1e-3)]
    wrong_from = 1
    compared("a layer differs in step 1, losses from step 6 on")
    change[:] = [(7, 9, 2e-6), (9, 9, 1e-3)]
    compared("losses from step 7 on, and more from step 9 on")
    change[:] = [(9, 9, NAN)]
    compared("NaN in the last step")
    change[:] = [(5, 5, INF)]
    rounding = 1e-3
    compared("large rounding")
    change[:] = [(2, 9, 1e-3)]
    rounding = 1.0
    compared("not even step 1")
    change[:] = [(1, 9, 1e-3)]
    compared("not even step 1, but an operator is wrong")
    change.clear()
    again["candidate"] = 1e-9
    compared("candidate does not repeat")
    compared("recorded candidate does not repeat", candidate="candidate does not repeat/candidate")
    again["baseline"] = 1e-9
    compared("baseline does not repeat")
    drops = False
    compared("baseline does not repeat, and no tensor differs")
    again = {"weights": "candidate"}
    compared("candidate has other weights, but the same losses")
    for first in (0, 8):
        again = {"candidate": 1e-9, "from": first}
        compared(f"candidate does not repeat from step {first + 1} on")
    again.clear()
    for name, changed in (
        ("workload", {"workload": "gm.py:workload"}),
        ("file", {"file": "other"}),
        ("several", {"seed": 4, "steps": 7, "device": "gpu:0", "execution": "static"}),
        ("length", {"length": 5}),
        ("name", {"names": ["lstm.weight", "lstm.bias"]}),
        ("order", {"names": ["gru.bias", "gru.weight"]}),
        ("epsilon", {"epsilon": 0.25}),
        ("more", {"more": 1}),
    ):
        change[:] = [(3, 9, 2e-6), (6, 9, 1e-3)] if name == "epsilon" else []
        rounding = 1e-6 if name == "epsilon" else 1.0
        for side in settings:
            settings[side] = changed
            compared(f"{name} of the {side}")
            settings[side] = {}
    loss[8] = INF
    compared("baseline whose last loss is infinite")
    loss[3] = NAN
    compared("baseline with NaN")
    loss[0] = -INF
    compared("baseline with infinity")
    (here / "equal" / "baseline" / "lm[1]-workload-eager.npz").write_bytes(b"PK")
    compared("damaged", "equal/baseline", "equal/candidate")
    compared("absent", "equal/candidate", "equal, static/candidate")
    for path in here.glob("equal, static/candidate/*.again.npz"):
        path.unlink()
    once = ("equal, static/baseline", "equal, static/candidate")
    compared("only one run", *once, execution="static")
    loss[:] = 1
    change[:] = [(2, 9, 1e-3)]
    for path in here.glob("rounding/*/*moved-3*"):
        path.unlink()
    compared("unmeasured", "rounding/baseline", "rounding/candidate")
    for name, folder in (("moved-1", "different from step 6 on"), ("compatible", "large rounding")):
        for path in here.glob(f"{folder}/*/*{name}*"):
            path.unlink()
        compared(f"{name} unmeasured", f"{folder}/baseline", f"{folder}/candidate")
    change.clear()
    (here / "rounding" / "baseline" / "lm[1]-workload-eager2.npz").touch()
    compared("rounding")
    for side in settings:
        left = sorted(path.name for path in here.glob(f"rounding/{side}/*"))
        texts.append(f"left of the {side}: {left}")
    tried.check()


def test_versions_come_from_the_given_origin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both comparisons install the Paddle of a side from there."""

    def find(text: str, origin: Origin) -> Interpreter:
        raise SideError(f"{text} of {origin.index_url}")

    monkeypatch.setattr(sides, "find_interpreter", find)
    compared: Any
    for compared, given in ((compare_behaviour, ()), (compare_workload, (OwnJob("lm.py:f"),))):
        for pair in (("3.3.0", LIVE), (LIVE, "3.3.0")):
            with pytest.raises(SideError, match="3.3.0 of https://n/"):
                compared(*pair, tmp_path, *given, origin=Origin("3.12", "https://n/"))


def test_files(monkeypatch: pytest.MonkeyPatch, tried: Tried) -> None:
    """Names of files, digests of arrays, and the errors of every reader."""
    here = tried.folder
    lines = tried.lines
    (here / "lm.py").write_text("x = 1\n")
    jobs: list[Any] = [
        Job("clipped-rnn", "kernel"),
        Job("exploding-rnn", "static", 3),
        OwnJob(f"{here}/lm.py:workload"),
        OwnJob(f"{here}/lm.py:other", "static", 7, 5, "gpu:1", 2.5, ".moved-1-in-3", 1, 3),
        OwnJob(f"{here}/absent.package.py_module:workload", steps=10**6, seed=2**32 - 1),
    ]
    for job in jobs:
        lines.append(f"{type(job).__name__} {job.experiment}, stem {job.stem}")
        paths = (job.history, job.digests)
        lines += [f"  {path(here)}" for path in paths]
        lines += [f"  {path(here, 12)}" for path in (job.trace, job.replay)]
        lines.append(f"  {job.content if isinstance(job, OwnJob) else job.config}")
        task = Task(sides.Side("candidate", here), [(job, None), (job, 3)], here / "other")
        lines.append(f"  {task.arguments[0]}")
    lines.append(Task(sides.Side("baseline", here), []).arguments[0])
    arrays: list[Any] = [0.0, -0.0, NAN, -NAN, [NAN, 1], [1, NAN], [], [[]], [1], [[1]], 5e-324]
    arrays += [[NAN, -0.0]]
    for values in arrays:
        for dtype in ("float64", "float32", "float16", "int64", "bool"):
            with np.errstate(invalid="ignore"):
                array = np.asarray(values).astype(dtype)
            if values == 5e-324 and dtype != "float64":
                continue  # It may become 0.
            if np.isfinite(values).all() or array.dtype.kind == "f":
                lines.append(f"{values} {dtype}: {digest([array]).hex()}")
    lines.append(f"several: {digest([np.zeros(2), np.ones((1, 3), np.int32)]).hex()}")
    last = np.arange(2**20) == 2**20 - 1
    large = [digest([np.where(last, value, 0.0)]).hex() for value in (1, NAN, -NAN)]
    lines.append(f"last of many: {', '.join(large)}")
    lines.append(f"step: {step_digest(1.5, [2.0, NAN], [np.zeros(2), -np.zeros(3)]).hex()}")
    lines.append(f"transposed: {digest([np.eye(2, 3).T]).hex()}, {digest([np.eye(3, 2)]).hex()}")
    lines.append(f"rows: {rows([bytes([k] * 16) for k in range(3)])[:, 0]}")
    kinds: list[Any] = ["float64", "float32", "float16", "int64", "bool"]
    kept = [traced([0.1, 3], kind, 1e-9, "a/b.c", f"{kind}/") for kind in kinds]
    kept += [traced([], "float32", 0, "d"), traced(NAN, "float64", 1, "e")]
    Trace(kept, *(bytes([k] * 16) for k in range(3))).save(here / "kept.npz")
    again = Trace.load(here / "kept.npz")
    lines += [f"{t[:2]} {t.values.dtype} {t.values!r} {t.scale}" for t in again.tensors]
    lines.append(f"{[again.before[0], again.gradients[0], again.after[0]]}")
    norms = {"w": np.arange(3e5), "a": np.ones(300_000)}
    OwnRun({"epsilon": 0.5, "seed": 3}, np.arange(3e5), norms).save(here / "kept.npz")
    run = OwnRun.load(here / "kept.npz")
    lines.append(
        f"{run.describe()} {run.settings} {[(n, int(v[2])) for n, v in run.raw_norms.items()]}"
    )

    OwnRun({"epsilon": 0.5}, np.arange(2.0), {"w": np.ones(2)}).save(here / "kept.npz")
    lines.append(f"one parameter: {OwnRun.load(here / 'kept.npz').raw_norms}")

    def trace(**changes: Any) -> Callable[[], Any]:
        about: Any = {"tensors": [["h", "tanh", 1.0]], "digests": ["00" * 16] * 3} | changes
        values = about.pop("values", np.zeros(2))
        text = about.pop("text", json.dumps(about))
        np.savez(here / "trace.npz", about=np.array(text), **{"0": values})
        return lambda: [
            (t.name, t.operator, t.scale, t.values.shape)
            for t in Trace.load(here / "trace.npz").tensors
        ]

    for title, changes in (
        ("valid", {}),
        ("control characters", {"tensors": [["h\x1b[2J", "tanh\n", 0]]}),
        ("long name", {"tensors": [["h" * 1000, "ü" * 1000, 0.5]]}),
        ("two digests", {"digests": ["00" * 16] * 2}),
        ("short digests", {"digests": ["00"] * 3}),
        ("no hexadecimal", {"digests": ["zz" * 16] * 3}),
        ("number of digests", {"digests": 3}),
        ("NaN", {"tensors": [["h", "tanh", NAN]]}),
        ("negative scale", {"tensors": [["h", "tanh", -1.0]]}),
        ("infinite scale", {"text": '{"tensors": [["h", "t", 1e999]], "digests": []}'}),
        ("scale that is not a number", {"tensors": [["h", "tanh", "1"]]}),
        ("name that is no text", {"tensors": [["h", 3, 1.0]]}),
        ("list for a name", {"tensors": [[["h"], "tanh", 1.0]]}),
        ("missing tensor", {"tensors": [["h", "tanh", 1.0]] * 2}),
        ("text for numbers", {"values": np.array("a")}),
        ("complex", {"values": np.zeros(2, complex)}),
        ("list", {"text": '["tensors"]'}),
        ("no JSON", {"text": "{"}),
        ("a key twice", {"text": '{"a": 1, "a": 2}'}),
    ):
        tried(f"trace, {title}", trace(**changes))
    tried("trace, absent", lambda: Trace.load(here / "absent.npz"))
    tried("trace, folder", lambda: Trace.load(here))

    def own_file(steps: int = 2, names: Any = ("w",), **settings: Any) -> Callable[[], Any]:
        about = {"settings": {"epsilon": 0.5} | settings, "parameters": names}
        norms = np.arange(2.0 * steps).reshape(2, steps)[: len(names)]
        loss = np.arange(float(steps))
        np.savez(here / "run.npz", about=np.array(json.dumps(about)), loss=loss, norms=norms)

        def read() -> object:
            found = OwnRun.load(here / "run.npz")
            norms = {name: each.tolist() for name, each in found.raw_norms.items()}
            return found.describe(), found.recorded.tolist(), norms, found.settings

        return read

    tried("run", own_file(names=("w", "b\n"), more=[1, "a"]))
    tried("run, one step", own_file(1))
    tried("run, no step", own_file(0))
    tried("run, another number of names", own_file(names=("a", "b", "c")))
    for epsilon in (0, 1, 1e-300, "1", -1, None):
        tried(f"run, epsilon {epsilon}", own_file(epsilon=epsilon))
    job = Job("clipped-rnn", "textbook", 2)
    made = recording("clipped-rnn", **healthy("clipped-rnn", 2))
    made.save(job, here)
    tried("recording", lambda: Recording.load(job, here).gradients.shape)
    for what in ("gradients", "parameters"):
        replace(made, **{what: getattr(made, what)[1:]}).save(job, here)
        tried(f"recording, {what}", lambda: Recording.load(job, here))

    def full(file: Any, **arrays: Any) -> None:
        with file.open("wb") if isinstance(file, Path) else nullcontext(file) as opened:
            opened.write(b"PK")
        raise OSError(f"no space for {', '.join(arrays)}")

    made.save(job, here)
    with monkeypatch.context() as patch:
        patch.setattr(files, "read_archive", lambda _, what, size, __: f"{what} of {size} bytes")
        lines += [f"{load(here / 'a')}" for load in (Trace.load, OwnRun.load)]
        lines.append(f"{Recording.load(job, here)}")
    monkeypatch.setattr(np, "savez", full)
    (here / "full").mkdir()
    tried("full, recording", made.save, job, here / "full")
    tried("full, run", run.save, here / "full" / "run.npz")
    tried("full, trace", again.save, here / "full" / "trace.npz")
    lines.append(f"left: {[*(here / 'full').iterdir()]}")
    tried.check()


def test_sides(monkeypatch: pytest.MonkeyPatch, tried: Tried) -> None:
    """Processes of the sides, how they fail, and sides that cannot be used or read."""
    here = tried.folder
    lines = tried.lines
    results = {"status": Result(0, "", "")}

    def run_together(
        programs: Sequence[Program], ended: Any, most: int, progress: Callable[[], None]
    ) -> None:
        for number, program in reversed([*enumerate(programs)]):
            words = " ".join(map(str, program.command))
            more = {k: v for k, v in (program.environment or {}).items() if k.startswith("REC")}
            lines.append(f"  {words} in {program.folder} with {more}, at most {most}")
            for path in written:
                path.touch()
            progress()
            ended(number, results["status"])

    written: list[Path] = []
    monkeypatch.setattr(sides, "run_together", run_together)
    monkeypatch.setattr(sides, "tqdm", Bar)
    monkeypatch.setattr(sides, "project_environment", lambda given: {"PATH": "", **given})

    live = sides.Side("candidate", here / "c", Path("py"), here / "source", {"REC": "1"})
    other = sides.Side("baseline", here / "b", Path("/x/py"))
    for cpus in (None, 1, 2, 8):
        monkeypatch.setattr(os, "cpu_count", lambda cpus=cpus: cpus)
        both = [Task(live, [(Job("clipped-rnn", "kernel", 2), 3)]), Task(other, [], here)]
        tried(f"{cpus} CPUs", sides.run_tasks, both)
    for status, output, error in (
        (0, "", ""),
        (1, "one\ntwo\n", ""),
        (1, "one\n", "warning\nlast\n"),
        (2, "no loss\nat all\n", "a warning"),
        (2, "", "usage"),
        (-9, "", ""),
        (-4, "out", ""),
        (-99, "", ""),
        (139, "", "Segmentation fault"),
    ):
        results["status"] = Result(status, output, error)
        tried(f"status {status}", lambda: sides.run_tasks([Task(other, []), Task(live, [])]))
    results["status"] = Result(0, "", "")
    jobs = [Job("clipped-rnn", "kernel", 2), Job("clipped-lstm", "kernel", 2)]
    histories = [job.history(side.folder) for side in (live, other) for job in jobs]
    (here / "b").mkdir()
    for left, done in ((-1, []), (-1, histories[:-1]), (0, histories[1:])):
        histories[left].write_text("left by an earlier run")
        written[:] = done
        tried("not all written", lambda: sides.record_sides([live, other], jobs))
    lines.append(f"left: {sorted(path.name for path in here.rglob('*'))}")

    folder = here / "r"
    folder.mkdir()
    job = Job("clipped-rnn", "textbook", 2)
    found = {"there": folder, "nowhere": here / "no", "3.3.0": Path("3.3.0"), ".": Path()}

    def find_interpreter(text: str, _: object) -> Interpreter:
        if text == "absent":
            raise SideError(f"no interpreter is called {text!r}")
        return Interpreter(text, Path("found"), folder)

    monkeypatch.setattr(sides, "find_interpreter", find_interpreter)
    tried("absent side", sides.make_side, "candidate", "absent", here, None)
    for name, path in found.items():
        for given in ({}, {"REC": "1"}):
            tried(f"side {name} {given}", sides.make_side, "baseline", str(path), here, given)
    tried("recorded, relative", sides.make_side, "baseline", "r", Path(), None)
    tried("live, relative", sides.make_side, "candidate", LIVE, Path(), None)
    tried("same", lambda: sides.make_sides((str(folder), f"{folder}/."), here, (None, None)))
    (here / "candidate").mkdir()
    tried("both", sides.make_sides, (f"{here}/candidate", LIVE), here, (None, None))

    recorded = sides.Side("candidate", folder)
    empty: dict[str, Any] = {
        "loss": np.zeros(0),
        "recorded": np.zeros(0, int),
        "epoch_ends": np.zeros(0, int),
    }
    empty |= {"steps": 0, "accuracy": np.zeros(0)}
    names = parameters_of("clipped-rnn")
    none = dict.fromkeys(names, np.zeros(0))
    made = recording("clipped-rnn", **healthy("clipped-rnn", 2))
    for title, changes in (
        ("right", {}),
        ("another device", {"config": replace(job.config, device="gpu:0")}),
        ("another seed", {"config": replace(job.config, seed=7, clip_norm=None, cell="LSTM")}),
        ("another execution", {"config": replace(job.config, execution="kernel", dtype="float64")}),
        ("another run", {"config": replace(job.config, epochs=4, batch_size=2, learning_rate=0.1)}),
        ("another end", {"config": replace(job.config, on_nonfinite="continue")}),
        ("other parameters", {"raw_norms": {"W": np.ones(8)}, "clipped_norms": {"W": np.ones(8)}}),
        ("another order", {"raw_norms": {name: np.ones(8) for name in reversed(names)}}),
        ("no step", empty | {"raw_norms": none, "clipped_norms": none}),
    ):
        history = replace(made.history, **changes)
        steps = len(history.loss)
        new = Recording(history, made.gradients[:steps], made.parameters[: steps + 1])
        new.save(job, folder)
        tried(title, lambda: len(sides.load(job, recorded).history.loss))
    tried("another job", lambda: sides.load(Job("exploding-rnn", "kernel"), recorded))
    job.digests(folder).unlink()
    job.digests(folder).mkdir()
    tried("folder for digests", lambda: sides.load(job, recorded))
    job.digests(folder).rmdir()
    job.digests(folder).write_text("no archive")
    tried("damaged", lambda: sides.load(job, recorded))
    job.trace(folder, 1).write_text("no archive")
    tried("damaged trace", lambda: recorded.trace(job.trace(folder, 1)))
    tried("absent trace", lambda: recorded.trace(job.trace(folder, 2)))
    job.trace(folder, 3).mkdir()
    tried("folder for a trace", lambda: recorded.trace(job.trace(folder, 3)))
    tried.check()


def test_command(
    monkeypatch: pytest.MonkeyPatch,
    tried: Tried,
) -> None:
    """The help, wrong and right command lines, and every exit status."""
    texts = tried.lines
    verdicts: list[Any] = []

    def compared(*given: Any, **options: Any) -> Any:
        texts.append(f"compared {given} {options}{' in no folder' * (not folders)}")
        if isinstance(verdicts[0], BaseException):
            raise verdicts[0]
        return verdicts if "executions" in options else verdicts[0]

    for name in ("compare_behaviour", "compare_workload"):
        monkeypatch.setattr(command, name, compared)

    @contextmanager
    def temporary() -> Iterator[str]:
        folders.append("temporary")
        yield folders[-1]
        folders.clear()

    folders: list[str] = []
    monkeypatch.setattr(command, "tempfile", SimpleNamespace(TemporaryDirectory=temporary))
    (tried.folder / "lm.py").touch()
    (tried.folder / "file").touch()

    def verdict(kind: Any, until: int = 3, largest: float | None = 0.5) -> BehaviourVerdict:
        tensor = None if kind == "bitwise equal" else "h_ü"
        return BehaviourVerdict(
            "e", "kernel", kind, until, 4, largest, tensor, "tanh", f"e: {kind}\n  a: {until}"
        )

    def ran(*words: str, path: str = "out/verdicts.json") -> None:
        found = ended(command.main, words)
        words_and_output = f"$ behaviour {' '.join(words)}\n{found.out}"
        texts.append(f"{words_and_output}[{found.status}] {found.err}".rstrip())
        if Path(path).is_file():
            texts.append(Path(path).read_text())
            Path(path).unlink()

    equal, near = verdict("bitwise equal"), verdict("equal within rounding")
    verdicts[:] = [equal]
    ran("--help")
    ran()
    ran("a")
    ran("a", "b", "c")
    ran("a", "--baseline", "b")
    ran("--baseline", "a")
    sides_given = ("--baseline", "a", "--candidate", "b")
    ran(*sides_given)
    ran("a", "b", "--baseline-env", "A=1=2", "--baseline-env", "B=", "--candidate-env", "A=x")
    ran("a", "b", *(word for each in ("A=w", "B=", "A=x") for word in ("--candidate-env", each)))
    ran("a", "b", "--candidate-env", "A")
    ran("a", "b", "--candidate-env", "=A")
    for execution in ("textbook", "kernel", "static", "sot", "all", "eager"):
        ran("a", "b", "--execution", execution)
    ran("a", "b", "--python", "3.12", "--index-url", "https://n/")
    for option in ("--steps", "--seed", "--device", "--budget"):
        ran("a", "b", option, "3")
    for option, value in (
        ("--seed", "0"),
        ("--steps", "0"),
        ("--seed", "-1"),
        ("--seed", str(2**32)),
        ("--budget", "0"),
        ("--budget", "nan"),
        ("--workload", "lm.py"),
        ("--workload", "absent.py:f"),
    ):
        ran("a", "b", option, value)
    own_words = ("a", "b", "--workload", "lm.py:f")
    for execution in ("eager", "static", "kernel", "all"):
        ran(*own_words, "--execution", execution)
    ran(*own_words, "--steps", "7", "--seed", "5", "--device", "gpu:1", "--budget", "2.5")
    ran("a", "b", "--workload", "package.module:f", "--candidate-env", "A=1")
    results = (*sides_given, "--results")
    for given in (
        [equal],
        [equal, near],
        [near, verdict("equal within rounding", 0, None), equal],
        [verdict("equal within rounding", 0), equal],
        [equal, verdict("equal within rounding", 0)],
        [verdict("different", 0), verdict("equal within rounding", 0)],
        [equal, verdict("different", 7, None)],
        [SideError("baseline: a: \x1b[31m is none")],
        [NotRepeatableError("two runs differ")],
        [OSError("no space left")],
    ):
        verdicts[:] = given
        ran(*results, "out")
    with monkeypatch.context() as patch:
        verdicts[:] = [equal]
        patch.setattr("builtins.print", Mock(side_effect=BrokenPipeError))
        ended(command.main, [*results, "closed"])
    texts.append(f"with a closed output: {[*Path('closed').iterdir()]}")
    verdicts[:] = [verdict("different")]
    ran(*own_words, "--results", "new/results", path="new/results/verdicts.json")
    ran(*results, "file")
    ran(*results, "file/deeper")
    (tried.folder / "taken" / "verdicts.json").mkdir(parents=True)
    ran(*results, "taken")

    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(command, "write_json", full)
    ran(*results, "out")
    verdicts[:] = [verdict("equal within rounding", 0)]
    ran(*results, "out")
    tried.check()
