"""A made-up folder of results in which everything happens that the page can show."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.notebook.figures import NORMS
from benchmarks.saved.result_files import TIMES, history_file
from rnn_core import EXPERIMENTS
from tests import ROOT
from tests.helpers.matrix_results import (
    FACTS,
    FIRST_STAGE,
    MACHINE,
    comparison,
    counted,
    faults,
    made_up,
    released,
    run_file,
    write_cases,
    write_environment,
    write_json,
)
from tests.helpers.saved_runs import saved_benchmark, saved_content

# Text that a page must escape wherever a file has text, and a path that it must not tell.
PATH = "/home/alice/a.npz"
EVIL = "<script>alert(1)</script>\"'&$x^{$\x07"
NOW = datetime(2026, 11, 25, 7, 5, tzinfo=timezone.utc)
KNOWN = {
    "defects": {
        "leak": "`to_tensor` leaks",
        "nan": "the maximum of NaN & 1 is 1",
        "old": "never mended",
        "new": "only in a version without results",
        "unchecked": "not checked everywhere",
        "hang": "hangs",
    },
    "checks": [
        {"paddle": "2.6.2", "there": ["nan", "old", "hang"], "gone": ["leak"]},
        {"paddle": "3.0.0", "there": ["old", "leak", "unchecked"], "gone": ["nan", "hang"]},
        {"paddle": "3.2.2", "there": ["old"], "gone": ["leak", "nan"]},
        {"paddle": "3.3.1", "there": ["leak"], "gone": ["nan", "hang"]},
        # Another Python: there with any is there.
        {"paddle": "3.3.1", "there": ["old"], "gone": ["leak"]},
        {"paddle": "3.4.0", "there": ["new", "hang"], "gone": ["leak", "old"]},
    ],
}


def case(name: str, inside: str = "", module: str = "tests.test_a") -> str:
    """Return a test in JUnit XML, with what is inside of its element."""
    return f'<testcase classname="{module}" name="{name}">{inside}</testcase>'


def agreed(run: str, agreement: str) -> str:
    """Return the test of a static graph in JUnit XML."""
    inside = f'<properties><property name="agreement" value="{agreement}" /></properties>'
    return case(f"graph[{run}]", inside, "benchmarks.test_experiments")


def failed(tag: str = "failure", message: str = "2 &lt; 1", detail: str = "") -> str:
    """Return what is inside of the element of a test that did not pass."""
    return f'<{tag} message="{message}">{detail}</{tag}>'


def as_printed() -> dict[str, NDArray[np.float64]]:
    """Return the norms of the exploding RNN, those that the notebook printed as it printed them."""
    norms = {name: values.copy() for name, values in made_up("exploding-rnn").raw_norms.items()}
    for row in NORMS["exploding-rnn"]:
        for name in "WUb":
            norms[f"recurrent.{name}"][row.step - 1] = getattr(row, name)
    return norms


def write_times(folder: Path, times: Iterable[tuple[float, dict[str, str]]], **facts: str) -> None:
    """Write medians in milliseconds, each with what its benchmark differs in from another."""
    found = [
        saved_benchmark(f"t{n}", median / 1e3, spread=median / 4e3, **{**FIRST_STAGE, **info})
        for n, (median, info) in enumerate(times)
    ]
    for each in found:
        each["stats"] |= {"min": each["stats"]["q1"] / 2, "max": 2 * each["stats"]["q3"]}
    write_json(folder / TIMES, saved_content(found, {"cpu": {**MACHINE, **FACTS, **facts}}))


def write_run(
    folder: Path, kind: str, facts: dict[str, str], day: int = 24, **changes: Any
) -> None:
    """Write the file of a run of pytest, with other values of fields."""
    content = {**run_file(facts, day).dump(), **changes}
    write_json(folder / f"{kind}-run.json", content)


def write_matrix(folder: Path) -> Path:
    """Write the results; return their folder."""
    skips = case("gpu", failed("skipped", "no GPU")) + case("jax", failed("skipped", "no JAX"))
    off = case("off", failed(detail="E   assert 2 &lt; 1")) + case(
        "long", failed(message="x" * 310)
    )
    off += case("fixture", failed("error", f"setup of {ROOT}/tests/test_a.py, {PATH}"))
    off += case("ends", failed(message="crashed: the process was ended by SIGILL"))
    facts26, facts33 = {**FACTS, "paddle": "2.6.2"}, {**FACTS, "python": "3.13.1"}
    for name, python, cases in (
        ("py310-paddle26-cpu", "3.10.13", off + skips + case("passes")),
        ("py311-paddle26-cpu", "3.11.7", off + case("alone", failed()) + case("jax")),
    ):
        path = write_environment(folder / name, paddle="2.6.2", python=python, cases=cases)
        write_times(
            path,
            [
                (2.0, {}),
                (1.6, {"implementation": "kernel"}),
                (1.0, {"stage": "forward"}),
                (1234.5, {"cell": "LSTM", "shape": "B32 T100 H128"}),
            ],
            paddle="2.6.2",
        )
    passing = case("off") + case("long") + case("fixture") + case("ends") + skips
    graphs = agreed("static-default-clipped-rnn", "bitwise equal") + agreed("sot", "x")

    path = write_environment(
        folder / "py311-paddle33-cpu", times=0.5, cases=passing, cuda="False", cudnn="None"
    )
    write_times(path, [(1.5, {}), (0.1234, {"implementation": "own"})])
    write_cases(path / "benchmarks.xml", graphs)
    right = made_up("exploding-rnn", norms=as_printed(), accuracy=np.zeros(5))
    right.save(path / "exploding-rnn.npz")

    # The same rounding elsewhere, one figure off, a part of the tests, and a flag.
    path = write_environment(folder / "py313-paddle33-cpu", cases=passing, python="3.13.1")
    flags = {"flags": "MKL_CBWR=AVX2 OMP_NUM_THREADS=1"}
    selection = {**run_file(FACTS).dump()["selection"], "deselected": 3}
    write_run(path, "tests", {**facts33, **flags}, 21, selection=selection, arguments=["-k", PATH])
    write_run(path, "benchmarks", {**facts33, **flags}, 21)
    write_cases(path / "benchmarks.xml", agreed("static-default-clipped-rnn", "refused"))
    norms = as_printed()
    norms["recurrent.U"][0] *= 1 + 2e-6
    norms["recurrent.b"][0] = np.nan
    changes: Any = {"norms": norms, "accuracy": np.array([0, 0, 0.25, 0, 1])}
    environment: Any = {"environment": {**facts33, **flags}}
    made_up("exploding-rnn", **changes, **environment).save(path / "exploding-rnn.npz")
    quiet = {name: values[:6].clip(max=5) for name, values in as_printed().items()}
    short: dict[str, Any] = {"accuracy": np.array([0.5]), "epoch_ends": np.array([4])}
    short |= {"norms": quiet, "loss": np.linspace(2, 1, 6), "outcome": "interrupted"}
    short |= {"clipped_norms": quiet}
    made_up("clipped-rnn", **short, **environment).save(path / "clipped-rnn.npz")

    # A crash, a GPU beside the CPU, and times on both.
    crash = case("ends", failed(message="crashed: the process was ended by SIGSEGV"))
    path = write_environment(folder / "py312-paddle33-gpu", python="3.12.1", cases=crash)
    on_gpu = {
        **FACTS,
        "python": "3.12.1",
        "device": "gpu:0",
        "device_name": "A GPU",
        "cuda": "12.9",
    }
    devices = {"cpu": {**FACTS, "python": "3.12.1"}, "gpu:0": on_gpu}
    for kind in ("tests", "benchmarks"):
        write_run(path, kind, FACTS, environments=devices)
    steps = [(2.0, {}), (5.0, {"cell": "LSTM"}), (1.0, {"device": "gpu:0"})]
    steps += [
        (10.0, {"cell": "LSTM", "device": "gpu:0"}),
        (3.0, {"cell": "GRU", "device": "gpu:0"}),
    ]
    steps += [(9.0, {"stage": "forward"}), (8.0, {"stage": "forward", "device": "gpu:0"})]
    own = {"cell": "own.py:workload", "shape": "", "implementation": "eager"}
    more = [(7.0, own), (0.7, {**own, "device": "npu:1"}), (99.0, {"stage": ""})]
    write_times(path, [*steps, *more])
    experiment = EXPERIMENTS["exploding-rnn"]
    config = replace(experiment.config, device="gpu")
    there = made_up("exploding-rnn", config=config, environment=on_gpu)
    there.save(path / history_file("exploding-rnn", "gpu:0"))

    # Benchmarks only, of another day and of static graphs.
    path = write_environment(folder / "bench-paddle30", paddle="3.0.0", times=3.0)
    for name in ("tests.xml", "tests-run.json", "clipped-lstm.npz"):
        (path / name).unlink()
    graphs = agreed("static-default-clipped-rnn", "different up to step 3")
    write_cases(path / "benchmarks.xml", graphs + agreed("sot-primitive-clipped-lstm", "refused"))
    write_run(path, "benchmarks", {**FACTS, "paddle": "3.0.0"}, 22, exit_status=2)

    # Nothing, and outcomes of an unknown place.
    (folder / "py313-paddle32-cpu").mkdir()
    (folder / "mine, with a name that is as long as a name of a folder can sensibly be").mkdir()
    mine = folder / "ohne Umlaute: äöü"
    mine.mkdir()
    write_cases(mine / "tests.xml", case("only", failed(detail="at\n  the\n    end")))
    (mine / "notes.txt").write_text("", encoding="utf-8")
    _write_comparisons(folder / "comparisons", facts26)
    verdicts: list[dict[str, Any]] = faults()["verdicts"]
    verdicts[0] |= {"caught": True, "tests": ["core/test_a.py::b"]}
    verdicts[1] |= {"tests": ["a.py::b", "c.py::d"], "ending": "time-out", "slow": True}
    verdicts.append({**verdicts[2], "name": "ends", "problem": "nothing ran"})
    write_json(folder / "faults.json", faults(verdicts=verdicts))
    (folder / "stray & <b>.txt").write_text("", encoding="utf-8")
    return folder


def _write_comparisons(folder: Path, old: dict[str, str]) -> None:
    """Write comparisons by each measure, one that crashed, and two chains of releases."""
    write_json(folder / "a" / "comparison.json", comparison())
    extreme = comparison(confidence=0.95, not_compared=["t::a", "t::b"], behaviour=[])
    for benchmark, (ratio, low, high) in zip(
        extreme["benchmarks"],
        ((1e-9, None, 1e9), (2.5, 1e-9, None), (1.0, None, None), (0.5, 0.4, 0.6)),
        strict=True,
    ):
        benchmark["measures"]["time"] |= {"ratio": ratio, "low": low, "high": high}
    facts = {**extreme["baseline"]["environment"], "paddle": "3.3.1", "python": "3.12.1"}
    extreme["baseline"] = {"name": EVIL, "environment": facts}
    extreme["drift"]["baseline"]["slowest_ms"] = 2.5
    extreme["disturbance"]["left_out"] = 7
    extreme["courses"]["time"] |= {"outcome": "crashed", "within": 0.1, "pairs": 1}
    write_json(folder / "b" / "comparison.json", {**extreme, "error": f"{PATH}:\nSegfault <&>"})
    write_json(folder / "c" / "comparison.json", counted())
    write_json(folder / "d" / "comparison.json", {})
    (folder / "e").mkdir()

    def behaviour(*facts: Any) -> dict[str, Any]:
        return vars(BehaviourVerdict(*facts))

    differs = ("textbook", "different", 6, 7, 0.5, "h_1", "matmul", "the text\nin lines")
    within = ("textbook", "equal within rounding", 20, 3, 1e-9, None, None, "rounding")
    same = ("textbook", "bitwise equal", 20, None, 0.0, None, None, "same")
    sometimes = [behaviour("clipped-rnn", *differs), behaviour("exploding-rnn", *within)]
    risen = released("3.1.0", "3.2.0", behaviour=sometimes)
    [operator] = risen["benchmarks"][0]["operators"]
    risen["benchmarks"][0]["operators"] = [{**operator, "name": f"op{n}"} for n in range(7)]
    unsure = released("3.2.0", "3.3.0", behaviour=[behaviour("clipped-lstm", *same)])
    for content in (risen, unsure):
        content["benchmarks"][1]["measures"]["memory"]["verdict"] = "cannot tell"
    broken = released("3.3.0", "3.4.0", error="Segmentation fault")
    broken["courses"]["memory"] = {**broken["courses"]["memory"], "outcome": "crashed"}
    del broken["benchmarks"][1]
    stopped = released("3.4.0", "3.10.0")
    stopped["courses"]["memory"] = {**stopped["courses"]["memory"], "outcome": "interrupted"}
    memory = stopped["benchmarks"][0]["measures"]["memory"]
    memory |= {"candidate": 2.2e6, "ratio": 1.1, "verdict": "more memory"}
    for content in (
        released("2.6.2", "3.0.0"),
        risen,
        unsure,
        broken,
        stopped,
    ):
        sides = (content["baseline"]["name"], content["candidate"]["name"])
        write_json(folder / f"releases-{'..'.join(sides)}" / "comparison.json", content)
    other = json.loads(json.dumps(released("2.6.2", "3.0.0")))
    other["workload"] = "digest, batch_size=9"
    for benchmark in other["benchmarks"]:
        benchmark |= {"cell": "own.py:workload", "shape": "", "implementation": "", "stage": ""}
    other["baseline"]["environment"] = {**other["baseline"]["environment"], "cpu": old["cpu"]}
    write_json(folder / "releases-2.6.2..3.0.0-own" / "comparison.json", other)
