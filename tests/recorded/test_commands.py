"""The command lines: their help, what they refuse, and every way in which they end."""

import argparse
import json
import re
import shlex
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn
from weakref import WeakSet

import numpy as np
import pytest

from benchmarks.behaviour import command as behaviour
from benchmarks.commands import ratios, soak
from benchmarks.compare import calibration
from benchmarks.compare import command as compare
from benchmarks.environments import command as environments
from benchmarks.measuring.growth import Reading
from benchmarks.report import command as report
from benchmarks.workloads import implementations
from benchmarks.workloads.same_work import DifferentWorkError
from benchmarks.workloads.training_step import Shape, Work
from rnn_core import (
    CheckpointError,
    CheckpointWarning,
    NonFiniteError,
    TrainConfig,
    TrainingInterrupted,
)
from rnn_core.commands import main, run
from rnn_core.evaluation import Evaluation
from rnn_core.experiments import ALL_EXPERIMENTS
from rnn_core.history import History
from rnn_core.recorder import Step
from rnn_core.runtime import messages
from tests.helpers.bars import Bar
from tests.helpers.histories import empty_history, make_history
from tests.helpers.matrix_results import FACTS
from tests.helpers.recorded import Main, asked, ended, outcome
from tests.helpers.time_zone import clock
from tests.recorded.conftest import Check

MAINS: dict[str, Main] = {
    "rnn_core": main.main,
    "benchmarks.behaviour": behaviour.main,
    "benchmarks.calibrate": calibration.main,
    "benchmarks.compare": compare.main,
    "benchmarks.environments": environments.main,
    "benchmarks.ratios": ratios.main,
    "benchmarks.report": report.main,
    "benchmarks.soak": soak.main,
}
FULL = OSError(28, "No space left on device")


pytestmark = pytest.mark.usefixtures("one_machine")


class Terminal:
    """Runs commands, and collects what they print.

    Attributes:
        lines: what happened so far.
    """

    def __init__(self, folder: Path, check: Check) -> None:
        self.folder, self.compare, self.lines = folder, check, list[str]()

    def run(self, command: Main, line: str | Sequence[str]) -> None:
        """Run a command, and collect its output and status."""
        line = line if isinstance(line, str) else shlex.join(line)
        found = ended(command, shlex.split(line))
        self.lines.append(f"$ {messages.printable(line)}")
        self.lines += [f"  {text}" for text in found.out.splitlines()]
        for text in found.err.splitlines():
            length = f" ... {len(text)} characters" if len(text) > 600 else ""
            self.lines.append(f"! {text[:200] if length else text}{length}")
        self.lines += [f"= {found.status}", ""]

    def check(self) -> None:
        """Compare all of it with the recorded text."""
        text = re.sub("x{40,}", lambda found: f"x*{len(found[0])}", "\n".join(self.lines))
        self.compare(text, {self.folder: "FOLDER", "PosixPath": "Path"})


@pytest.fixture
def terminal(folder: Path, monkeypatch: pytest.MonkeyPatch, check: Check) -> Terminal:
    """A terminal in an empty folder."""
    for module in (ratios, soak):
        monkeypatch.setattr(
            module, "describe_environment", lambda device: {**FACTS, "device_name": device}
        )
    return Terminal(folder, check)


