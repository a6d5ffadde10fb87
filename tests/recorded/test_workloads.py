"""Workloads: references and errors of own ones, stages, layouts, and the check of same work."""

import json
import sys
from contextlib import suppress
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import paddle
import pytest

from benchmarks.workloads import implementations, own, same_work, training_step
from benchmarks.workloads.implementations import IMPLEMENTATIONS, absent, make_contender
from benchmarks.workloads.own import find_workload, load_workload
from benchmarks.workloads.paddle_peer import PaddlePeer, paddle_layout, peer_layout
from benchmarks.workloads.same_work import check_same_work
from benchmarks.workloads.stages import FIRST_STEP, STAGES, WHOLE_STEP
from benchmarks.workloads.training_step import SHAPES, Shape, draw_batch, make_work
from rnn_core import TrainConfig
from rnn_core.model import model_of
from rnn_core.parameters import Parameters
from rnn_core.step import TrainingStep
from tests.recorded.conftest import Tried

TINY = Shape(batch=2, steps=3, size=4)
CELLS: tuple[Any, ...] = ("RNN", "LSTM")
GOOD = """
import paddle

# print("loading")
def helper(seed): return None
class Other: pass
from glob import glob

def workload(seed):
    # print("making", seed)
    model = paddle.nn.Linear(2, 1)
    data = paddle.ones([4, 2])

    def step():
        # print("stepping")
        loss = (CALL).mean()
        loss.backward()
        model.bias.set_value(model.bias - model.bias.grad)
        model.clear_gradients()
        return LOSS

    return MADE
"""
NESTED = """
from benchmarks.workloads.own import find_workload
try:
    find_workload("lm")
except ValueError as error:
    raise OSError("no")"""


def test_references(tried: Tried) -> None:
    """Texts that name a workload or not, and the files that belong to one."""
    files = {
        "lm.py": "import numpy, near, absent\nfrom near import absent, deep as d\n",
        "near/__init__.py": "",
        "near/deep.py": "from .. import far\nimport lm\n",
        "near/unused.py": "",
        "far.py": "def later():\n    import farther.one.two\n",
        "farther/one/two.py": "from . import three\nfrom ..four import x\n",
        "farther/one/three.py": "",
        "farther/four.py": "import json",
        "farther/__init__.py": "",
        "whole/__init__.py": "from . import lm",
        "whole/lm.py": "from .near import deep\nfrom . import absent\n",
        "whole/near/deep.py": "from ... import far\nfrom .. import far\n",
        "whole/near/__init__.py": "",
        "whole/far.py": "",
        "damaged.py": "def (",
        "binary.py": "\0",
        "empty/readme": "",
        "folder.py/readme": "",
        "tqdm.py": "# An installed module has this name.",
        "on_path/outside.py": "import absent, beside",
        "on_path/beside.py": "",
        "dist-packages/installed.py": "import other",
        "dist-packages/other.py": "",
        "site-packages/package/one.py": "from . import two",
        "site-packages/package/two.py": "",
        "on_path/package/one.py": "",
    }
    for name, content in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(content)
    Path("near/linked.py").symlink_to("../lm.py")
    Path("latin.py").write_bytes("# coding: latin-1\nimport far  # ü\n".encode("latin-1"))
    sys.path.append(str(tried.folder / "on_path"))

    def described(text: str) -> str:
        found = find_workload(text)
        inside = sorted(str(path.relative_to(tried.folder)) for path in found.sources())
        return f"{found}, {found.folder}, {found.text}, {found.digest[:8]}\n" + "\n".join(inside)

    for text in (
        *("lm.py:workload", "./lm.py:f", "near/deep.py:f", "far.py:f", "lm:f", "near.deep:f"),
        "near/linked.py:f",
        *("near:f", "whole.lm:f", "whole:f", "whole/lm.py:f", "damaged.py:f", "binary.py:f"),
        *("absent:f", "absent.lm:f", ".lm:f", "empty:f", "farther.one.two:f"),
        *("./whole.near.deep:f", "latin.py:f", "tqdm:f", "outside:f", "sys:f"),
        *("whole.lm.near:f", "far.json:f", "package.one:f"),
        *(
            "site-packages/package.one:f",
            "dist-packages/installed.py:f",
            "farther/one:f",
            f"{tried.folder}/lm.py:f",
            "lm.py:ä",
        ),
        *("lm.py", "lm.py:", ":f", "", ":", "lm.py:f.g", "lm.py:1", "lm.py:f g", "absent.py:f"),
        *("a:b:c", "C:\\lm.py:f", "near.py:f", "x" * 200, "\x1b:", "empty/lm.py:f"),
        "folder.py:f",
    ):
        tried(f"{text!r}", described, text)
    for text in ("lm.py:f", "lm.py"):
        tried("argument", own.workload_argument, text)
    Path("near/deep.py").write_text("changed")
    tried("changed", described, "lm.py:f")
    tried.check()


