"""The readers of results: saved runs, comparisons, outcomes, fault matrices and behaviours."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import numpy as np

from benchmarks.behaviour.culprits import find_culprit
from benchmarks.behaviour.files import Job, OwnRun, Recording, Trace, Traced
from benchmarks.behaviour.judge import judge, series_of
from benchmarks.compare.measures import MEASURES
from benchmarks.compare.pairs import Part, contests_of
from benchmarks.compare.result import Comparison
from benchmarks.compare.summary import summarise
from benchmarks.compare.text import behaviour_text, text_of
from benchmarks.report.formats import Case, Planting, read_cases
from benchmarks.report.matrix import environments_of
from benchmarks.report.reading import EnvironmentResults
from benchmarks.saved.baseline import machine_identity, obstacles, uncompared
from benchmarks.saved.records import read_json
from benchmarks.saved.run_file import RunFile
from benchmarks.saved.saved_run import Measure, SavedRun
from tests.helpers import matrix_results
from tests.helpers.saved_runs import saved_benchmark, saved_content


@dataclass(frozen=True)
class Reader:
    """A reader of one kind of file.

    Attributes:
        name: name of the reader.
        suffix: kind of file: "npz", "json" or "xml".
        write: functions that write a valid file each.
        read: function that reads a file.
        check: function that raises AssertionError if a result breaks an invariant.
        errors: documented errors.
    """

    name: str
    suffix: str
    write: tuple[Callable[[Path], object], ...]
    read: Callable[[Path], Any]
    check: Callable[[Any], object]
    errors: tuple[type[Exception], ...] = (OSError, ValueError)


FACTS = {**matrix_results.FACTS, **matrix_results.MACHINE}
SAVED = saved_content(
    [
        saved_benchmark("one[cpu]", 1e-3, spread=1e-4, stage="step", cell="RNN", device="cpu"),
        saved_benchmark(
            *("two[cpu]", 1e-3),
            lower_quartile=9e-4,
            fixed_work_ms=2.0,
            instructions=3_000_000,
            peak_bytes=4096,
        ),
    ],
    {"cpu": FACTS},
)
RUN = SavedRun.model_validate_json(json.dumps(SAVED))
JOB = Job("exploding-rnn", "textbook")
RECORDED = matrix_results.made_up("exploding-rnn")
DIGESTS = np.arange(21 * 16, dtype=np.uint8).reshape(21, 16)
OWN_RUN = OwnRun({"epsilon": 1e-7}, np.arange(2.0), {"gru.weight": np.arange(2.0)})
TRACE = Trace(
    [
        Traced("h_1", "tanh", np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3), 1.0),
        Traced("loss", "mse_loss", np.array(2.0), 1.0),
        Traced("tokens", "input", np.arange(4), 3.0),
    ],
    *(bytes([k] * 16) for k in range(3)),
)


def check_lines(text: str) -> None:
    """Check that a text cannot change the terminal."""
    assert all(line.isprintable() for line in text.split("\n")), f"control characters in {text!r}"


def check_run(run: SavedRun) -> None:
    """Check what the choice of a baseline and the comparison of two runs rely on."""
    check_lines(" ".join(obstacles(machine_identity({"cpu": FACTS}), run.machine)))
    check_lines(" ".join(chain(*uncompared(RUN.benchmarks, run, ["cpu"]))))
    for each in run.timed:
        assert 0 < each.stats.min <= each.stats.median <= each.stats.max < np.inf
        for measure in get_args(Measure):
            value = each.value(measure)
            assert value is None or 0 < value < np.inf
    if run.benchmarks.keys() & RUN.benchmarks.keys():
        pairs = [(RUN, run), (run, RUN)]
        within = {name: traits.within for name, traits in MEASURES.items()}
        part = Part(within, pairs, contests_of(pairs[0], within))
        check_comparison(summarise([part], ["a", "b"]))


def check_comparison(comparison: Comparison) -> None:
    """Check what the terminal and the page show."""
    check_lines(text_of(comparison) + text_of(comparison, "markdown"))
    check_lines(behaviour_text(comparison.behaviour))
    for measure in MEASURES:
        for benchmark, result in comparison.results(measure):
            assert np.isfinite([result.baseline, result.candidate, np.log(result.ratio)]).all()
            check_lines(comparison.short(benchmark) + comparison.describe(measure, result))
    assert comparison.status in (0, 1, 4)
    assert Comparison.model_validate_json(json.dumps(comparison.dump())) == comparison


def check_run_file(run: RunFile) -> None:
    """Check what the matrix of environments relies on."""
    results = EnvironmentResults("py311-paddle33-cpu", runs={"tests": run})
    [environment] = environments_of([results])
    check_lines(" ".join([*environment.place, environment.part]))
    assert environment.date == run.date


def check_faults(planting: Planting) -> None:
    """Check what the page shows."""
    assert 0 <= planting.caught <= len(planting.faults)
    check_lines("\n".join(f"{each.name}: {each.verdict}" for each in planting.surprises))


def check_cases(cases: list[Case]) -> None:
    """Check what the page shows."""
    assert len({case.name for case in cases}) == len(cases) > 0
    assert all(len(case.reason) + len(case.detail) <= 6000 for case in cases)


def check_recording(recording: Recording) -> None:
    """Check what the verdict on two runs relies on."""
    judge("exploding-rnn", recording, Recording(RECORDED, DIGESTS[1:], DIGESTS))


def check_own_run(run: OwnRun) -> None:
    """Check what the verdict on two runs of a workload relies on."""
    check_lines(run.describe() + " ".join(run.raw_norms))
    assert series_of(run).shape == (1 + len(run.raw_norms), len(run.recorded))


def check_trace(trace: Trace) -> None:
    """Check what the search for the first difference relies on."""
    for pair in ((trace, TRACE), (TRACE, trace)):
        check_lines(str(find_culprit(*pair, None)) + str(find_culprit(TRACE, *pair)))


@cache
def recorded() -> bytes:
    """Return the content of a file with the history `RECORDED`."""
    with TemporaryDirectory() as folder:
        RECORDED.save(JOB.history(Path(folder)))
        return JOB.history(Path(folder)).read_bytes()


def read_recording(path: Path) -> Recording:
    """Read digests, together with a valid history."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        JOB.digests(folder).symlink_to(path)
        JOB.history(folder).write_bytes(recorded())
        return Recording.load(JOB, folder)


