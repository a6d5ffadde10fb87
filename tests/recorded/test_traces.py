"""What a worker does, and the traces and layers that it records."""

from dataclasses import replace
from itertools import count
from types import SimpleNamespace
from typing import Any
from weakref import ref

import numpy as np
import pytest

from benchmarks.behaviour import layers, sides, worker
from benchmarks.behaviour.files import (
    AGAIN,
    Job,
    OwnJob,
    Trace,
)
from benchmarks.behaviour.sides import Task
from benchmarks.workloads.own import WorkloadError, find_workload
from tests.helpers.default_dtype import default_dtype
from tests.helpers.recorded import ended
from tests.recorded.conftest import Tried

INF = np.inf


def test_worker(monkeypatch: pytest.MonkeyPatch, tried: Tried) -> None:
    """What is done for each task, in which order, and how it fails."""
    lines, here = tried.lines, tried.folder
    own_job, job = OwnJob("lm.py:workload", steps=5), Job("clipped-rnn", "kernel", 2)
    errors: list[Exception] = []

    def described(config: Any) -> str:
        return f"{config.execution}, {config.epochs} epochs"

    def made(what: str) -> SimpleNamespace:
        lines.append(f"  make {what}")
        if errors:
            raise errors[0]
        return SimpleNamespace(save=lambda *given: lines.append(f"  save {what}: {given}"))

    def observe(each: OwnJob, steps: int, trace: int | None) -> Any:
        run = made(f"{steps} steps of {each.stem}, step {trace} traced")
        return run, trace and SimpleNamespace(save=lambda path: lines.append(f"  save {path}"))

    monkeypatch.setattr(layers, "observe", observe)
    monkeypatch.setattr(worker, "record", lambda config: made(f"run of {described(config)}"))
    monkeypatch.setattr(
        worker, "trace", lambda config, *given: made(f"trace {given} of {described(config)}")
    )
    monkeypatch.setattr(Trace, "load", lambda path: str(path))
    side = sides.Side("candidate", here)
    for each in (job, own_job):  # Files of an earlier comparison are written again.
        old = [each.history(here), each.digests(here)]
        for step in (1, 3):
            old += [each.trace(here, step), each.replay(here, step)]
        for path in old:
            path.write_bytes(b"old")
    for replay in (None, here / "other"):
        work = [(job, None), (job, 3)] if replay is None else [(job, 3), (job, 1)]
        tried("experiments", worker.main, Task(side, work, replay).arguments)
    variants = (own_job, replace(own_job, variant=AGAIN), replace(own_job, variant=".moved"))
    for each in variants:
        tried("workload", worker.main, Task(side, [(each, None), (each, 3)]).arguments)
    for error in (WorkloadError("no loss"), RuntimeError("no memory"), OSError("no space")):
        errors[:] = [error]
        tried("it fails", worker.main, Task(side, [(own_job, None), (job, 1)]).arguments)
    tried.check()


def listed(trace: Trace) -> list[str]:
    """Return a line for each tensor: how it is called, and its scale, roughly."""
    return [
        f"  {t.name} <- {t.operator}: {t.values.dtype}{list(t.values.shape)}, scale {t.scale:.4g}"
        for t in trace.tensors
    ]


@pytest.mark.usefixtures("even_weights")
def test_traces(tried: Tried) -> None:
    """All tensors of a step of each cell and execution, with and without clipping."""
    lines = tried.lines
    for experiment, execution, step, changes in (
        ("exploding-rnn", "textbook", 1, {"num_steps": 3}),
        ("clipped-rnn", "textbook", 2, {"clip": "by-global-norm", "batch_size": 2}),
        ("clipped-rnn", "kernel", 6, {"hidden_size": 3}),
        ("clipped-lstm", "textbook", 1, {"clip": "none", "clip_norm": None}),
        ("clipped-lstm", "kernel", 2, {"clip_norm": 0.5, "num_steps": 3}),
    ):
        sizes = {"num_steps": 2, "hidden_size": 2, "emb_size": 2}
        config = replace(Job(experiment, execution).config, **(sizes | changes))
        made = worker.trace(config, step)
        replayed = worker.trace(config, step, made)
        lines += [f"{experiment}, {execution}, step {step}", *listed(made)]
        names = [each[:2] for each in made.tensors]
        lines.append(f"  replayed: {[each[:2] for each in replayed.tensors] == names}")
    tried.check(computed=True)


