"""Counted instructions: files of callgrind, profiles and how they differ, and Valgrind."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from benchmarks.instructions import counter, valgrind
from benchmarks.instructions.counter import Counter
from benchmarks.instructions.dumps import (
    BACKGROUND,
    LARGEST_DUMP,
    operator_of,
    read_dump,
    save_functions,
    total_of,
)
from benchmarks.instructions.functions import (
    NO_SYMBOLS,
    Function,
    Operator,
    Profile,
    explain,
    functions_file,
)
from benchmarks.interpreters import Interpreter
from benchmarks.runner import Result
from tests.recorded.conftest import Tried

# 2 calls of 50,000 instructions, in callgrind's own notation: names are written once, then numbers;
# positions may be relative; a call's library is the caller's unless it is given.
DUMP = """# callgrind format
version: 1
creator: callgrind-3.19.0
desc: Trigger: Client Request: 2 test_stage[step]

positions: line
events: Ir
summary: 0

ob=(1) /usr/lib/libpython3.11.so.1.0
fl=(1) ceval.c
fn=(1) _PyEval_EvalFrameDefault'12
10 60000
+3 1000
cfn=(1)
calls=5 10
* 70000
cob=(2) /venv/paddle/libs/libphi_core.so
cfi=(2) matmul.cc
cfn=(8) paddle::experimental::full(int)
calls=4 20
* 80
cob=(2)
cfi=(2)
cfn=(2) paddle::experimental::matmul(paddle::Tensor const&)
calls=1 20
-2 38000
cfn=(3) std::operator==(int)
calls=2 7
0 60

fn=(3)
7 20
cob=(3) /lib/libc.so.6
cfn=(4) malloc
calls=1 0
* 40
cob=(2)
cfi=(2)
cfn=(2)
calls=3 20
* 2000

ob=(2)
fl=(2)
fn=(2)
20 25000
cfn=(5) 0x00000000000a1b20
calls=1 0
20 12940

fn=(5)
0 10000
cob=(3)
cfn=(4)
calls=1 0
0 2940

fn=(6) 0x00000000000a1b80
0 960

ob=(3)
fn=(4)
0 2980

ob=(4) ???
fn=(7) 0x0000000004a1b80
0 40

totals: 100000
"""
# The background thread in two libraries, a function without instructions of its own, and a name
# that is not UTF-8; not the count of a benchmark.
THREAD = f"""events: Ir
ob=(1) liba.so
fn=(1) {BACKGROUND}
0 100
cfn=(2) shared(int)
calls=1 0
0 30
cfn=(3) only_calls(\udcff)
calls=1 0
0 10
ob=(2) libb.so
fn=(1)
0 7
cob=(1)
cfn=(2)
calls=1 0
0 10
ob=(1)
fn=(2)
0 60
fn=(4) other
0 5
cfn=(2)
calls=1 0
0 20
cfn=(3)
calls=3 0
0 10
fn=(3)
cfn=(2)
calls=1 0
0 20

