"""Files of callgrind: the cost of functions, and the operators that called them."""

import json
from pathlib import Path

import pytest

from benchmarks.instructions.dumps import (
    BACKGROUND,
    Calls,
    Key,
    operator_of,
    read_dump,
    save_functions,
    total_of,
)
from benchmarks.instructions.functions import Function, Operator, Profile, Profiles
from benchmarks.interpreters import SideError

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
fn=(1) _PyEval_EvalFrameDefault'2
10 60000
+3 1000
cfn=(1)
calls=5 10
* 70000
cob=(2) /venv/paddle/libs/libphi_core.so
cfi=(2) matmul.cc
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
PYTHON = "libpython3.11.so.1.0"
PROFILE = Profile(
    operators=(Operator(name="matmul", cost=19000.0, calls=0.5),),
    functions=(
        Function(name="_PyEval_EvalFrameDefault", library=PYTHON, cost=30500.0),
        Function(
            name="paddle::experimental::matmul(paddle::Tensor const&)",
            library="libphi_core.so",
            cost=12500.0,
            operator="matmul",
        ),
        Function(name="(no symbols)", library="libphi_core.so", cost=5480.0),
        # Called from Python and, with more instructions, from a function of the operator.
        Function(name="malloc", library="libc.so.6", cost=1490.0, operator="matmul"),
        Function(name="(no symbols)", library="(unknown)", cost=20.0),
        Function(name="std::operator==(int)", library=PYTHON, cost=10.0),
    ),
)


def test_functions_have_their_cost_in_one_call_and_their_operator(tmp_path: Path) -> None:
    """Functions without symbols count together; an operator has the cost of all that it calls."""
    path = tmp_path / "1"
    path.write_text(DUMP)
    dump = read_dump(path)

    assert dump.name == "2 test_stage[step]"
    assert total_of(path) == 100_000
    assert dump.profile(2) == PROFILE
    # The operator matmul calls a function that calls full, and so does Python.
    path.write_bytes(DUMP.encode().replace(b"malloc", b"full_ad_func(\xff)"))
    full = Operator(name="full", cost=20.0, calls=0.5)
    assert read_dump(path).profile(2).operators == (*PROFILE.operators, full)
    assert Calls(1, 2).plus(Calls(3, 4)) == Calls(4, 6)


def test_a_background_thread_does_not_count(tmp_path: Path) -> None:
    """What it costs depends on the load of the machine; its share of a shared function goes too."""
    path = tmp_path / "1"
    thread = f"""ob=(9) /venv/paddle/libpaddle.so
fn=(90) {BACKGROUND}
0 500
cfn=(91) bvar::read_proc()
calls=1 0
0 3000

fn=(91)
0 2000
cfn=(92) bvar::jump()
calls=1 0
0 1000

fn=(92)
cob=(3)
cfn=(4)
calls=1 0
0 1000

ob=(3)
fn=(4)
0 1000
fn=(93) one_instruction
0 1

totals: 103501
"""
    ends = DUMP.replace("Client Request: 2 test_stage[step]", "Program termination")
    path.write_text(ends.replace("totals: 100000\n", thread))
    dump = read_dump(path)

    assert dump.name == ""
    # Calls of malloc, which has 3980 instructions now, cost 3980, of which 1000 are the thread's.
    assert total_of(path) == 100_001
    assert dump.costs[Key("malloc", "libc.so.6")] == pytest.approx(2980)
    assert dump.costs[Key("one_instruction", "libc.so.6")] == 1
    assert not [key for key in dump.costs if "bvar" in key.name]
    assert dump.profile(2).operators == PROFILE.operators


@pytest.mark.parametrize(
    ("function", "operator"),
    [
        ("matmul_ad_func(paddle::Tensor const&, bool)", "matmul"),
        ("sgd__ad_func(paddle::Tensor&)", "sgd_"),
        ("paddle::experimental::embedding_grad_impl(paddle::Tensor const&)", "embedding_grad"),
        ("paddle::pybind::eager_api_tanh(_object*, _object*, _object*)", "tanh"),
        ("ClipByNormGradNode::operator()(paddle::small_vector<int>&, bool)", "clip_by_norm_grad"),
        ("RNNGradNode::operator()(bool)", "rnn_grad"),
        ("MatmulGradNode::ClearTensorWrappers()", ""),
        ("paddle::experimental::SetKernelOutput(phi::Backend)", ""),
        ("void phi::MatmulKernel<float, phi::CPUContext>(phi::CPUContext const&)", ""),
        ("_PyEval_EvalFrameDefault", ""),
    ],
)
def test_operator_is_read_from_the_function_that_runs_it(function: str, operator: str) -> None:
    """Kernels are not named after operators in all versions; their callers are."""
    assert operator_of(function) == operator


def test_functions_of_all_counts_are_saved_by_benchmark(tmp_path: Path) -> None:
    """Counts without a name, of planted work, are left out."""
    (tmp_path / "0.1").write_text(DUMP)
    (tmp_path / "0.2").write_text(DUMP.replace(" 2 test_stage[step]", " "))
    (tmp_path / "0.3").write_text(DUMP.replace("2 test_stage[step]", "1 test_stage[forward, 2]"))
    (tmp_path / "10.1").write_text("another process's")
    save_functions(tmp_path / "0", tmp_path / "functions.json")
    found = Profiles.load(tmp_path / "functions.json").benchmarks

    assert [*found] == ["test_stage[step]", "test_stage[forward, 2]"]
    assert found["test_stage[step]"] == PROFILE
    assert found["test_stage[forward, 2]"].functions[0].cost == 61000.0
    assert json.loads((tmp_path / "functions.json").read_text()).keys() == {"benchmarks"}


def test_total_of_an_incomplete_dump_is_refused(tmp_path: Path) -> None:
    """Valgrind may still be writing it."""
    path = tmp_path / "1"
    path.write_text(DUMP.removesuffix("100000\n"))
    with pytest.raises(ValueError, match=f"^{path} is not a complete file of callgrind"):
        total_of(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (DUMP, ""),
        (DUMP, "\0\xff" * 50),
        ("totals: 100000\n", ""),
        ("totals: 100000\n", "totals: 1000"),
        ("0 2980\n", ""),
        ("fn=(1) _PyEval_EvalFrameDefault'2\n", ""),
        ("ob=(1) /usr/lib/libpython3.11.so.1.0\n", ""),
        ("+3 1000", "+3 many"),
        ("+3 1000", "+3"),
        (DUMP[DUMP.index("* 40") :], "totals: 100000\n"),
        (DUMP[DUMP.index("* 40") :], ""),
    ],
)
def test_damaged_dump_is_refused(old: str, new: str, tmp_path: Path) -> None:
    """The message names the file."""
    path = tmp_path / "0.1"
    path.write_text(DUMP.replace(old, new, 1))

    with pytest.raises(SideError, match=rf"^Valgrind's counts cannot be read: .*{path.name}"):
        save_functions(tmp_path / "0", tmp_path / "functions.json")
    assert not (tmp_path / "functions.json").exists()
