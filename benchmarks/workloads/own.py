"""Workloads from elsewhere: one function in a file or module of the user's own.

The function takes a seed, and returns a model and a function that makes one training step and
returns its loss. Nothing of this project needs to be imported there.
"""

import ast
import hashlib
import importlib
import importlib.util
import inspect
import math
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from traceback import StackSummary, TracebackException
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np

from benchmarks import ROOT
from rnn_core.runtime.messages import shown
from rnn_core.runtime.versions import import_paddle

if TYPE_CHECKING:
    import paddle

OwnExecution = Literal["eager", "static"]
OWN_EXECUTIONS: tuple[OwnExecution, ...] = get_args(OwnExecution)
FORM = "FILE.py:FUNCTION or package.module:function"
# Their frames say nothing about an error in the user's file.
OURS = (
    *(str(ROOT / "benchmarks"), str(ROOT / "rnn_core")),
    *("<frozen importlib", importlib.__file__),
)
MOST_NAMES = 10
# Where installed modules are. A version of Paddle, too, has thousands of files there.
INSTALLED = {"site-packages", "dist-packages"}


class WorkloadError(ValueError):
    """A workload cannot be used; the message says why, with the traceback of an error in it."""


class Reference(NamedTuple):
    """Name of a workload.

    Attributes:
        folder: folder of the file, or the one where Python looks for the module first.
        module: name of the file, which ends in `.py`, or of the module.
        function: name of the function.
    """

    folder: Path
    module: str
    function: str

    def __str__(self) -> str:
        return f"{self.module}:{self.function}"

    @property
    def text(self) -> str:
        """The text of the reference, which is the same in every working directory."""
        return str(self.folder / str(self))

    @property
    def digest(self) -> str:
        """SHA-256 of all files of `sources`, in hexadecimal."""
        files = [path.read_bytes() for path in sorted(self.sources())]
        return hashlib.sha256(b"\0".join(files)).hexdigest()

    def sources(self) -> set[Path]:
        """Return the file, and the modules that it imports from its folder or below.

        They may do the same. None of them is run, so only names in `import` statements are found.
        It is empty if the module is not found here.
        """
        is_file = self.module.endswith(".py")
        path = self.folder / self.module if is_file else self._file()
        if path is None or not path.is_file():
            return set()
        folder = path.parents[0 if is_file else self.module.count(".") + (path.stem == "__init__")]
        found, left = set[Path](), {path, *modules(folder, [] if is_file else [self.module])}
        while left and INSTALLED.isdisjoint(folder.parts):
            found |= left
            left = {each for file in left for each in imports(file, folder)} - found
        return found | left

    def _file(self) -> Path | None:
        """Return the file of the module, without importing it or its packages."""
        names = self.module.split(".")
        try:
            spec = PathFinder.find_spec(names[0], [str(self.folder)]) or find_spec(names[0])
        except ValueError:  # The name is empty, or that of the program itself.
            return None
        for name in names[1:]:
            inside = spec.submodule_search_locations if spec else None
            # Not the whole name: of a folder without `__init__.py`, the parent must be imported.
            spec = PathFinder.find_spec(name, inside or [])
        return Path(spec.origin) if spec and spec.origin else None


class Workload(NamedTuple):
    """A workload that has been loaded.

    Attributes:
        reference: its name.
        function: the function of a seed.
    """

    reference: Reference
    function: Callable[..., Any]

    def make(self, seed: int, execution: OwnExecution = "eager") -> "Training":
        """Call the function on Paddle's current device, and check what it returns.

        Args:
            seed: seed, which is passed to the function.
            execution: "static" replaces the model's `forward` by its traced form.

        Raises:
            WorkloadError: the function raises, or returns something else than a model and a step.
            RuntimeError: a known defect of this Paddle prevents the execution.
        """
        import paddle

        try:
            inspect.signature(self.function).bind(seed)
        except TypeError as error:
            raise WorkloadError(
                f"{self.reference} must take one argument, the seed: {error}"
            ) from None
        with _user_code(str(self.reference)):
            made = self.function(seed)
        if not (
            isinstance(made, tuple | list)
            and len(made) == 2
            and isinstance(made[0], paddle.nn.Layer)
            and callable(made[1])
        ):
            raise WorkloadError(
                f"{self.reference} must return a model (paddle.nn.Layer) and a function that makes "
                f"one step, got {_described(made)}"
            )
        model, step = made
        if all(parameter.stop_gradient for parameter in model.parameters()):
            raise WorkloadError(f"{self.reference}: the model has no trainable parameter")
        training = Training(str(self.reference), model, step)
        if execution != "eager":
            from rnn_core.executions.traced import trace

            # Only "sot" has cells that it cannot trace.
            trace(model, "forward", "LSTM", execution)
            training.expect_call()
        return training