totals: 172
"""
# Functions that callgrind names, in Paddle and around it.
FUNCTIONS = (
    "matmul_ad_func(paddle::Tensor const&, paddle::Tensor const&, bool)",
    "sgd__ad_func(paddle::Tensor&)",
    "c_allreduce_sum__ad_func(paddle::Tensor&)",
    "add2_ad_func(int)",
    "Add_ad_func(int)",
    "matmul_ad_func",
    "xmatmul_ad_func(int)",
    "paddle::experimental::embedding_grad_impl(paddle::Tensor const&)",
    "paddle::experimental::embedding_impl(paddle::Tensor const&)",
    "paddle::experimental::full(int)",
    "paddle::experimental::SetKernelOutput(phi::Backend)",
    "paddle::experimental::full",
    "my::paddle::experimental::full(int)",
    "paddle::pybind::eager_api_tanh(_object*, _object*, _object*)",
    "paddle::pybind::eager_api_RunProgram(_object*)",
    "eager_api_final_state_matmul(_object*)",
    "ClipByNormGradNode::operator()(paddle::small_vector<int>&, bool)",
    "SquaredL2NormGradNodeFinal::operator()(bool)",
    "RNNGradNode::operator()(bool)",
    "LSTMCellGradNode::operator()(bool)",
    "Conv2dGradNode::operator()(bool)",
    "egr::MatmulGradNode::operator()(bool)",
    "MatmulGradNode::ClearTensorWrappers()",
    "void phi::MatmulKernel<float, phi::CPUContext>(phi::CPUContext const&)",
    "std::function<void (matmul_ad_func(int))>::operator()() const",
    "_PyEval_EvalFrameDefault",
    "(below main)",
    "0x00000000000a1b20",
    "",
)
NAMES = (
    *("_PyEval_EvalFrameDefault", "PyObject_Call'2", "malloc", "0x0000000000001234"),
    *("0x00000000000abcde'3", "operator new(unsigned long)", "long_name<" + "std::pair<int, " * 20),
    *("matmul_ad_func(paddle::Tensor const&)", "paddle::experimental::matmul(paddle::Tensor)"),
    *("TanhGradNode::operator()(bool)", "eager_api_tanh(_object*)", "größe(int)", "f'x"),
    *("paddle::experimental::full_impl(int)", BACKGROUND, "bvar::detail::AgentGroup<int>::f()"),
)
LIBRARIES = ("/usr/lib/libpython3.11.so.1.0", "/a b/libphi_core.so", "libc.so.6", "???", "/a/ü.so")


def made_up(random: np.random.Generator, functions: int, calls: int) -> str:
    """Return a file of callgrind with so many functions, and calls between them."""
    # A function that is named for the first time has its name; later, only its number.
    named: dict[tuple[str, str], int] = {}

    def name(kind: str, text: str) -> str:
        new = (kind, text) not in named
        number = named.setdefault((kind, text), len(named) + 1)
        return f"({number}){f' {text}' if new else ''}"

    lines, total = [], 0
    chosen = [
        (str(random.choice(NAMES[: 14 + 2 * (functions > 6)])), str(random.choice(LIBRARIES)))
        for _ in range(functions)
    ]
    for function, library in chosen:
        lines += [f"ob={name('ob', library)}", "fl=(1) a.c", f"fn={name('fn', function)}"]
        for _ in range(int(random.integers(0, 3))):
            cost = int(random.integers(1, 1 + 10 ** int(random.integers(0, 10))))
            lines.append(f"{random.choice(['12', '+3', '-1', '*'])} {cost}")
            total += cost
        for _ in range(int(random.integers(0, calls + 1))):
            callee, there = chosen[random.integers(len(chosen))]
            if there != library or random.random() < 0.5:
                lines.append(f"cob={name('ob', there)}")
            lines += ["cfi=(2) b.c", f"cfn={name('fn', callee)}"]
            lines.append(f"calls={random.integers(1, 1000)} 10")
            lines.append(f"{random.choice(['7', '+1', '*'])} {random.integers(0, 10**6)}")
        lines.append("")
    number = int(random.integers(1, 9))
    about = f"desc: Trigger: Client Request: {number} test_stage[{functions}, ü]"
    return "\n".join(["version: 1", about, "events: Ir", *lines, f"totals: {total}", ""])


def lines_of_profile(profile: Profile) -> list[str]:
    """Return a line for each operator and function."""
    lines = [f"  operator {o.name}: {o.cost:.6g} in {o.calls:.6g} calls" for o in profile.operators]
    for each in profile.functions:
        name = each.name if len(each.name) < 60 else f"{each.name[:50]}... ({len(each.name)})"
        lines.append(f"  {each.cost:.6g} {name} [{each.library}] {each.operator}".rstrip())
    return lines


def test_dumps(tried: Tried) -> None:
    """Files with few and many functions, recursion, templates, and a background thread."""
    random = np.random.default_rng(4)
    lines = tried.lines
    lines += [f"{name or 'empty'}: {operator_of(name) or '-'}" for name in FUNCTIONS]
    texts = [
        DUMP,
        THREAD,
        *(
            made_up(random, *size)
            for size in ((0, 0), (1, 1), (2, 2), (3, 3), (5, 3), (8, 2), (12, 3), (20, 2), (30, 4))
        ),
    ]
    for number, text in enumerate(texts):
        path = tried.folder / f"0.{number}"
        path.write_text(text, "utf-8", "surrogateescape")
        dump = read_dump(path)
        lines.append(f"--- {dump.name}: {total_of(path)} together")
        lines += lines_of_profile(dump.profile(2 if number else int(dump.name.split()[0])))
    (tried.folder / "01.0").write_text("of another process")
    save_functions(tried.folder / "0", tried.folder / "saved.json")
    content = (tried.folder / "saved.json").read_text().splitlines()
    lines += ["--- saved", *content[:60], f"and {len(content) - 60} more lines"]
    for path in tried.folder.glob("0.*"):
        path.unlink()
    save_functions(tried.folder / "0", tried.folder / "saved.json")
    lines.append((tried.folder / "saved.json").read_text())
    (tried.folder / "large").write_text(f"events: Ir\ntotals: {10**15}\n")
    lines.append(f"large: {total_of(tried.folder / 'large')}")
    tried.check()


def test_damaged_dumps(tried: Tried) -> None:
    """Each is refused by each of the three functions that read it."""
    lines = tried.lines
    path = tried.folder / "0.1"
    for title, old, new in (
        ("empty", DUMP, ""),
        ("binary", DUMP, "\0ÿ" * 50),
        ("without a total", "totals: 100000\n", ""),
        ("with a smaller total", "totals: 100000\n", "totals: 1000"),
        ("with a cut total", "totals: 100000\n", "totals: "),
        ("without a cost", "0 2980\n", ""),
        ("without the first function", "fn=(1) _PyEval_EvalFrameDefault'12\n", ""),
        ("without the first library", "ob=(1) /usr/lib/libpython3.11.so.1.0\n", ""),
        ("without a name", "fn=(1) _PyEval_EvalFrameDefault'12\n", "fn=(1)\n"),
        ("with words for a cost", "+3 1000", "+3 many"),
        ("with a position alone", "+3 1000", "+3"),
        ("with words for calls", "calls=5 10", "calls=many 10"),
        ("without a callee", "cfn=(1)\n", ""),
        ("cut in a call", DUMP[DUMP.index("* 40") :], "totals: 100000\n"),
        ("cut", DUMP[DUMP.index("* 40") :], ""),
        ("with other instructions", "10 60000", "10 60001"),
        ("with words for a number", "Request: 2 test", "Request: two test"),
        ("without a name of the count", " 2 test_stage[step]", " "),
        ("that ends otherwise", "Client Request: 2 test_stage[step]", "Program termination"),
    ):
        path.write_text(DUMP.replace(old, new, 1), encoding="utf-8")
        tried(title, total_of, path)
        tried("  read", lambda: len(read_dump(path).costs))
        tried("  saved", save_functions, path.parent / "0", tried.folder / "new")
        lines.append(f"  written: {(tried.folder / 'new').exists()}")
        (tried.folder / "new").unlink(missing_ok=True)
    tried("absent", read_dump, tried.folder / "absent")
    with path.open("wb") as file:
        file.truncate(LARGEST_DUMP + 1)  # Takes no room on the disk.
    tried("too large", read_dump, path)
    tried.check()


def test_explanations(tried: Tried) -> None:
    """Functions and operators that appear, vanish, move, grow, shrink, or stay, on both sides."""
    random = np.random.default_rng(5)
    lines = tried.lines
    lines += [f"{path}: {functions_file(Path(path))}" for path in ("a/1.json", "b.c/2.x.json", "3")]
    libraries = ("liba.so", "libb.so", "libc.so")

    def profile(count: int) -> Profile:
        functions, operators = {}, {}
        for _ in range(count):
            key = str(random.choice([*"abcdef", NO_SYMBOLS])), str(random.choice(libraries))
            cost = float(random.choice([0, 1, 50, 1e3, 2.5e6, 1e15]))
            functions[key] = Function(
                name=key[0], library=key[1], cost=cost, operator=str(random.choice(["", "mul"]))
            )
            name = str(random.choice(["add", "tanh", "matmul_grad"]))
            calls = float(random.choice([0, 0.5, 3]))
            operators[name] = Operator(name=name, cost=cost, calls=calls)
        return Profile(operators=tuple(operators.values()), functions=tuple(functions.values()))

    for number, sizes in enumerate(
        [(0, 0), (0, 3), (3, 0), (1, 1), *[(6, 6)] * 4, *[(14, 12)] * 6]
    ):
        found = explain(*map(profile, sizes))
        lines.append(f"--- {number}")
        for operator in found.operators:
            calls = f"{operator.calls_before} -> {operator.calls_after} calls"
            costs = f"{operator.before} -> {operator.after} ({operator.change:+g})"
            lines.append(f"  operator {operator.name}: {costs}, {calls}")
        for each in found.functions:
            costs = f"{each.before} -> {each.after} ({each.change:+g})"
            lines.append(f"  {each.name} [{each.library}] {each.operator}: {costs}")
    tried.check()


def test_counter(monkeypatch: pytest.MonkeyPatch, tried: Tried) -> None:
    """What is asked of Valgrind, and when; each event between two dumps is an instruction."""
    events: list[str] = []
    lines = tried.lines

    def dump(handle: str, process: int, name: bytes) -> None:
        assert (handle, process) == ("handle", os.getpid())
        number = sum(event.startswith("dump") for event in events) + 1
        since = 0
        for event in reversed(events):
            if event.startswith("dump"):
                break
            since += 1
        path = tried.folder / f"d.{number}"
        path.write_text(f"desc: {name.decode()}\ntotals: {since}\n")
        events.append(f"dump {name.decode()!r}")

    def init() -> str:
        events.append("init")
        return "handle"

    module = SimpleNamespace(
        instrument_hooks_init=init,
        callgrind_start_instrumentation=lambda: events.append("start"),
        callgrind_stop_instrumentation=lambda: events.append("stop"),
        instrument_hooks_set_executed_benchmark=dump,
    )
    monkeypatch.setattr(counter, "import_module", lambda _: module)
    monkeypatch.setattr(counter, "ROUNDS", 10)
    monkeypatch.setattr(counter, "busy", lambda rounds: events.extend(["work"] * 2 * rounds))
    made = Counter(tried.folder / "d")
    lines.append(f"new: {', '.join(events)}")

    for calls, name in ((1, ""), (3, "3 name[ü]"), (0, "0 none")):
        before = len(events)
        found = made.count(lambda: events.append("call"), calls, name)
        lines.append(f"{calls} calls of {name!r}: {found}: {', '.join(events[before:])}")
    for share, usual in (
        (0.01, 600),
        (0.02, 600),
        (0.0, 600),
        (0.011, 777),
        (0.013, 900),
        (1.0, 5),
    ):
        before = len(events)
        more = made.with_more(lambda: events.append("call"), share, usual)
        lines.append(f"{share} of {usual}: measured by {', '.join(events[before:]) or 'nothing'}")
        before = len(events)
        more()
        lines.append(f"  {', '.join(events[before:])}")
    before = len(events)
    made.stop()
    lines.append(f"stop: {', '.join(events[before:])}")
    (tried.folder / "e.2").write_text("totals: ")
    monkeypatch.setattr(module, "instrument_hooks_set_executed_benchmark", lambda *_: None)
    for name in ("e", "absent"):
        tried(name, Counter(tried.folder / name).count, lambda: None, 1)
    monkeypatch.undo()
    lines.append(f"busy: {[counter.busy(rounds) for rounds in (0, 1, 2, 3, 1001)]}")
    monkeypatch.setattr(counter, "SWITCH", "pytest_codspeed_missing.hooks")
    tried("missing", Counter, tried.folder / "d")
    monkeypatch.setattr(counter, "import_module", Mock(side_effect=ImportError("no symbol")))
    tried("broken", Counter, tried.folder / "d")
    tried.check()


def test_valgrind(
    monkeypatch: pytest.MonkeyPatch,
    tried: Tried,
) -> None:
    """Which Valgrind is refused and why, and how the command line of one begins."""
    lines = tried.lines
    answers: dict[str, Any] = {}

    def run(command: Sequence[str | Path]) -> Result:
        words = [str(word) for word in command]
        lines.append(f"  $ {' '.join(words)}")
        answer = answers.get(words[0]) or answers.get(Path(words[0]).name, Result(0, "", ""))
        if isinstance(answer, OSError):
            raise answer
        return Result(*answer)

    monkeypatch.setattr(valgrind, "run", run)
    found = {"valgrind", "setarch", "setpriv"}
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}" if name in found else None)
    for title, *answer in (
        ("newest", 0, "valgrind-3.26.0\n", ""),
        ("oldest", 0, "valgrind-3.19.0.GIT-lbmacos", ""),
        ("4", 0, "valgrind-4.0.0", ""),
        ("too old", 0, "valgrind-3.18.1", ""),
        ("far too old", 0, "valgrind-2.24.0", ""),
        ("too old by number", 0, "valgrind-3.9.0", ""),
        ("broken", 1, "no libc\n", ""),
        ("broken in words", 127, "one\ntwo \x1b[31m\n", "three\n"),
        ("silent", 0, "", ""),
        ("failing", 1, "valgrind-4.0.0", ""),
        ("another program", 0, "valgrind version 3.20", ""),
    ):
        answers["valgrind"] = tuple(answer)
        tried(title, valgrind.find_valgrind)
    answers["valgrind"] = OSError(8, "Exec format error")
    tried("no program", valgrind.find_valgrind)
    answers["valgrind"] = (0, "valgrind-3.26.0", "")
    for arch, priv in ((0, 0), (0, 1), (1, 0), (1, 1), (None, 0), (0, None), (None, None)):
        answers |= {"setarch": (arch or 0, "", ""), "setpriv": (priv or 0, "", "")}
        statuses = {"setarch": arch, "setpriv": priv}
        found = {"valgrind", *(name for name, status in statuses.items() if status is not None)}
        title = ", ".join(f"{name} {status}" for name, status in statuses.items())
        tried(title, valgrind.command_of_valgrind.__wrapped__)
    found.clear()
    tried("absent", valgrind.find_valgrind)
    tried("absent", valgrind.command_of_valgrind.__wrapped__)
    sides = [Interpreter(name, Path(f"/{name}/python")) for name in ("old", "new")]
    tried("sides", valgrind.find_switch, sides)
    tried("no side", valgrind.find_switch, [])
    answers["/new/python"] = (1, "", "ImportError")
    tried("new side without the switch", valgrind.find_switch, sides)
    answers["python"] = answers["/new/python"]
    tried("sides without the switch", valgrind.find_switch, sides)
    tried.check()
