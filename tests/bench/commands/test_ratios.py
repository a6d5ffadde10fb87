"""The command `python -m benchmarks.ratios`: its tables, its files and its exit statuses."""

import json
import math
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from benchmarks.commands import common, ratios
from benchmarks.commands.ratios import SWEEPS, main
from benchmarks.runner import project_environment, run
from benchmarks.workloads import implementations
from benchmarks.workloads.implementations import PEERS
from benchmarks.workloads.same_work import DifferentWorkError
from benchmarks.workloads.training_step import Shape, Work
from rnn_core.config import CELLS
from tests.bench.commands.conftest import RunMain
from tests.helpers.command_lines import assert_rejected

TINY_RUN = ("--cells", "RNN", "--shapes", "B2-T3-H4", "--rounds", "3")
KERNEL_RUN = (*TINY_RUN, "--implementations", "kernel")


# One round at one point, and a point without a round.
TIMES = {"kernel": 0.002, "kernel, recorded": 0.003, "paddle": 0.004}
DATA: list[dict[str, Any]] = [
    {"cell": "RNN", "shape": "B1 T10 H128", "rounds": [TIMES]},
    {"cell": "LSTM", "shape": "B1 T10 H128", "rounds": []},
]


def test_tables_show_times_ratios_and_the_cost_of_recording() -> None:
    """A point without a round is left out."""
    assert ratios.tables(DATA, "1", ["kernel", "paddle"]).splitlines() == [
        "Training step, 1 thread(s), at least 1 rounds: median time, and ratio to paddle (median "
        "of the rounds' ratios, and their middle half)",
        "",
        "| cell | shape       | kernel                 | paddle |",
        "| ---- | ----------- | ---------------------- | ------ |",
        "| RNN  | B1 T10 H128 | 2 ms, 0.50 (0.50-0.50) | 4 ms   |",
        "",
        "Recording: ratio of a step that records all norms, the loss and the correct predictions "
        "to one that records nothing",
        "",
        "| cell | shape       | kernel           |",
        "| ---- | ----------- | ---------------- |",
        "| RNN  | B1 T10 H128 | 1.50 (1.50-1.50) |",
    ]


def test_tables_divide_by_the_named_implementation() -> None:
    """`--to` names the implementation; its own column has no ratio."""
    points = [{**DATA[0], "rounds": [TIMES, TIMES]}, *DATA, {**DATA[0], "rounds": [TIMES] * 3}]
    lines = ratios.tables(points, "1", ["kernel", "paddle"], to="kernel").splitlines()

    assert "at least 1 rounds: median time, and ratio to kernel" in lines[0]
    assert lines[4] == "| RNN  | B1 T10 H128 | 2 ms   | 4 ms, 2.00 (2.00-2.00) |"


def test_steps_are_timed_with_and_without_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paddle's own layers record nothing."""
    called: list[str] = []
    for name in ("step", "recorded"):
        monkeypatch.setattr(Work, name, lambda _, name=name: called.append(name))

    calls = ratios.calls_of(["kernel", "paddle"], "RNN", Shape(1, 2, 3))
    for name in ("kernel", "kernel, recorded"):
        calls[name]()

    assert list(calls) == ["kernel", "kernel, recorded", "paddle"]
    assert called == ["step", "recorded"]


@pytest.mark.parametrize("power", [0.5, 1, 2])
def test_growth_finds_the_exponent_of_a_power_law(power: float) -> None:
    """Only the upper half of the sizes counts, because calls dominate the lower half."""
    sizes = [10, 30, 100, 300, 1000]

    assert ratios.growth(sizes, [7, 7, *(3 * n**power for n in sizes[2:])]) == pytest.approx(power)
    assert math.isnan(ratios.growth([], []))


def test_sweep_shows_and_draws_how_time_and_memory_grow() -> None:
    """A sweep with a missing size is left out; memory that a version cannot tell is NaN."""
    data = [
        {
            "cell": cell,
            "shape": str(shape),
            "rounds": [{"paddle": shape.size / 1000, "torch": 1.0}],
            "peak_bytes": {"paddle": shape.size**2 * 2**20},
        }
        for cell in CELLS
        for shape in (*SWEEPS["H"], *SWEEPS["T"][:-1])
    ]
    names = ["paddle", "torch"]

    assert ratios.tables(data, "1", names).splitlines()[-6:] == [
        "| cell | over | what        | paddle | torch |",
        "| ---- | ---- | ----------- | ------ | ----- |",
        "| RNN  | H    | time, ms    | 1.00   | 0.00  |",
        "| RNN  | H    | memory, MiB | 2.00   | nan   |",
        "| LSTM | H    | time, ms    | 1.00   | 0.00  |",
        "| LSTM | H    | memory, MiB | 2.00   | nan   |",
    ]
    first, memory, *_ = ratios.draw(data, names).axes
    assert (first.get_title(), first.get_xlabel(), first.get_ylabel()) == ("RNN", "H", "time, ms")
    assert first.get_xscale() == first.get_yscale() == "log"
    sizes = np.array([32, 64, 128, 256, 512, 1024])
    assert np.asarray(first.lines[0].get_ydata()).tolist() == pytest.approx(sizes)
    assert np.asarray(memory.lines[0].get_ydata()).tolist() == pytest.approx(sizes**2)


