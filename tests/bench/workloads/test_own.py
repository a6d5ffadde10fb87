"""Workloads of the user's own: what they may be, and the errors when they are something else."""

import hashlib
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.workloads.own import (
    OWN_EXECUTIONS,
    OwnExecution,
    Training,
    WorkloadError,
    find_workload,
    load_workload,
)

GOOD = """
import paddle

print("loading")

def workload(seed):
    print("making")
    paddle.seed(seed)
    model = paddle.nn.Linear(2, 1)
    data = paddle.rand([4, 2])

    def step():
        print("stepping")
        loss = model(input=data).mean()
        loss.backward()
        model.bias.set_value(model.bias - model.bias.grad)
        model.clear_gradients()
        return {loss}

    return {made}
"""

NESTED = """
from benchmarks.workloads.own import find_workload
try:
    find_workload("lm")
except ValueError as error:
    raise OSError"""

Load = Callable[..., Training]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Write a file, load the workload in it, and make it."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(tmp_path)

    def loaded(
        source: str = "",
        text: str = "lm.py:workload",
        execution: OwnExecution = "eager",
        **parts: str,
    ) -> Training:
        source = source or GOOD.format(**{"loss": "loss", "made": "model, step", **parts})
        (tmp_path / "lm.py").write_text(source)
        sys.modules.pop("lm", None)
        return load_workload(text).make(3, execution)

    return loaded


@pytest.mark.parametrize("execution", OWN_EXECUTIONS)
@pytest.mark.parametrize("loss", ["loss", "float(loss)", "loss.numpy()", "loss.reshape([1, 1])"])
def test_workload_trains_and_prints_to_standard_error(
    load: Load, capsys: pytest.CaptureFixture[str], execution: OwnExecution, loss: str
) -> None:
    """Each step returns a smaller loss, and what the file prints is not our output."""
    training = load(loss=loss, execution=execution)

    first, second = training.step(finite=True), training.step(finite=True)
    assert second == pytest.approx(first - 1)
    assert training.steps == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.split()[:4] == ["loading", "making", "stepping", "stepping"]


def test_step_that_never_calls_the_model_is_not_called_static(load: Load) -> None:
    """Only the model's `forward` is traced; other methods and its sublayers stay eager."""
    source = GOOD.replace("model(input=data)", "F.linear(data, model.weight, model.bias)").replace(
        "import paddle", "import paddle\nimport paddle.nn.functional as F"
    )
    source = source.format(loss="loss", made="model, step")

    assert load(source).step()
    with pytest.raises(
        WorkloadError, match="lm.py:workload: the step never calls the model itself"
    ):
        load(source, execution="static").step()


def test_module_is_loaded_from_the_working_directory(load: Load) -> None:
    """Its name, and the absolute text that names the same function, both work."""
    assert load(text="lm:workload").name == "lm:workload"
    assert load(text=find_workload("lm:workload").text).name == "lm:workload"