@pytest.mark.usefixtures("even_weights")
def test_own_workloads(tried: Tried, monkeypatch: pytest.MonkeyPatch) -> None:
    """What files and modules, functions, steps and losses may be, and the errors otherwise."""

    def run(text: str = "lm.py:workload", execution: Any = "eager", finite: bool = True) -> object:
        training = load_workload(text).make(3, execution)
        losses = [training.step(finite) for _ in range(2)]
        return f"{losses[1] - losses[0]:.4g} after {training.steps} steps of {training.name}"

    def later() -> None:
        with suppress(ValueError):
            run()
        print("later")

    def write(source: str = GOOD, **parts: str) -> None:
        usual = {"CALL": "model(data)", "LOSS": "loss", "MADE": "model, step"}
        for old, new in (usual | parts).items():
            source = source.replace(old, new)
        Path("lm.py").write_text(source)
        sys.modules.pop("lm", None)

    sys.path += [f"{tried.folder}/near", str(tried.folder)]
    write(GOOD.replace("# ", ""))
    tried("prints", run)
    for execution in ("eager", "static"):
        for call in (
            "model(data)",
            "model(input=data)",
            "model.forward(data)",
            "data * model.bias",
            "data * model.bias if vars(step) else model(data, *vars(step).update(n=1) or [])",
        ):
            write(CALL=call)
            tried(f"{execution}, {call}", run, execution=execution)
    for loss in (
        *(
            "float(loss)",
            "loss.numpy()",
            "loss.reshape([1, 1])",
            "(vars(step).update(n=2 * vars(step).get('n', 1)) or loss / loss * step.n)"
            ".astype('bfloat16')",
            "1 + model.bias.astype('float64') * 2**-40",
            "len(__import__('pickle').dumps(Other)) * loss",
            "True",
        ),
        *("3", "None", "'3'", "data", "[1.0]", "[1.0, 2.0]", "(loss, loss)", "{}", "1j"),
        "loss.numpy().astype('complex64')",
        "loss / 0",
        "loss / (vars(step).update(n=vars(step).get('n', 2) - 1) or step.n)",
        *("-loss / 0", "loss * float('nan')", "model", "'x' * 500", "loss.numpy().reshape(-1)[:0]"),
    ):
        write(LOSS=loss)
        tried(f"loss {loss}", run)
    write(LOSS="loss * float('inf')")
    tried("infinite, allowed", run, finite=False)
    for made in (
        *("None", "model", "step, model", "model, step, 1", "[model, step]", "(model,)", "3", "()"),
        *("paddle.nn.Tanh(), step", "model, None", "'model', step", "data", "{'model': model}"),
    ):
        write(MADE=made)
        tried(f"returns {made}", run)
    frozen = "setattr(model.weight, 'stop_gradient', True) or model.weight"
    for parameters in (f"{frozen}, model.bias", f"model.bias, {frozen}"):
        write(MADE=f"paddle.nn.ParameterList([{parameters}]), step")
        tried(f"trains one of {parameters}", run)
    write(MADE="1 / 0")
    tried("raises", run)
    tried("raises, and standard output is ours again", later)
    write(LOSS="int('x')")
    tried("step raises", run)
    for text in ("lm.py:main", "lm.py:Other", "lm:main", "lm.py:helper", "lm:workload"):
        write()
        tried(text, run, text)
    Path("lm_data.py").write_text("SIZE = 2")
    write("import lm_data\n" + GOOD, LOSS="lm_data.SIZE")
    Path("lm.py").rename("json.py")
    monkeypatch.chdir("/")
    sys.path.insert(0, "/first")
    tried("from elsewhere", run, f"{tried.folder}/json.py:workload")
    monkeypatch.chdir(tried.folder)
    tried("json", lambda: sys.modules["json"] is json)
    here = str(tried.folder)
    tried("first on the path, once", lambda: (sys.path.index(here), sys.path.count(here)))
    tried("before the earlier first", lambda: sys.path[1])
    Path("json.py").unlink()
    many = "\n".join(f"def f{k}(seed): pass" for k in range(12))
    for title, source, text in (
        ("none", "workload = 1", "lm.py:main"),
        ("not callable", "workload = 1", "lm.py:workload"),
        ("many", many, "lm.py:main"),
        ("ten", many.partition("\ndef f10")[0], "lm.py:main"),
        ("no argument", "def workload(): pass", "lm.py:workload"),
        ("two arguments", "def workload(seed, other): pass", "lm.py:workload"),
        ("a keyword", "def workload(*, seed): pass", "lm.py:workload"),
        ("a default", "def workload(seed, other=1): return other", "lm.py:workload"),
        ("no Python", "def workload(", "lm.py:workload"),
        ("exit", "import sys; sys.exit(2)", "lm.py:workload"),
        ("exit later", "import sys\ndef workload(seed): sys.exit('bye')", "lm.py:workload"),
        ("error", "def workload(seed): 1 / 0", "lm.py:workload"),
        ("nested error", NESTED, "lm.py:workload"),
        ("caused error", NESTED + " from error", "lm:workload"),
        ("absent import", "import absent_elsewhere", "lm:workload"),
        ("absent import", "import absent_elsewhere", "lm.py:workload"),
        ("absent import with the same beginning", "import l", "lm:workload"),
        ("interrupt", "def workload(seed): raise KeyboardInterrupt", "lm.py:workload"),
        ("absent module", "", "absent_lm:workload"),
        ("absent in a package", "", "json.absent:workload"),
        (
            "an error of ours",
            "from benchmarks.workloads.own import *\nraise WorkloadError('a')",
            "lm:f",
        ),
    ):
        write(source)
        tried(title, run, text)
    tried.check(computed=True)


