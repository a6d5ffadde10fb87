"""From the first test to the page of results on GPUs whose work the CPU does.

What a stand-in cannot show is what CUDA computes, and how fast.
"""

import os
import re
import sys
from pathlib import Path

import pytest

from benchmarks import ROOT
from benchmarks.compare.result import Comparison
from benchmarks.runner import run
from tests.helpers.programs import program

STEP = "test_stage and step and RNN-B1-T10-H128 and kernel"

pytestmark = pytest.mark.slow


def call(*arguments: object, devices: str = "gpu:0 gpu:1", status: int = 0) -> str:
    """Run a module of Python, with these devices if it is pytest; return its output."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    environment |= {"STAND_IN_DEVICES": devices, "OMP_NUM_THREADS": "1"}
    result = run([sys.executable, "-m", *map(str, arguments)], environment, ROOT)
    assert result.status == status, result.last_lines(50)
    return result.output + result.error


def test_tests_benchmarks_and_page_have_gpus(tmp_path: Path) -> None:
    """A run with GPUs is compared with runs on these GPUs only; other devices work likewise."""
    # In the order of the files: one of the messages lists devices in the order of their benchmarks.
    suite = ("pytest", "-p", "tests.helpers.stand_in_gpu", "-p", "no:randomly", "-n0")
    results = f"--results={tmp_path}/results/bench-paddle33-gpu"
    tests = ("tests/runs/test_explosion.py", "tests/core/checkpoints/test_resume.py")
    shown = call(*suite, results, *tests, "-k", "eight and 0 or resumed and kernel-float32")
    # The stand-in's timer fails a benchmark that does not wait before and after a timed call.
    timed = (*suite, "benchmarks", f"--benchmark-storage={tmp_path}", "--benchmark-compare", "-k")
    each_kind = "RNN-B1-T10-H128 and (kernel or static) or exploding and not graph"
    call(*timed, STEP, "--device=cpu")
    first = call(*timed, each_kind, results)
    again = call(*timed, STEP, "--device=gpu:1")
    other = call(*timed, STEP, devices="npu:0")
    missing = call(*timed, STEP, "--device=gpu:2", status=4)
    call("benchmarks.report", tmp_path / "results")
    page = (tmp_path / "results" / "report.html").read_text(encoding="utf-8")

    assert "devices: cpu, gpu:0 (Stand-in gpu:0), gpu:1 (Stand-in gpu:1)\n" in shown
    assert ": gpu:0 was not measured; gpu:1 was not measured\n" in first
    assert re.search("^gpu:1  exploding-rnn .*vanished at step 8", first, re.MULTILINE)
    against = first.partition("CPU against GPU, median ms of a step")[2]
    assert re.search(r"^gpu:1   RNN   B1 T10 H128  kernel( +[\d.]+){3}$", against, re.MULTILINE)
    assert re.search(
        r"^Compared with \S+0002_\S+ of .*: Paddle \S+ then and now.$", again, re.MULTILINE
    )
    assert "CPU against NPU, median ms of a step" in other
    assert re.search(r"0002_\S+: npu:0 was not measured", other)
    assert "device 'gpu:2' is not available: " in missing
    assert "finds cpu, gpu:0, gpu:1\n" in missing
    assert '<span class="device">GPU</span>' in page
    assert "<h3>CPU against GPU</h3>" in page
    assert "bench-paddle33-gpu on gpu:1" in page
    assert "passed" in page


def test_comparisons_run_on_a_gpu(tmp_path: Path) -> None:
    """Their processes measure on the device that was named."""
    module = "-p tests.helpers.stand_in_gpu"
    old, new = (
        program(
            tmp_path / name,
            f'[ "$2" = pytest ] && shift 2 && exec {sys.executable} -m pytest {module} "$@"\n'
            f'exec {sys.executable} "$@"',
        )
        for name in ("old", "new")
    )
    sides = ("--baseline", old, "--candidate", old, "--results", tmp_path / "pairs")
    few = ("--seconds=0.001", "--measure=memory", "--no-behaviour", "-k", STEP)
    call("benchmarks.compare", *sides, *few, "--device=gpu")
    result = Comparison.load(tmp_path / "pairs" / "comparison.json")
    chain = ("--results", tmp_path, "--budget=0.05", "--device=gpu:1")
    shown = call("benchmarks.releases", old, new, *chain)

    [benchmark] = result.benchmarks
    assert (benchmark.device, benchmark.measures["memory"].verdict) == ("gpu:0", "same")
    assert re.search(
        r"^\| gpu:1-step-LSTM-B1-T10-H128-textbook ( *\| [\d.]+){2} ", shown, re.MULTILINE
    )
    assert re.search(r"/new *\| bitwise equal", shown)