DOUBLE = {
    "import paddle\n": "import paddle\npaddle.set_default_dtype('float64')\n",
    "create_parameter([2])": "create_parameter([2], dtype='float32')",
}
OWN = {
    "self.idle =": "self.scale = self.create_parameter([1])\n        self.idle =",
    "forward(self, words)": "forward(self, words, more)",
    "self.last(x).mean() + self.frozen\n": "self.last(y) + self.frozen + self.scale * more\n",
    "    words = ": "    more = paddle.ones([1])\n    more.stop_gradient = False\n    words = ",
    "(model(words) **": "(model(words, more) **",
}
CHANGING = {
    "+ self.frozen\n": "+ (self.unused.sum() if self.training else self.frozen)\n",
    "BACKWARD": "loss.backward(); model.eval(); open(__file__, 'a').write('#')",
}
LAST_BFLOAT16 = {
    "return self.last(": "y = self.last(",
    "+ self.frozen\n": "+ self.frozen\n        return y, y.astype('bfloat16')\n",
    "(model(words) **": "(model(words)[0] **",
}
MODEL = """
import paddle

class Several(paddle.nn.Layer):
    def forward(self, x, more=None):
        others = {"none": None, "complex": paddle.complex(x, x), "mask": x > 0}
        return x * 2, [x + 1, {"c": x - 1, **others}]

class Model(paddle.nn.Layer):
    def __init__(self):
        super().__init__()
        self.words = paddle.nn.Embedding(5, 3, sparse=SPARSE)
        self.block = paddle.nn.Sequential(paddle.nn.Linear(3, 3), paddle.nn.Tanh())
        self.last_2 = Several()
        self.last = paddle.nn.Linear(3, 1)
        self.tied = paddle.nn.Embedding(3, 1)
        self.tied.weight = self.last.weight
        self.again = self.last_2
        self.frozen = self.create_parameter([1])
        self.frozen.stop_gradient = True
        self.unused = self.create_parameter([2])
        self.idle = paddle.nn.Linear(1, 1)

    def forward(self, words):
        x = self.block(self.words(words))
        a, (b, c) = self.last_2(x)
        y = (a + b + c["c"] + self.block(x)).mean(axis=1)
        return self.last(y) + self.last(x).mean() + self.frozen

def workload(seed):
    model, calls = Model(), []
    optimizer = paddle.optimizer.SGD(0.125, model.parameters())
    words = paddle.to_tensor([[1, 1, 2, seed]])

    def step():
        loss = (model(words) ** 2).mean()
        BACKWARD
        optimizer.step()
        optimizer.clear_grad()
        return LOSS

    return model, step
"""