def test_shapes(tried: Tried, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shapes, batches, the names of stages and implementations, and which are installed."""
    for text in (
        *("B1-T10-H128", "B1 T10 H128", "B32-T50 H256", "B999999999-T1-H1", "B0-T1-H1"),
        *("B01-T1-H1",),
        *("B1-T0-H1", "B1-T1-H0", "b1-t1-h1", "B1-T1", "", "B1-T1-H1 ", "B1_T1_H1", "B-1-T1-H1"),
        *("B1.5-T1-H1", "x" * 100, "B1-T1-H1\x1b", "B\uff11-T1-H1"),
    ):
        tried(f"{text!r}", lambda text: (*Shape.parse(text), str(Shape.parse(text))), text)
    tried.lines.append(f"{[str(shape) for shape in SHAPES]}")
    for shape in (*SHAPES[:2], TINY):
        tokens, labels = draw_batch(shape)
        tried.lines.append(
            f"{shape}: {tokens.dtype}{tokens.shape} {tokens.sum()} {tokens.flat[:10].tolist()}, "
            f"{labels.dtype}{labels.shape} {labels.sum()} {labels.flat[:4].tolist()}"
        )
    tried.lines.append(f"{STAGES}, {WHOLE_STEP}, {FIRST_STEP}, {IMPLEMENTATIONS}")
    constants = (training_step.CLIP_NORM, training_step.LEARNING_RATE, training_step.VOCAB_SIZE)
    tried.lines.append(f"{constants}")
    for found in (None, ModuleSpec("folder", None), ModuleSpec("", None, origin="file")):
        monkeypatch.setattr(implementations, "find_spec", lambda _, found=found: found)
        tried.lines.append(f"{[absent(each) for each in (*IMPLEMENTATIONS, 'static')]}")
    for name in ("torch", "jax"):

        def made(*given: Any, name: str = name) -> list[Any]:
            sizes = {key: value.shape for key, value in given[1].items()}
            return [name, given[0], sizes, *(each.shape for each in given[2:4]), *given[4:]]

        peer = SimpleNamespace(TorchContender=made, JaxContender=made)
        monkeypatch.setitem(sys.modules, f"benchmarks.workloads.{name}_peer", peer)
        for cell in CELLS:
            tried(f"{name}", make_contender, name, cell, TINY, 0.5, None)
        tried(f"{name}", make_contender, name, "RNN", TINY)
    for cell in CELLS:
        size = Parameters(model_of(TrainConfig(cell=cell, hidden_size=2, emb_size=3)))
        values = {
            name: np.arange(np.prod(weight.shape)).reshape(weight.shape) + 100 * number
            for number, (name, weight) in enumerate(zip(size.names, size.weights, strict=True))
        }
        for name, array in peer_layout(values).items():
            tried.lines.append(f"{cell} {name} {array.flags.c_contiguous}: {array.tolist()}"[:400])
        inner = {n.removeprefix("recurrent."): v for n, v in values.items() if "recurrent" in n}
        tried.lines.append(f"{cell}: {[*paddle_layout(inner)]}")
    tried.check()


@pytest.mark.usefixtures("even_weights")
def test_stages(tried: Tried, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts of each stage in order, and the losses of a few steps."""
    events: list[str] = []

    def logged(owner: Any, name: str, shown: str | None = None) -> None:
        healthy = getattr(owner, name)

        def log(*given: Any, **named: Any) -> Any:
            events.append(shown or name)
            return healthy(*given, **named)

        monkeypatch.setattr(owner, name, log)

    for execution in ("textbook", "kernel", "paddle"):
        for cell in CELLS:
            for clip in (1.0, 0.125, None):
                work = make_work(execution, cell, TINY, 0.25, clip)
                losses = []
                for part in ("step", "recorded", "step"):
                    losses.append(f"{work.loss():.4g}")
                    getattr(work, part)()
                norms = {n: f"{np.abs(v).sum():.4g}" for n, v in work.parameters().items()}
                kind = type(work).__name__, type(work.model.recurrent).__name__
                if isinstance(work.model.recurrent, PaddlePeer):
                    (layer,) = work.model.recurrent._layer
                    bias = layer.bias_hh_l0.grad  # That of the last step alone.
                    tried.lines.append(f"second bias: {np.abs(bias.numpy()).sum():.4g}")
                tried.lines.append(f"{execution}, {cell}, clip {clip}, {kind}: {losses}")
                for _ in range(2 if clip else 0):
                    work.clear_gradients()
                    work.backward(work.forward())
                    work.clip()
                    sums = [f"{np.abs(each.numpy()).sum():.4g}" for each in work.clipped]
                    work.use_clipped()
                    work.update()
                    tried.lines.append(f"  by parts: {work.loss():.4g}, clipped {' '.join(sums)}")
                if clip == 1.0:
                    tried.lines += [f"  {name}: {norm}" for name, norm in norms.items()]
    parts = ("forward", "backward", "clip", "use_clipped", "update", "step", "recorded")
    for owner in (training_step.Work, training_step.PaddleWork):
        for name in (*parts, "clear_gradients"):
            if name in vars(owner):
                logged(owner, name)
    logged(training_step, "count_correct")
    logged(training_step, "synchronize", "wait")
    logged(TrainingStep, "gradients", "TrainingStep.gradients")
    logged(TrainingStep, "clip_gradients", "TrainingStep.clip_gradients")
    logged(paddle.optimizer.SGD, "step", "SGD.step")
    logged(paddle.optimizer.SGD, "clear_grad", "SGD.clear_grad")
    logged(paddle.nn.ClipGradByNorm, "__call__", "ClipGradByNorm")
    for execution in ("kernel", "paddle"):
        for stage in STAGES:
            work = make_work(execution, "RNN", TINY)  # type: ignore[arg-type]
            events.clear()
            target, setup = work.timed(stage, "cpu")
            tried.lines.append(f"{execution}, {stage}: made by {', '.join(events)}")
            for _ in range(2):
                events.clear()
                inputs, named = setup() if setup else ((), {})
                tried.lines.append(f"  set up by {', '.join(events) or 'nothing'}: {named}")
                events.clear()
                target(*inputs)
                tried.lines.append(f"  {', '.join(events)}; {len(work.clipped)} are clipped")
    tried.check(computed=True)


@pytest.mark.usefixtures("even_weights")
def test_same_work(tried: Tried, monkeypatch: pytest.MonkeyPatch) -> None:
    """Implementations that do the same work or not, with a loss or gradient that is off."""
    for cell in CELLS:
        for name in ("textbook", "kernel", "paddle"):
            losses = same_work.unclipped_losses(name, cell, TINY)
            tried.lines.append(f"{name}, {cell}: losses {[f'{loss:.4g}' for loss in losses]}")
            for limit in (None, 1.0):
                found = same_work.applied_gradients(name, cell, TINY, limit)
                tried.lines.append(f"  {len(found)} gradients, clip {limit}")
                tried.lines += [f"    {n}: {np.abs(g).sum():.4g}" for n, g in found.items()]
        tried(f"{cell}", check_same_work, ["textbook", "kernel", "paddle"], cell, TINY)
    for norm in (0.25, 1.0, 4.0, 0.0):
        tried.lines.append(f"clip {norm}: {same_work.clip(np.array([norm, 0.0])).tolist()}")
    raw = {"recurrent.W": np.eye(2), "recurrent.U": 2 * np.eye(2), "recurrent.b": np.ones((1, 2))}
    raw |= {"linear.bias": np.array([0.125])}
    calls: list[str] = []
    off: dict[str, Any] = {}

    def losses_of(name: str, *_: Any) -> list[float]:
        calls.append(f"losses {name}")
        losses = [4.0, 1e-3, -2.0]
        for position, value in off.get("losses", {}).items() if name != "textbook" else ():
            losses[position] = value
        return losses

    def gradients_of(name: str, _: Any, __: Any, limit: float | None) -> dict[str, Any]:
        calls.append(f"gradients {name} {limit}")
        if limit is None:
            return dict(raw)
        layout = raw if name in ("textbook", "kernel") else peer_layout(raw)
        made = {n: same_work.clip(g) for n, g in layout.items()}
        return {n: g * off.get(n, 1.0) for n, g in made.items()}

    monkeypatch.setattr(same_work, "unclipped_losses", losses_of)
    monkeypatch.setattr(same_work, "applied_gradients", gradients_of)
    for off in (
        {},
        {"losses": {0: 4.00001}},
        {"losses": {0: 3.9}},
        {"losses": {0: 4.000123456789}},
        {"losses": {1: 1.001e-3}},
        {"losses": {2: 2.0}},
        {"losses": {1: np.nan, 2: 5.0}},
        {"losses": {0: np.inf}},
        {"linear.bias": 1.001},
        {"linear.bias": 1.0009, "recurrent.weight_hh": 0.9991},
        {"recurrent.weight_hh": 1.01, "recurrent.U": 1.00002},
        {"recurrent.weight_hh": 1.005},
        {"recurrent.W": np.nan},
        {"recurrent.bias_ih": 0.0, "linear.bias": 2.0},
    ):
        for names in (["textbook"], ["kernel", "paddle"], ["torch"], ["jax", "torch"], []):
            for tolerance in ((), (1e-2,)):
                calls.clear()
                title = f"{off}, {names}, {(*tolerance, 1e-5)[0]}"
                tried(title, check_same_work, names, "RNN", TINY, *tolerance)
                if not off and not tolerance:
                    tried.lines.append(f"  {', '.join(calls)}")
    tried.check(computed=True)