def test_sweep_measures_each_shape_once_and_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_main: RunMain
) -> None:
    """Two sweeps share a shape; each point has the peak of memory."""
    monkeypatch.setattr(ratios, "SWEEPS", {"T": (Shape(1, 2, 3),), "B": (Shape(1, 2, 3),)})
    save, plot = tmp_path / "r.json", tmp_path / "r.svg"
    words = ("--cells", "RNN", "--implementations", "kernel", "--rounds", "3", "--sweep", "T,B")
    status, out, _ = run_main(main, *words, "--save", str(save), "--plot", str(plot))
    (point,) = json.loads(save.read_text(encoding="utf-8"))["results"]

    assert status == 0
    assert "| RNN  | B    | memory, MiB | nan    |" in out
    assert point["peak_bytes"]["kernel"] > 4 * 3 * 3
    assert plot.read_text(encoding="utf-8").startswith("<?xml")


@pytest.fixture
def _no_peers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the peers look as if they were not installed."""
    monkeypatch.setattr(
        implementations, "find_spec", lambda name: None if name in PEERS else find_spec(name)
    )


@pytest.mark.usefixtures("_no_peers")
def test_missing_peers_are_skipped_with_the_reason(run_main: RunMain) -> None:
    """The other implementations are measured."""
    status, out, _ = run_main(main, *TINY_RUN)

    assert status == 0
    assert "| textbook" in out
    for peer in PEERS:
        reason = f"{peer} is not measured: {peer} is not installed: pip install {peer}"
        assert reason in out.splitlines()


@pytest.mark.usefixtures("_no_peers")
def test_missing_peer_is_an_error_when_it_was_named() -> None:
    """Nothing is measured."""
    message = "torch is not measured: torch is not installed"
    assert_rejected(main, [*TINY_RUN, "--implementations", "kernel,torch"], message)


def test_shapes_and_a_sweep_exclude_each_other() -> None:
    """Both name the shapes."""
    message = "argument --sweep: not allowed with argument --shapes"
    assert_rejected(main, [*TINY_RUN, "--sweep", "T"], message)


def test_ratios_exits_1_if_work_differs(monkeypatch: pytest.MonkeyPatch, run_main: RunMain) -> None:
    """The implementation is named, and there is no table."""
    different = DifferentWorkError("kernel, RNN, B2 T3 H4: loss 1")
    monkeypatch.setattr(ratios, "check_same_work", Mock(side_effect=different))
    status, out, err = run_main(main, *TINY_RUN)

    assert (status, out) == (1, "")
    assert "not the same work, nothing was timed: kernel, RNN" in err


def test_ratios_exits_3_when_the_file_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_main: RunMain
) -> None:
    """The table is still printed."""
    monkeypatch.setattr(common, "write_text", Mock(side_effect=OSError("no space left")))
    status, out, err = run_main(main, *KERNEL_RUN, "--save", str(tmp_path / "r.md"))

    assert status == 3
    assert "| RNN " in out
    assert err == "error: cannot write the results: no space left\n"


def test_ctrl_c_prints_the_finished_rounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_main: RunMain
) -> None:
    """The status is 130, and no file is written."""

    def interrupted(calls: Any, *_: object) -> Any:
        yield dict.fromkeys(calls, 1.0)
        raise KeyboardInterrupt

    monkeypatch.setattr(ratios, "time_rounds", interrupted)
    save = tmp_path / "ratios.md"
    status, out, _ = run_main(main, *KERNEL_RUN, "--save", str(save))

    assert status == 130
    assert "| RNN  | B2 T3 H4 | 1000 ms |" in out
    assert "Incomplete" in out
    assert not save.exists()


def test_files_have_the_results_and_the_environment(tmp_path: Path, run_main: RunMain) -> None:
    """The Markdown file begins with what was printed; the JSON file has every round."""
    text, data = tmp_path / "ratios.md", tmp_path / "ratios.json"
    status, out, _ = run_main(main, *KERNEL_RUN, "--save", str(text))
    run_main(main, *KERNEL_RUN, "--save", str(data))
    content, saved = text.read_text(encoding="utf-8"), json.loads(data.read_text(encoding="utf-8"))

    assert status == 0
    assert out.endswith(f"\n\nresults: {text}\n")
    assert content.startswith(out.removesuffix(f"results: {text}\n") + "- ")
    assert "- paddle: " in content
    assert content.splitlines()[-1].startswith("- ")
    assert "- date: 20" in content
    assert saved["environment"].keys() >= {"paddle", "torch", "jax", "threads", "date"}
    assert [len(point["rounds"]) for point in saved["results"]] == [3]


@pytest.mark.slow
def test_command_pins_threads_before_it_imports_the_libraries() -> None:
    """`--threads` limits the CPUs of the process and the threads of the libraries."""
    code = (
        "import os, runpy, sys; sys.argv = ['ratios', *sys.argv[1:]]\n"
        "try: runpy.run_module('benchmarks.ratios', run_name='__main__')\n"
        "except SystemExit as ended:\n"
        "    print(int(ended.code), os.environ['OMP_NUM_THREADS'], os.environ['XLA_FLAGS'])\n"
        "    print(len(getattr(os, 'sched_getaffinity', lambda _: [0])(0)))\n"
    )
    environment = project_environment({"OMP_NUM_THREADS": "2"})
    result = run([sys.executable, "-c", code, *KERNEL_RUN, "--threads", "1"], environment)
    *words, status, cpus = result.output.splitlines()

    assert result.error == ""
    assert words[0].startswith("Training step, 1 thread(s), at least 3 rounds")
    assert status == "0 1 --xla_cpu_multi_thread_eigen=false"
    assert cpus == "1"