def test_file_imports_modules_of_its_folder(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when Python runs it, and from any working directory."""
    (tmp_path / "lm_data.py").write_text("SIZE = 2\n")
    load()
    monkeypatch.chdir("/")

    source = "import lm_data\n" + GOOD.format(loss="lm_data.SIZE", made="model, step")
    assert load(source, text=f"{tmp_path}/lm.py:workload").step() == 2


def test_digest_leaves_out_a_package_with_the_name_of_the_file(load: Load, tmp_path: Path) -> None:
    """The file runs, not the package."""
    load()
    before = find_workload("lm.py:workload").digest
    (tmp_path / "lm").mkdir()
    (tmp_path / "lm" / "__init__.py").touch()

    assert find_workload("lm.py:workload").digest == before


def test_file_does_not_take_the_place_of_a_module(load: Load, tmp_path: Path) -> None:
    """A file may have the name of a module that others import."""
    load()
    (tmp_path / "json.py").write_text((tmp_path / "lm.py").read_text())

    assert load(text="json.py:workload").step()
    assert sys.modules["json"] is json


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("lm.py", "lm.py"),
        ("lm", "lm.py"),
        ("lm_package.lm", "lm_package/lm.py"),
        ("lm_package", "lm_package/__init__.py"),
        ("elsewhere_lm", "elsewhere/elsewhere_lm.py"),
    ],
)
def test_digest_is_that_of_the_file_and_its_imports(
    text: str, file: str, load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two sides with different files can be told apart; none is imported for it."""
    load()
    source = (tmp_path / "lm.py").read_text()
    for folder in ("lm_package", "elsewhere"):
        (tmp_path / folder).mkdir()
    (tmp_path / "lm_package" / "lm.py").write_text(source)
    (tmp_path / "lm_package" / "__init__.py").write_text(source)
    (tmp_path / "elsewhere" / "elsewhere_lm.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")

    before = find_workload(f"{text}:workload").digest
    assert "lm_package" not in sys.modules
    (tmp_path / "empty").mkdir()
    for absent in (".lm", "absent", "absent.lm", "empty"):
        assert find_workload(f"{absent}:workload").digest == hashlib.sha256(b"").hexdigest()
    loaded = load_workload(f"{text}:workload").reference
    sys.modules.pop("lm_package", None)
    assert loaded.digest == before
    (tmp_path / file).write_text(source + "\n")
    assert find_workload(f"{text}:workload").digest != before


@pytest.mark.parametrize(
    ("imported", "file"),
    [
        ("import near", "near.py"),
        ("import numpy, near.deep as deep", "near/deep.py"),
        ("import near.deep", "near/__init__.py"),
        ("def later():\n    from near import deep", "near/deep.py"),
        ("from near import deep", "far.py"),
        ("from .near import deep", "near/deep.py"),
        ("from .near import deep", "far.py"),
        ("from . import near", "near/__init__.py"),
    ],
)
def test_digest_covers_modules_of_the_folder(
    imported: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may be imported by a module that is, relatively, or inside a function."""
    relative = imported.startswith("from .")
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / ("whole" if relative else ".")
    (folder / "near").mkdir(parents=True)
    (folder / "near" / "deep.py").write_text("from .. import far" if relative else "import far")
    (folder / "lm.py").write_text(imported)
    reference = find_workload("whole.lm:workload" if relative else "lm.py:workload")
    digests = {reference.digest}
    for content in ("import absent", "import lm  # again"):
        (folder / file).write_text(content)
        digests.add(reference.digest)
        (folder / "other.py").write_text(content)
        digests.add(reference.digest)

    assert len(digests) == 3
    assert "near" not in sys.modules


@pytest.mark.parametrize(
    ("text", "source", "message"),
    [
        ("lm.py", "", "a workload is FILE.py:FUNCTION or package.module:function, got 'lm.py'"),
        ("absent.py:workload", "", "there is no file .*absent.py"),
        ("absent:workload", "", "there is no module absent: No module named 'absent'"),
        ("lm:workload", "import absent_elsewhere", "(?s)lm raised ModuleNotFound.*lm.py.*line 1"),
        ("lm.py:main", "", "lm.py has no function main; its functions: workload"),
        ("lm.py:main", "workload = 1", "lm.py has no function main; its functions: none"),
        ("lm.py:workload", "def workload(): pass", "must take one argument, the seed: too many"),
        ("lm.py:workload", "def workload(", "(?s)lm.py raised SyntaxError.*line 1"),
        ("lm.py:workload", "import sys; sys.exit(2)", "lm.py raised SystemExit"),
        (
            "lm.py:workload",
            "def workload(seed): 1 / 0",
            r"(?s)workload raised ZeroDivisionError\nTraceback \(most recent call last\):\n  File "
            r'"[^\n]*lm.py", line 1, in workload\n.*\nZeroDivisionError: division by zero\Z',
        ),
        ("lm.py:workload", NESTED, r"(?s)raised OSError\n.*During handling.*OSError\Z"),
        (
            "lm.py:workload",
            NESTED + " from error",
            r"(?s)raised OSError\n.*direct cause.*OSError\Z",
        ),
    ],
)
def test_mistake_in_the_file_is_named(load: Load, text: str, source: str, message: str) -> None:
    """The error says what is wrong, with the user's traceback and none of our frames."""
    with pytest.raises(WorkloadError, match=message) as error:
        load(source, text)

    assert "own.py" not in str(error.value)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ("None", "must return a model .*, got None$"),
        ("model", "must return a model .*, got Linear"),
        ("step, model", "must return a model .*, got a tuple of function, Linear"),
        ("paddle.nn.Tanh(), step", "the model has no trainable parameter"),
    ],
)
def test_something_else_than_model_and_step_is_refused(load: Load, made: str, message: str) -> None:
    """The error says what the function returned."""
    with pytest.raises(WorkloadError, match=message):
        load(made=made)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ("None", "step 1 must return its loss, one number or a tensor of one number, got None"),
        ("'3'", "step 1 must return its loss, .*, got str '3'"),
        ("data", r"step 1 must return its loss, .*, got a Tensor of shape \[4, 2\]"),
        ("loss / 0", "the loss of step 1 is -?inf"),
        ("model(loss)", "(?s)step 1 raised ValueError\nTraceback.*lm.py.*in step"),
    ],
)
def test_step_without_a_finite_loss_is_refused(load: Load, loss: str, message: str) -> None:
    """The error has the number of the step."""
    training = load(loss=loss)

    with pytest.raises(WorkloadError, match=message) as error:
        training.step(finite=True)
    assert "own.py" not in str(error.value)


def test_loss_that_is_not_finite_can_be_recorded(load: Load) -> None:
    """Where a comparison is about such a loss."""
    assert math.isnan(load(loss="loss * float('nan')").step())