def write_digests(path: Path) -> None:
    """Write the digests of a recording."""
    with path.open("wb") as file:
        np.savez(file, gradients=DIGESTS[1:], parameters=DIGESTS)


def json_of(content: Any) -> Any:
    """Return a function that writes the content."""
    return partial(matrix_results.write_json, content=content)


OUTCOMES = (
    '<testcase classname="tests.test_a" name="passes" time="0.1" />'
    '<testcase classname="tests.test_a" name="fails"><failure message="2">where</failure>'
    '</testcase><testcase classname="tests.test_a" name="skips"><skipped message="no GPU">x'
    "</skipped></testcase>"
)
RESULT_READERS = (
    Reader("saved-run", "json", (json_of(SAVED),), SavedRun.load, check_run),
    Reader(
        "comparison",
        "json",
        (
            json_of(matrix_results.comparison()),
            json_of(matrix_results.counted()),
        ),
        Comparison.load,
        check_comparison,
    ),
    Reader(
        "run-file",
        "json",
        (json_of(matrix_results.run_file(FACTS, expected=("a.npz",)).dump()),),
        RunFile.load,
        check_run_file,
    ),
    Reader("faults", "json", (json_of(matrix_results.faults()),), Planting.load, check_faults),
    Reader("settings", "json", (json_of({"format": "a", "paths": ["b"]}),), read_json, str),
    Reader(
        "outcomes",
        "xml",
        (partial(matrix_results.write_cases, cases=OUTCOMES),),
        read_cases,
        check_cases,
    ),
    Reader("trace", "npz", (TRACE.save,), Trace.load, check_trace),
    Reader("recording", "npz", (write_digests,), read_recording, check_recording),
    Reader("own-run", "npz", (OWN_RUN.save,), OwnRun.load, check_own_run),
)