@pytest.mark.usefixtures("even_weights")
def test_layers(monkeypatch: pytest.MonkeyPatch, tried: Tried) -> None:
    """The tensors, norms and settings of a workload whose layers are of many kinds."""
    import paddle

    lines = tried.lines
    observers: list[Any] = []
    move = layers.move

    def moved(observer: layers.Observer, seed: int) -> None:
        before = observer.values()
        move(observer, seed)
        for name, old, new in zip(observer.parameters, before, observer.values(), strict=True):
            up, down = (int((new == np.nextafter(old, to)).sum()) for to in (INF, -INF))
            lines.append(f"  {name} is moved, {up} up and {down} down")

    class Observer(layers.Observer):
        def __init__(self, model: Any) -> None:
            super().__init__(model)
            observers.append(self)
            self.made, self.most = list[Any](), 0

        def values(self) -> Any:
            found = super().values()
            self.made += map(ref, found)
            kept = sum(each() is not None for each in self.made)
            self.most = max(self.most, kept // len(found))
            return found

    monkeypatch.setattr(layers, "move", moved)
    monkeypatch.setattr(layers, "Observer", Observer)
    for title, changes, trace, fields_of in (
        ("step 1", {}, 1, {}),
        ("step 2, sparse, two backward passes", {"SPARSE": "True", "BACKWARD": "TWICE"}, 2, {}),
        # Of two passes, Paddle adds up the rows itself.
        ("sparse, rows that repeat", {"SPARSE": "True"}, None, {"steps": 1}),
        ("static", {}, 2, {"execution": "static"}),
        ("a parameter and two inputs of the model itself", OWN, 1, {"steps": 1}),
        ("moved", {}, 2, {"moved_by": 2, "moved_at": 2, "steps": 3}),
        ("moved otherwise", DOUBLE, None, {"moved_by": 1, "steps": 1}),
        ("bfloat16", {'"none": None': '"none": x.astype("bfloat16")'}, 1, {}),
        ("bfloat16 at the end", LAST_BFLOAT16, None, {}),
        ("huge gradients", {"BACKWARD": "(loss * 1e25).backward()"}, None, {"steps": 1}),
        ("the file and the gradients change", CHANGING, None, {}),
        ("three steps are timed", {}, None, {"steps": 3, "budget": 0.35}),
        ("too long", {}, None, {"steps": 3, "budget": 0.349}),
        ("traced, not timed", {}, 3, {"steps": 3, "budget": 1e-9}),
        ("a variant, not timed", {}, None, {"steps": 3, "budget": 1e-9, "variant": AGAIN}),
        ("much too long", {}, None, {"steps": 100000, "budget": 10.0}),
        ("two steps are timed", {}, None, {"budget": 1e-9}),
        ("one step is not timed", {}, None, {"steps": 1, "budget": 1e-9}),
        ("no backward", {"BACKWARD": "pass"}, None, {}),
        ("one backward", {"BACKWARD": "calls or loss.backward(); calls.append(1)"}, None, {}),
        ("no loss", {"LOSS": "None"}, None, {}),
        ("no seed", {"workload(seed)": "workload()"}, None, {}),
        ("infinite", {"LOSS": "loss / 0"}, None, {}),
    ):
        source = MODEL
        for old, new in {"SPARSE": "False", "LOSS": "loss", **changes}.items():
            source = source.replace(old, new)
        backward = "(loss / 2).backward(); (model(words).sum() / 4).backward()"
        source = source.replace("TWICE", backward).replace("BACKWARD", "loss.backward()")
        (tried.folder / "lm.py").write_text(source)
        # Every step takes longer: 0.5 s, 1 s, 1.5 s.
        times = count()
        clock = SimpleNamespace(monotonic=lambda times=times: 0.25 * (k := next(times)) * (k + 1))
        monkeypatch.setattr(layers, "time", clock)
        job = OwnJob(f"{tried.folder}/lm.py:workload", **{"steps": 2, "seed": 3} | fields_of)
        lines.append(f"--- {title}")
        expected = find_workload(job.workload).digest
        with default_dtype("float32"):
            observed = ended(layers.observe, job, min(job.steps, 3), trace)
        if observed.error:
            lines.append(f"{observed.error}")
            continue
        found, traced_step = observed.value
        run = found.history
        if title.startswith("bfloat16"):  # Releases round it in different ways.
            dtypes = {each.values.dtype.name for each in traced_step.tensors} if trace else ()
            lines.append(f"{run.settings['epsilon']}, {sorted(dtypes)}")
            continue
        run.settings["file"] = run.settings["file"] == expected
        lines.append(f"{run.describe()}; {run.settings}")
        lines.append(f"  at most {observers[-1].most} copies of the weights in memory")
        for name, norms in run.raw_norms.items():
            lines.append(f"  norm of {name}: {', '.join(f'{each:.4g}' for each in norms)}")
        if traced_step is not None:
            made = listed(traced_step)
            # Releases call the hooks of static parameters in different orders.
            lines += sorted(made) if job.execution == "static" else made
            # Nothing is kept of later steps.
            kept = len(observers[-1].forward) + len(observers[-1].backward)
            again = "as before" if traced_step.repeats(found, trace or 1) else "moved"
            lines.append(f"  {len(made) - kept} tensors besides; weights {again}")
    weight = paddle.to_tensor([1.0, 2.0]).astype("bfloat16")
    observer: Any = SimpleNamespace(trained=["w"], parameters={"w": weight})
    move(observer, 1)
    lines.append(f"numbers that NumPy lacks: {layers.read(weight).tolist()}")
    lines.append(f"complex: {layers.read(paddle.to_tensor([1 - 2j])).tolist()}")
    for seconds, steps, budget in (
        (1e-6, 100, 10.0),
        (0.12345, 10**6, 0.5),
        (61.0, 1, 7.0),
        (61.0, 2, 7.5),
        (3600.0, 3, 1e3),
    ):
        job = OwnJob("a/b.py:f", steps=steps, budget=budget)
        tried(f"{seconds} s", layers.check_budget, job, seconds)
    tried.check(computed=True)
