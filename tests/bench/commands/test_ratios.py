"""The command `python -m benchmarks.ratios`: its tables, its files and its exit statuses."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks.commands import ratios
from benchmarks.commands.ratios import main
from benchmarks.runner import project_environment, run
from benchmarks.workloads.training_step import Shape

KERNEL = ("--cells", "RNN", "--implementations", "kernel", "--rounds", "3")
KERNEL_RUN = (*KERNEL, "--shapes", "B2-T3-H4")


def test_files_have_the_results_and_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The Markdown file begins with what was printed; the JSON file has every round.

    Two sweeps share a shape; each point has the peak of memory.
    """
    monkeypatch.setattr(ratios, "SWEEPS", {"T": (Shape(1, 2, 3),), "B": (Shape(1, 2, 3),)})
    text, data, plot = (tmp_path / name for name in ("ratios.md", "ratios.json", "ratios.svg"))
    status = main([*KERNEL_RUN, "--save", str(text)])
    out = capsys.readouterr().out
    main([*KERNEL, "--sweep", "T,B", "--save", str(data), "--plot", str(plot)])
    content, saved = text.read_text(encoding="utf-8"), json.loads(data.read_text(encoding="utf-8"))
    (point,) = saved["results"]

    assert status == 0
    assert out.endswith(f"\n\nresults: {text}\n")
    assert content.startswith(out.removesuffix(f"results: {text}\n") + "- ")
    assert saved["environment"].keys() >= {"paddle", "torch", "jax", "threads", "date"}
    assert len(point["rounds"]) == 3
    assert point["peak_bytes"]["kernel"] > 4 * 3 * 3
    assert plot.read_text(encoding="utf-8").startswith("<?xml")


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