class Training:
    """A model and its training steps.

    Attributes:
        name: name of the workload.
        model: the model.
        steps: number of steps so far.
    """

    def __init__(self, name: str, model: "paddle.nn.Layer", function: Callable[[], object]) -> None:
        self.name, self.model, self.steps = name, model, 0
        self._function = function
        self._called = True

    def expect_call(self) -> None:
        """Refuse a first step that does not call the model, whose `forward` is traced."""
        forward, self._called = self.model.forward, False

        def called(*inputs: Any, **named: Any) -> Any:
            self._called = True
            return forward(*inputs, **named)

        vars(self.model)["forward"] = called

    def step(self, finite: bool = False) -> float:
        """Make one training step, and return its loss.

        Args:
            finite: whether a loss that is NaN or infinite is refused.

        Raises:
            WorkloadError: the step raises, returns something else than one number, or never calls a
                model that is traced; or its loss is refused.
        """
        self.steps += 1
        what = f"{self.name}: step {self.steps}"
        with _user_code(what):
            loss: Any = self._function()
        if not self._called:
            raise WorkloadError(
                f"{self.name}: the step never calls the model itself, so it cannot run through "
                f"to_static"
            )
        # Not `Tensor.numpy`, whose bfloat16 are integers.
        values = np.asarray(loss.astype("float64") if hasattr(loss, "numpy") else loss)
        if values.size != 1 or values.dtype.kind not in "biuf":
            raise WorkloadError(
                f"{what} must return its loss, one number or a tensor of one number, got "
                f"{_described(loss)}"
            )
        value = float(values.item())
        if finite and not math.isfinite(value):
            raise WorkloadError(f"{self.name}: the loss of step {self.steps} is {value}")
        return value


def imports(file: Path, folder: Path) -> Iterator[Path]:
    """Yield the files of the modules in a folder that a file of this folder imports."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from modules(folder, [alias.name for alias in node.names])
        elif isinstance(node, ast.ImportFrom):
            inside = f"{node.module}." if node.module else ""
            place = [folder, *file.parents][: node.level + 1][-1]
            yield from modules(place, [inside + alias.name for alias in node.names])


def modules(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    """Yield the files in a folder of modules, and of the packages that they are in."""
    for name in names:
        place = str(folder)
        for part in name.split("."):
            place += f"/{part}"
            yield from filter(Path.is_file, (Path(f"{place}.py"), Path(place, "__init__.py")))


def find_workload(text: str) -> Reference:
    """Return the workload that a text names, without running its file.

    Raises:
        WorkloadError: the text has another form, or there is no such file.
    """
    place, _, function = text.rpartition(":")
    path = Path.cwd() / place
    if not (place and function.isidentifier()):
        raise WorkloadError(f"a workload is {FORM}, got {shown(text)}")
    if path.suffix == ".py" and not path.is_file():
        raise WorkloadError(f"there is no file {path}")
    return Reference(path.parent, path.name, function)


def workload_argument(text: str) -> Reference:
    """A workload, as a type of command-line arguments."""
    try:
        return find_workload(text)
    except WorkloadError as error:
        raise ArgumentTypeError(str(error)) from None


def load_workload(text: str) -> Workload:
    """Run the file or import the module that a text names, and return its workload.

    The folder of the file, or for a module the working directory, becomes the first of `sys.path`,
    as when Python runs it.

    Args:
        text: `FILE.py:FUNCTION` or `package.module:function`; a folder may precede both.

    Raises:
        WorkloadError: the file, module or function does not exist, or the file raises.
    """
    reference = find_workload(text)
    import_paddle()
    folder = str(reference.folder)
    sys.path[:] = [folder, *(each for each in sys.path if each != folder)]
    module = _run_file(reference) if reference.module.endswith(".py") else _import(reference)
    function = getattr(module, reference.function, None)
    if not callable(function):
        known = [
            name
            for name, value in vars(module).items()
            if inspect.isfunction(value) and value.__module__ == module.__name__
        ]
        names = ", ".join(known[:MOST_NAMES]) + (", ..." if len(known) > MOST_NAMES else "")
        raise WorkloadError(
            f"{reference.module} has no function {reference.function}; its functions: "
            f"{names or 'none'}"
        )
    return Workload(reference, function)


def _run_file(reference: Reference) -> ModuleType:
    path = reference.folder / reference.module
    # Not the file's own name, which may be that of a module. Pickle and `inspect` look it up.
    name = f"workload_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None  # As the name ends in `.py`.
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    with _user_code(reference.module):
        spec.loader.exec_module(module)
    return module


def _import(reference: Reference) -> ModuleType:
    with _user_code(reference.module):
        try:
            return importlib.import_module(reference.module)
        except ModuleNotFoundError as error:
            if not f"{reference.module}.".startswith(f"{error.name}."):
                raise
            raise WorkloadError(f"there is no module {reference.module}: {error}") from None


@contextmanager
def _user_code(what: str) -> Iterator[None]:
    """Run the user's code: its output goes to standard error, its errors become ours."""
    try:
        with redirect_stdout(sys.stderr):
            yield
    except WorkloadError:
        raise
    except (Exception, SystemExit) as error:
        kind = type(error).__name__
        raise WorkloadError(f"{what} raised {kind}\n{_traceback(error)}") from error


def _traceback(error: BaseException) -> str:
    """Return the traceback of an error, without frames of ours."""
    whole = TracebackException.from_exception(error)
    found: TracebackException | None = whole
    while found is not None:  # No error comes twice, even if one is its own cause.
        theirs = [frame for frame in found.stack if not frame.filename.startswith(OURS)]
        found.stack = StackSummary.from_list(theirs)
        found = found.__cause__ or found.__context__
    return "".join(whole.format()).rstrip()


def _described(value: object) -> str:
    """Return the types of a tuple's elements, or a tensor's shape, or the value."""
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {', '.join(type(each).__name__ for each in value)}"
    shape = getattr(value, "shape", None)
    if shape is not None:
        return f"a {type(value).__name__} of shape {list(shape)}"
    return f"{type(value).__name__} {shown(value)}" if value is not None else "None"