def parsers(command: Main, monkeypatch: pytest.MonkeyPatch) -> Iterator[argparse.ArgumentParser]:
    """The parser of a command, and those of its subcommands."""
    found: list[argparse.ArgumentParser] = []

    def parse(parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        found.append(parser)
        raise SystemExit

    with monkeypatch.context() as patched, suppress(SystemExit):
        patched.setattr(argparse.ArgumentParser, "parse_args", parse)
        command([])
    for parser in found:
        yield parser
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                found.extend(action.choices.values())


TEXTS = ("", "x" * 10**6, "nan", "inf", "-1", "1e999", "9" * 26, "no\0", "4294967301")


def option(action: argparse.Action, help_: str, seen: dict[str, str]) -> Iterator[str]:
    """An option: its names, what it takes, its help, and what it makes of wrong texts."""
    names = ", ".join(action.option_strings) or action.dest
    facts = [f"{key} {getattr(action, key)!r}" for key in ("metavar", "nargs", "default", "const")]
    facts += ["required"] * action.required
    if action.choices is not None:
        facts.append(f"one of {', '.join(action.choices)}")
    yield f"  {names}: {action.dest}, {type(action).__name__}, {', '.join(facts)}"
    yield f"    {help_}"
    outcomes: dict[str, list[str]] = {}
    for text in TEXTS if action.type is not None else ():
        convert: Any = action.type
        found = outcome(convert, text).replace(messages.shown(text), "TEXT")
        outcomes.setdefault(found[:150], []).append(messages.shown(text[:12]))
    lines = [f"      {found} <- {' '.join(texts)}" for found, texts in outcomes.items()]
    if lines and seen.setdefault(str(lines), names) != names:
        lines = [f"      as {seen[str(lines)]}"]
    yield from lines


def test_help(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every option of every command, in the order of the help."""
    seen: dict[str, str] = {}
    for command in MAINS.values():
        for parser in parsers(command, monkeypatch):
            formatter: Any = parser._get_formatter()
            terminal.lines.append(f"{parser.prog}, by {type(formatter).__name__}")
            terminal.lines += (parser.description or "").splitlines()
            for group in parser._action_groups:
                terminal.lines.append(f" {group.title}")
                for action in group._group_actions:
                    help_ = formatter._expand_help(action) if action.help else ""
                    terminal.lines += option(action, help_, seen)
            terminal.lines += [
                f" not together: {', '.join(action.dest for action in group._group_actions)}"
                for group in parser._mutually_exclusive_groups
            ]
    terminal.run(main.main, "list")
    terminal.check()


def test_wrong_command_lines(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, original_datadir: Path
) -> None:
    """The status is 2, and the error says what is allowed; the command lines are in the file."""
    monkeypatch.setattr(implementations, "find_spec", lambda _: None)
    Path("link").symlink_to(".")
    Path("folder.svg").mkdir()
    for line in asked(original_datadir / "test_wrong_command_lines.txt", "$ python -m "):
        name, *words = shlex.split(line)
        terminal.run(lambda _, name=name, words=words: MAINS[name](words), f"python -m {line}")  # type: ignore[misc]
    needed = {"rnn_core": "list ", "benchmarks.soak": "--minutes 1 "}
    for name, main_of_program in MAINS.items():

        def command(words: Sequence[str], main: Any = main_of_program) -> int:
            monkeypatch.setattr(sys, "argv", ["program", *words])  # As in a program of its own.
            return int(main())

        terminal.run(command, f"{needed.get(name, '')}--{'x' * 10**4}\x1b")
    terminal.run(main.main, f"run {'x' * 10**4}\x1b")
    for text in ("a\x1b[31m.json", "a\x1b" * 1000 + ".json", "a/" * 1000):
        terminal.run(compare.main, [text, text])
        terminal.run(report.main, [text])
    monkeypatch.setenv("PADDLE_TRAINERS_NUM", "3")
    monkeypatch.setenv("PADDLE_DISTRI_BACKEND", "gloo")
    monkeypatch.setattr(run, "train", None)
    terminal.lines.append("Of three processes:")
    for line in ("digit-sums --samples 34", "clipped-rnn --batch-size 3", "clipped-rnn"):
        terminal.run(main.main, f"run {line}")
    terminal.run(main.main, "run digit-sums --device gpu:0")
    monkeypatch.setenv("PADDLE_TRAINERS_NUM", "2")
    terminal.run(soak.main, "--minutes 1")
    terminal.check()


def steps(names: Sequence[str]) -> Iterator[Step]:
    """Seeded steps of three epochs of four steps."""
    random = np.random.default_rng(2)
    for number in range(1, 13):
        epoch, index = divmod(number - 1, 4)
        norms = dict(zip(names, (10 ** random.uniform(-3, 4, len(names))).tolist(), strict=True))
        loss = float(10 ** random.uniform(-2, 8))
        yield Step(number, epoch + 1, index, loss, norms, norms, number % 3, 4, index == 3)


def changed(history: History, **changes: Any) -> History:
    """A history with other settings."""
    return replace(history, config=replace(history.config, **changes))


HISTORY = make_history()
SHORT = make_history(
    outcome="interrupted", accuracy=np.array([]), epoch_ends=np.array([], np.int64)
)
EXPLODED = changed(
    make_history(outcome="non-finite", loss=np.array([4.0, 3e6, 0.5, np.inf])),
    cell="LSTM",
    record=2,
)
# How a training ends.
ENDS: dict[str, Any] = {
    "finished": HISTORY,
    "non-finite": EXPLODED,
    "interrupted": TrainingInterrupted(SHORT),
    "interrupted at once": TrainingInterrupted(empty_history()),
    "raised": NonFiniteError("loss or gradient not finite at step 4", EXPLODED),
    "folder": CheckpointError("the folder\x1b is of another run"),
    "disk": CheckpointError("cannot write checkpoint step-000000004.npz: full", SHORT),
}
RUNS = """
finished: exploding-rnn
finished: clipped-rnn --epochs 9999999 --seed 7 --log-every 5 --record 5 --on-nonfinite continue
finished: clipped-lstm --epochs 2 --execution kernel --batch-size 3 --device cpu --log-every 4
finished: clipped-rnn --checkpoint run --every 7 --resume --save a.npz --plot b.svg
finished: clipped-rnn --checkpoint used --resume
finished: digit-sums
finished: digit-sums --samples 50 --held-out 30 --digits 3 --num-steps 5 --batch-size 20 \
--cell RNN --hidden-size 6 --learning-rate 0.25 --seed 4 --epochs 2 --execution textbook
non-finite: clipped-rnn --save a.npz
non-finite: clipped-rnn --save full.npz --plot b.svg
non-finite: digit-sums --samples 30 --held-out 50
raised: clipped-rnn --on-nonfinite raise --plot full.svg
interrupted: clipped-rnn --save a.npz
interrupted: digit-sums --samples 100
interrupted: clipped-rnn --save full.npz
interrupted at once: clipped-rnn
folder: clipped-rnn --checkpoint run --save a.npz
disk: digit-sums --checkpoint run --save a.npz
disk: clipped-rnn --checkpoint run --save full.npz
finished: clipped-rnn --save signal.npz --plot b.svg
finished: clipped-rnn --save signal.npz --plot full.svg
finished: clipped-rnn --epochs 9999999 --record 0
"""


def test_runs(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """`run` with every option and every end of a training, in the first and another process."""
    Path("used").mkdir()
    for number in (3, 20, 1000000000):
        (Path("used") / f"step-{number:09}.npz").touch()
    end, show = "", warnings.showwarning

    def train(config: Any, data: Any, model: Any, *, on_step: Any, **others: Any) -> History:
        usual = ALL_EXPERIMENTS["digit-sums" if data else "clipped-rnn"].config.as_dict()
        settings = {k: v for k, v in config.as_dict().items() if v != usual[k]}
        print(f"train: {settings}, {data}, {model.cell} {model.hidden_size}, {others}")
        names = ["recurrent.w_i", "recurrent.w_f", "recurrent.b_i", "linear.bias"]
        for step in steps(
            names if config.cell == "LSTM" else ["recurrent.W", "recurrent.U", "linear.b"]
        ):
            if config.record and step.number % config.record == 0:
                on_step(step)
        if others["resume"]:
            warnings.warn("step-000000020.npz is damaged", CheckpointWarning, stacklevel=1)
            with suppress(DeprecationWarning):  # Shown, or an error, as before the command.
                warnings.warn("old", DeprecationWarning, stacklevel=1)
        if isinstance(ENDS[end], BaseException):
            raise ENDS[end]
        found: History = ENDS[end]
        return found

    def evaluate(model: Any, data: Any) -> Evaluation:
        print(f"evaluate: {model.cell} {model.hidden_size}, {data}")
        return Evaluation(len(data), 0.123456789, 8.25, 2 / 3)

    def save(path: Path, content: str) -> None:
        if path.name.startswith("full"):
            raise FULL
        if path.name.startswith("signal"):
            signal.raise_signal(signal.SIGINT)
        print(f"write {content} into {path}")

    monkeypatch.setattr(run, "train", train)
    monkeypatch.setattr(run, "evaluate", evaluate)

    @contextmanager
    def use_device(name: str) -> Iterator[None]:
        print(f"on {name}:", end=" ")
        yield

    monkeypatch.setattr(run, "use_device", use_device)
    monkeypatch.setattr(run, "tqdm", Bar)
    monkeypatch.setattr(
        run, "save_plot", lambda history, path: save(path, f"plot of {history.steps}")
    )
    monkeypatch.setattr(History, "save", lambda history, path: save(path, f"{history.steps} steps"))
    monkeypatch.setattr("rnn_core.runtime.parallel.wait", lambda: print("wait"))
    for rank in ("0", "1"):
        monkeypatch.setenv("PADDLE_TRAINER_ID", rank)
        terminal.lines.append(f"Process {rank}:")
        for line in RUNS.strip().splitlines() if rank == "0" else RUNS.strip().splitlines()[3:9]:
            end, _, command = line.partition(": ")
            terminal.run(main.main, f"run {command}")
    assert warnings.showwarning is show
    terminal.check()


def measured(points: Sequence[tuple[str, Shape]], rounds: int, names: Sequence[str]) -> Any:
    """Made-up results of `ratios`: times and memory that grow with the sizes."""
    random = np.random.default_rng(4)
    data: list[dict[str, Any]] = []
    for cell, shape in points:
        times = [one_round(random, shape, names) for _ in range(rounds)]
        data.append({"cell": cell, "shape": str(shape), "rounds": times})
        peaks = {name: peak(shape, name) for name in names if name not in ("torch", "jax")}
        data[-1]["peak_bytes"] = peaks
    return data


def one_round(random: np.random.Generator, shape: Shape, names: Sequence[str]) -> dict[str, float]:
    """Times of each implementation, and of the recorded steps."""
    size = shape.batch**0.5 * shape.steps * shape.size**1.5
    found = {}
    for k, name in enumerate(names):
        found[name] = size * 1e-8 * (k + 1) * float(random.lognormal(0, 0.1))
        if name in ("textbook", "kernel", "static", "sot"):
            found[f"{name}, recorded"] = (
                found[name] * (1.2 + 0.1 * k) * float(random.lognormal(0, 0.05))
            )
    return found


def peak(shape: Shape, name: str) -> int:
    """Bytes that an implementation holds."""
    return shape.size**2 * 64 + shape.batch * shape.steps * shape.size * 4 * len(name)


def described(figure: Any) -> Iterator[str]:
    """What a figure shows."""
    yield f"  figure of {figure.get_size_inches().tolist()}"
    for axes in figure.axes:
        labels = (axes.get_title(), axes.get_xlabel(), axes.get_ylabel(), axes.get_xscale())
        legend = axes.get_legend()
        yield f"    {labels}, {axes.get_yscale()}, legend {legend is not None}"
        for line in axes.lines:
            points = [f"{x:g}/{y:.4g}" for x, y in zip(*line.get_data(), strict=True)]
            style = f"{line.get_color()} {line.get_marker()} {line.get_linewidth()}"
            yield f"      {line.get_label()}, {style}: {' '.join(points)}"


def test_tables_of_ratios(terminal: Terminal) -> None:
    """Tables and figures of one and several points, cells, sweeps and implementations."""
    sweeps, tiny = ratios.SWEEPS, Shape(1, 10, 128)
    every = list(implementations.IMPLEMENTATIONS)
    for names, cells, shapes, rounds, to in (
        (every, ("RNN",), (tiny,), 1, None),
        (every, ("RNN", "LSTM"), (tiny, Shape(64, 1000, 2048)), 4, "kernel"),
        (["kernel"], ("LSTM",), (tiny,), 3, None),
        (["torch", "jax"], ("LSTM",), (tiny,), 3, None),
        (["paddle", "kernel", "torch"], ("RNN", "LSTM"), (*sweeps["T"], *sweeps["H"]), 3, "torch"),
        (["kernel"], ("RNN",), (*sweeps["T"][:-1], *sweeps["B"]), 2, None),
    ):
        data = measured([(cell, shape) for cell in cells for shape in shapes], rounds, names)
        terminal.lines += [ratios.tables(data, "2", names, to), ""]
        if len(shapes) > 2:
            terminal.lines += described(ratios.draw(data, names))
    data = measured([("RNN", shape) for shape in sweeps["H"]], 3, ["kernel", "paddle"])
    del data[0]["peak_bytes"]["kernel"], data[1]["peak_bytes"], data[2]["rounds"][1:]
    terminal.lines += [ratios.tables(data, "1", ["kernel", "paddle"]), ""]
    terminal.lines += described(ratios.draw(data, ["kernel", "paddle"]))
    data[0]["rounds"] = []
    terminal.lines += [
        ratios.tables(data, "1", ["kernel", "paddle"]),
        "",
        ratios.tables([], "1", []),
    ]
    for sizes, values in (([], []), ([3], [4]), ([1, 10], [2, 20]), ([1, 2, 4, 8], [9, 9, 1, 4])):
        terminal.lines.append(f"{sizes} {values}: {ratios.growth(sizes, values):.4g}")
    terminal.check()


RATIOS = """
ok: --implementations kernel,paddle --cells RNN --shapes B2-T3-H4 --rounds 3
ok: --shapes "B2-T3-H4, B1-T1-H1,B2-T3-H4" --rounds 3 --save r.md
ok: --sweep B,T --cells LSTM --implementations kernel,textbook --to kernel --save r.json \
--plot r.svg
ok: --implementations torch,jax --rounds 4
ok: --cells RNN --shapes B2-T3-H4 --save full.md
ok: --cells RNN --sweep B --save full.json --plot r.svg
ok: --cells RNN --sweep H --implementations kernel --save r.json --plot full.svg
missing: --cells RNN --shapes B2-T3-H4 --save r.md
missing: --cells RNN --shapes B2-T3-H4 --save r.json
different: --cells RNN --shapes B2-T3-H4
ctrl-c: --cells LSTM,RNN --shapes B2-T3-H4 --rounds 3 --save no.md
ctrl-c: --cells RNN --shapes B2-T3-H4,B2-T3-H5 --implementations paddle --rounds 3
ctrl-c: --cells RNN --sweep T --plot no.svg
ctrl-c at once: --cells RNN --shapes B2-T3-H4
error: --cells RNN --shapes B2-T3-H4 --save no.md
error: --cells RNN,LSTM --shapes B1-T1-H1,B2-T3-H4 --implementations textbook
no matplotlib: --cells RNN --sweep T --plot no.svg
"""


def test_ratios(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ratios` with every option and every end of a measurement, and the files that it leaves."""
    end, left = "", 0
    alive: WeakSet[Callable[[], object]] = WeakSet()
    random = np.random.default_rng(6)
    facts = {**FACTS, "threads": "2", "date": "today", "torch": "not installed"}

    def same_work(names: Sequence[str], cell: str, shape: Shape) -> None:
        print(f"same work? {', '.join(names)}, {cell} {shape}")
        if end == "different":
            raise DifferentWorkError(f"kernel, {cell}, {shape}: loss 1")
        if end == "ctrl-c at once":
            raise KeyboardInterrupt

    def contender(name: str, cell: str, shape: Shape) -> Any:
        work = SimpleNamespace() if name in ("torch", "jax") else Work.__new__(Work)
        for method in ("step", "recorded"):
            setattr(work, method, lambda method=method: (f"{name}.{method}", shape, cell))
            alive.add(getattr(work, method))
        return work

    def rounds(calls: dict[str, Callable[[], Any]], count: int) -> Iterator[dict[str, float]]:
        nonlocal left
        work = [call()[0] for call in calls.values()]
        _, shape, cell = next(iter(calls.values()))()
        print(f"{count} rounds of {cell} {work}, called {[*calls]}, {len(alive)} in memory")
        for _ in range(count):
            if left == 0:
                raise KeyboardInterrupt if end == "ctrl-c" else RuntimeError("no memory\x1b")
            left -= 1
            yield one_round(random, shape, [name for name in calls if "," not in name])

    def write(figure: Any, path: Path) -> None:
        if path.name.startswith("full"):
            raise FULL
        print(f"plot of {len(figure.axes)} panels into {path}")
        path.touch()

    def find(name: str) -> object:
        missing = end == "missing" and name in ("torch", "jax")
        return None if missing else SimpleNamespace(origin=name)

    def found(path: Path, text: Any) -> None:
        if path.name.startswith("full"):
            raise FULL
        path.write_text(text if isinstance(text, str) else json.dumps(text, indent=1))

    monkeypatch.setattr(implementations, "find_spec", find)
    monkeypatch.setattr(ratios, "check_same_work", same_work)
    monkeypatch.setattr(ratios, "make_contender", contender)
    monkeypatch.setattr(ratios, "time_rounds", rounds)
    monkeypatch.setattr(
        ratios, "allocated_peak", lambda call, device: peak(call()[1], device + call()[0])
    )
    monkeypatch.setattr("paddle.device.set_device", lambda name: print(f"on {name}"))
    monkeypatch.setattr(ratios, "environment", lambda: facts)
    monkeypatch.setattr(ratios, "write_figure", write)
    monkeypatch.setattr("benchmarks.commands.common.write_text", found)
    monkeypatch.setattr("benchmarks.commands.common.write_json", found)
    monkeypatch.setattr(ratios, "tqdm", Bar)
    for line in RATIOS.strip().splitlines():
        end, _, command = line.partition(": ")
        left = -1 if end in ("ok", "missing") else 4 if "B2-T3-H5" in command else 2
        if end == "no matplotlib":
            monkeypatch.setitem(sys.modules, "matplotlib", None)
        terminal.run(ratios.main, command)
        for path in sorted(Path.cwd().iterdir()):
            text = path.read_text()
            terminal.lines.append(f"-- {path.name}")
            if path.suffix == ".json":
                content = json.loads(text)
                for point in content.pop("results"):
                    first = {name: f"{value:.4g}" for name, value in point["rounds"][0].items()}
                    point["rounds"] = (len(point["rounds"]), first)
                    terminal.lines.append(str(point))
                terminal.lines.append(str(content))
            else:
                terminal.lines += text.splitlines()
            path.unlink()
    terminal.check()


def test_environment_of_ratios(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions of the peers that are installed, and those that are not."""
    monkeypatch.setattr(ratios, "cpus", lambda: 3)
    monkeypatch.setenv("XLA_FLAGS", "--a")
    versions = {"torch": "2.13"}

    def version(name: str) -> str:
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(metadata, "version", version)
    now = datetime(2026, 11, 25, 7, 8, 9, 5, timezone.utc)
    monkeypatch.setattr(ratios, "datetime", clock(now))
    facts = ratios.environment()
    terminal.lines += [f"{name}: {value}" for name, value in facts.items()]
    versions |= {"jax": "0.9"}
    facts = ratios.environment()
    terminal.lines.append(f"both: {facts['torch']}, {facts['jax']}")
    monkeypatch.delenv("XLA_FLAGS")
    terminal.lines.append(f"without flags: {ratios.environment()['xla_flags']!r}")
    terminal.check()


# Quantities after each round.
SHAPES: dict[str, Callable[[int], dict[str, float]]] = {
    "constant": lambda _: {},
    "90 bytes a step": lambda n: {"memory": 2**30 + 900 * n},
    "200 bytes a step": lambda n: {"memory": 2**30 + 2000 * n},
    "1 KB a step in noise": lambda n: {"memory": 2**20 + 10_200 * n + 1000 * (n * n * 7919 % 101)},
    "a jump": lambda n: {"memory": 2**30 + 10**8 * (n > 120)},
    "shrinks": lambda n: {"memory": 2**34 - 10**6 * n},
    "files": lambda n: {"files": 5 + n},
    "one file": lambda n: {"files": 5 + (n > 120)},
    "threads": lambda n: {"threads": 1 + n // 10},
    "all": lambda n: {"memory": 2**30 + 10**5 * n, "files": n, "threads": n},
    "slower": lambda n: {"step_time": 0.01 + 1e-4 * n},
}


def test_soak(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """`soak` with every option, for quantities that grow or not, and every end of it."""
    error: BaseException | None = None

    def watch(config: Any, steps: int, done: Callable[[Reading], bool]) -> Iterator[Reading]:
        usual = TrainConfig().as_dict()
        print({name: v for name, v in config.as_dict().items() if v != usual[name]}, steps)
        reading = Reading(0, 0.0, 2**30, 5, 2, 0.01)
        for n in range(rounds):
            times = {
                "step": 10 * (n + 1),
                "seconds": 30.1 * (n + 1),
                "step_time": 0.01 + 1e-4 * (n % 7),
            }
            values: dict[str, Any] = {**times, **shape(n)}
            reading = reading._replace(**values)
            yield reading
        print(f"done: {[done(reading._replace(seconds=s)) for s in (29.9, 30, 59.9, 60.0, 6e3)]}")
        if error is not None:
            raise error

    monkeypatch.setattr(soak, "watch", watch)
    monkeypatch.setattr(soak, "resolve_device", lambda name: print(f"device {name}"))
    rounds, usual = 200, "--minutes 1"
    monkeypatch.setattr(soak, "tqdm", Bar)
    for name in SHAPES:
        shape = SHAPES[name]
        terminal.lines.append(name)
        terminal.run(soak.main, usual)
    for line in (
        "--minutes 0.5 --cell RNN --execution textbook --seed 9 --limit 300 --device gpu:1",
        "--minutes 1 --limit 0",
        "--minutes 1 --limit 12345.678",
    ):
        shape = SHAPES["200 bytes a step"]
        terminal.run(soak.main, line)
    for error in (
        NonFiniteError("loss or gradient not finite at step 7", HISTORY),
        KeyboardInterrupt(),
        None,
    ):
        for rounds in (0, 1, 23, 24, 60):
            if error is not None or rounds < 24:
                terminal.lines.append(f"{error!r} after {rounds} rounds")
                terminal.run(soak.main, usual)
    error = None
    rounds = 3
    terminal.run(soak.main, usual)
    for missing in ("psutil", "scipy"):
        monkeypatch.setattr(
            "benchmarks.measuring.growth.find_spec",
            lambda name, missing=missing: name != missing or None,
        )
        terminal.run(soak.main, usual)
    terminal.check()
