"""Saved runs: which are read, how two differ, and what a session says about its baseline."""

import copy
import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.plugins import comparison
from benchmarks.plugins.adapter import Timed
from benchmarks.plugins.comparison import (
    ComparisonPlugin,
    SavedEnvironments,
    describe_environments,
)
from benchmarks.plugins.saving import Saving
from benchmarks.saved.baseline import (
    best_comparable,
    differences,
    machine_identity,
    obstacles,
    uncompared,
)
from benchmarks.saved.records import Count, Date, Milliseconds, Record, Seconds, read_json
from benchmarks.saved.result_files import (
    begun_file,
    beside_cpu,
    history_file,
    kinds_of,
    outcomes_file,
)
from benchmarks.saved.run_file import RunFile, Selection
from benchmarks.saved.saved_run import SavedRun
from tests.helpers.matrix_results import FACTS, MACHINE, WHOLE, run_file
from tests.helpers.recorded import ended
from tests.helpers.saved_runs import NOON, saved_benchmark, saved_content
from tests.helpers.time_zone import time_zone
from tests.recorded.conftest import Check

CPU = {**FACTS, **MACHINE, "threads": "1"}
CARD = CPU | {"device": "gpu:0", "device_name": "Card A"}
MACHINES = {
    "cpu": {"cpu": CPU},
    "other cpu": {"cpu": CPU | {"cpu": "A CPU, B", "cpu_count": "64"}},
    "windows": {"cpu": CPU | {"system": "Windows", "machine": "ARM"}},
    "gpu": {"gpu:0": CARD},
    "both": {"cpu": CPU, "gpu:0": CARD},
    "other card": {"cpu": CPU, "gpu:0": CARD | {"device_name": "Card B"}},
    "two": {"gpu:0": CARD, "gpu:1": CARD},
}


def saved(
    environments: dict[str, dict[str, str]], names: str = "a", hours: int = 0, name: str = ""
) -> SavedRun:
    """Return a saved run, with benchmarks on its first device."""
    device = next(iter(environments))
    benchmarks = [saved_benchmark(f"t.py::{each}", 1.0, device=device) for each in names]
    when = NOON.replace(hour=hours)
    content = saved_content(benchmarks, environments, when)
    return SavedRun.model_validate_json(json.dumps(content)).model_copy(update={"name": name})


def test_baselines(check: Check) -> None:
    """Obstacles between machines, differences of environments, and the best of random runs."""
    lines = []
    session = SavedEnvironments()
    session.environments = MACHINES["other cpu"]
    lines.append(f"saved: {session.pytest_benchmark_generate_machine_info()}")
    for (one, now), (other, then) in product(MACHINES.items(), repeat=2):
        found = obstacles(machine_identity(now), machine_identity(then))
        lines.append(f"{one} after {other}: {'; '.join(found) or 'comparable'}")
    before = CPU | {"paddle": "3.0.0", "threads": "2", "flags": "FLAGS_x=1"}
    before |= dict.fromkeys(("onednn", "a_fact", "another", "third"), "3.6")
    after = CPU | {"blas": "MKL", "flags": "", "cuda": "12", "cpu": "Model C"}
    several = {"cpu": after, "gpu:0": after | {"cudnn": "9"}, "gpu:1": CARD}
    then = {"cpu": before | {"cuda": ""}, "gpu:0": before, "gpu:1": CARD | {"flags": "A=0"}}
    for names in (["cpu"], ["cpu", "gpu:0"], ["gpu:1"], [*several]):
        found = differences({name: several[name] for name in names}, then)
        lines += [f"differences on {', '.join(names)}:", *(f"  {each}" for each in found)]
    random = np.random.default_rng(4)
    for at in range(24):
        runs = [
            saved(
                list(MACHINES.values())[(0, 0, 1, 4)[random.integers(4)]],
                "abcdef"[: random.integers(1, 6)],
                int(random.integers(24)),
                f"run{number}",
            )
            for number in range(at % 5)
        ]
        wanted = "badgf"[: random.integers(0, 5)]
        names = [f"t.py::{each}" for each in wanted]
        best = best_comparable(runs, machine_identity(MACHINES["cpu"]), iter(names))
        known = [f"{each.machine.cpu[-1]}{len(each.benchmarks)}@{each.when.hour}" for each in runs]
        only = uncompared(iter(names), best, iter(["cpu"])) if best else "-"
        lines.append(f"{wanted} of {known}: {best and best.name}, only one has {only}")
    for name in ("gpu", "cpu"):
        only = uncompared(["t.py::a"], saved(MACHINES[name], "cb"), ["cpu"])
        lines.append(f"run on {name}: {only}")
    check(lines)


class Example(Record):
    """A file with a field of each kind."""

    name: str
    when: Date
    count: Count
    flag: bool
    share: float | None
    parts: tuple[Seconds, ...]
    ms: Milliseconds
    facts: dict[str, int] | None = None


VALUES: dict[str, tuple[Any, ...]] = {
    "name": (3, None, "", "ü\x1b[31m\n\u202e\ud800", ["x" * 100], "\a" * 301),
    "when": (
        "soon",
        1764072000,
        "0001-01-01T00:00:00+23:59",
        "1999-12-31T23:59:59",
        "2000-01-01T00:00:00",
        "2999-12-31T23:59:59",
        "3000-01-01T00:00:00",
        "2026-01-01T13:30:00+01:30",
    ),
    "count": (-1, 0, 10**9, 10**9 + 1, 1.0, True, "2", int("9" * 400)),
    "flag": (1, "true", False),
    "share": (True, 1, -1e308, "x"),
    "parts": ({}, [{}], [], [1], [1e-9, 0.9e-9], [1e5], [1.1e5], [None]),
    "ms": (0, 1e-9, 0.9e-9, 1e9, 1.1e9),
    "facts": ({"a": 1}, {"\x1b": "x"}, {"b" * 301: None}),
}
VALID = {"name": "a", "when": "2026-11-25T12:00:00", "count": 2, "flag": True, "share": None}
TEXTS = ("", '{"name": ', "[1]", "null", "{}", "NaN", "[1e999]", '{"a\\u0007": 1}', "\ud800")


def read(path: Path, text: str) -> str:
    """Return what a file with this content holds, or why it is refused."""
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    found = ended(Example.load, path)
    return f"refused: {found.error}" if found.error else repr(found.value)


def test_records(tmp_path: Path, check: Check) -> None:
    """Every field at and beyond its limits, damaged JSON, and control characters.

    A date without a zone is in UTC, wherever it is read.
    """
    path = tmp_path / "a.json"
    lines = []
    with time_zone("AAA-9"):
        for field, values in VALUES.items():
            for value in values:
                content = {**VALID, "parts": [1], "ms": 1, field: value}
                lines.append(f"{field} {value!r:.60}: {read(path, json.dumps(content))}")
    lines += [f"{text!r}: {read(path, text)}" for text in TEXTS]
    texts = r'["\n", ["\n"], {"error": "\n\u0007", "\n": "\n", "text": ["\n"], "problem": "a\nb"}]'
    path.write_text(texts.replace("a", "a" * 300))
    lines += [repr(read_json(path))]
    check(lines)


RUN = saved_content(
    [
        saved_benchmark("one", 1e-3, stage="step"),
        saved_benchmark("two", 2e-3, lower_quartile=None, instructions=7, peak_bytes=5),
        saved_benchmark("three", 3e-3, lower_quartile=1e-3, fixed_work_ms=0.5, more=[1]),
    ],
    MACHINES["both"],
)
WRONG: dict[str, tuple[Any, ...]] = {
    "benchmarks.0.stats.median": (-1, 0.9e-9, 1.1e5, 2, "1", None),
    "benchmarks.0.stats.q1": (2e-3,),
    "benchmarks.0.stats.q3": (5e-4,),
    "benchmarks.0.stats.max": (5e-4,),
    "benchmarks.0.stats.min": (2e-3, 1e-9),
    "benchmarks.0.stats.mean": (0, 1e5),
    "benchmarks.0.stats.stddev": (-1, 1e9, 1.1e9),
    "benchmarks.0.stats.iqr": (-1, 0, 1e9, 1.1e9),
    "benchmarks.0.stats.ops": (0, 1e9, 1.1e9),
    "benchmarks.0.stats.rounds": (0, 1, 10**9 + 1),
    "benchmarks.0.stats.iterations": (0, 1.5),
    "benchmarks.0.stats.outliers": (0, "1", "1;2", "1;2;3", "1;1234567890"),
    "benchmarks.0.extra_info": ([], {}),
    "benchmarks.0.extra_info.device": ([],),
    "benchmarks.1.extra_info.lower_quartile": (0, 1e5),
    "benchmarks.1.extra_info.fixed_work_ms": (0, 1e9),
    "benchmarks.1.extra_info.instructions": (0, 1, 10**15, 10**15 + 1, 1.5),
    "benchmarks.1.extra_info.peak_bytes": (0, 1, 10**15 + 1),
    "benchmarks.1.fullname": ("one",),
    "benchmarks": ([], None),
    "machine_info.devices": ({}, {"cpu": 1}),
    "machine_info.cpu": (None,),
    "environment": (
        {"cpu": CPU},
        {"cpu": CPU, "gpu:0": {}},
        {"gpu:0": CARD, "cpu": CPU},
        {"cpu": {"paddle": 3}},
    ),
    "datetime": ("0001-01-01T00:00:00", "2026-01-01T00:00:00-05:00"),
    "sampling": ({}, {"begun": None}, {"begun": "2026-11-25T11:59:00+00:00"}, {"begun": 3}, None),
}


def test_saved_runs(tmp_path: Path, check: Check) -> None:
    """The values of a benchmark by each measure, and every field beyond its limits."""
    path = tmp_path / "run.json"

    def load(content: Any) -> str:
        path.write_text(json.dumps(content), encoding="utf-8")
        run, error, *_ = ended(SavedRun.load, path)
        if error:
            return f"refused: {error}"
        values = [
            [each.value(measure) for measure in ("time", "instructions", "memory")]
            for each in run.timed
        ]
        begun = run.begun and run.begun.isoformat()
        return f"{Path(run.name).name} {run.when.isoformat()} {begun} {[*run.benchmarks]} {values}"

    lines = [f"valid: {load(RUN)}"]
    for name, values in WRONG.items():
        for value in values:
            content: Any = copy.deepcopy(RUN)
            *parents, last = (int(key) if key.isdigit() else key for key in name.split("."))
            inner = content
            for key in parents:
                inner = inner[key]
            inner[last] = value
            lines.append(f"{name} {value!r:.60}: {load(content)}"[:300])
    check(lines)


def test_run_files(tmp_path: Path, check: Check) -> None:
    """Which selections are partial, the names of files, and a run's file in JSON."""
    lines = []
    for source, paths, options, deselected, stopped in product(
        ("TESTPATHS", "ARGS"),
        ((), ("tests", "docs"), ("a.py",)),
        ((), ("--lf",)),
        (0, 1),
        ("", "x"),
    ):
        fields = {"source": source, "paths": paths, "options": options, "stopped": stopped}
        chosen = WHOLE.model_copy(update={**fields, "deselected": deselected})
        lines.append(f"{[*fields.values(), deselected]}: {chosen.partial}")
    none = Selection(source="ARGS", paths=("a",), whole=(), options=())
    lines += [f"no suite: {none.partial}", json.dumps(run_file(FACTS).dump(), indent=1)]
    (tmp_path / "r.json").write_text(json.dumps(run_file(FACTS, expected=("a",)).dump()))
    lines += [str(RunFile.load(tmp_path / "r.json") == run_file(FACTS, expected=("a",)))]
    for devices in ([], ["cpu"], ["npu", "gpu:0", "gpu:1"], ["xpu:10", "cpu", "custom_cpu"]):
        lines.append(f"{devices}: {kinds_of(devices)!r}")
    for device in ("cpu", "gpu", "gpu:0", "npu:12"):
        lines.append(f"{device}: {history_file('clipped-rnn', device)}")
    lines += [f"{begun_file(kind)} {outcomes_file(kind)}" for kind in ("tests", "benchmarks")]
    medians: dict[tuple[str, ...], float] = {
        ("cpu", "a"): 1.0,
        ("gpu:0", "a"): 0.5,
        ("gpu:1", "a"): 2.0,
        ("gpu:0", "b"): 3.0,
    }
    lines += [f"{beside_cpu(medians)}", f"{beside_cpu({('cpu', 'a'): 0.0, ('gpu', 'a'): 1.0})}"]
    check(lines)


class FakeSession:
    """Stands in for `BenchmarkSession`: notes what pytest-benchmark is asked to do."""

    def __init__(self, storage: Path, compare: Any, **changes: Any) -> None:
        self.compare, self.storage = compare, str(storage)
        self.benchmarks = [Timed(f"t.py::{name}", 1.0, {}) for name in "ab"]
        self.enabled, self.compare_fail, self.histogram = True, False, None
        self.collectonly = False
        self.requests: tuple[Path | None, str | None] = (None, None)
        self.regressions: list[tuple[str, str]] = []
        self.errors: dict[str, OSError] = {}
        self.calls: list[str] = []
        vars(self).update(changes)

    def __getattr__(self, name: str) -> Any:
        """Return a method that notes its call, and raises what it should."""
        if name.startswith("_"):
            raise AttributeError(name)

        def call(*arguments: Any) -> None:
            shown = [
                [getattr(part, "nodeid", part) for part in each]
                if isinstance(each, dict | list)
                else getattr(each, "name", each)
                for each in arguments
            ]
            self.calls.append(f"{name}{shown}")
            if name in self.errors:
                raise self.errors[name]

        return call

    def saved_files(self, *globs: str) -> list[Path]:
        """Find files as pytest-benchmark does."""
        pattern = globs[0]
        if pattern == "outside":
            return [Path(self.storage).parent / "outside.json"]
        if pattern == "?[":
            raise ValueError("no pattern")
        star = pattern if pattern.endswith(".json") else f"{pattern}*.json"
        return sorted(Path(self.storage).glob(star))

    def take_requests(self) -> tuple[Path | None, str | None]:
        """Return the file and the name that the command line gives."""
        return self.requests

    def take_regressions(self) -> list[tuple[str, str]]:
        """Return the benchmarks beyond their limit."""
        return self.regressions


def session_cases() -> Iterator[tuple[str, Any, list[str], int, dict[str, Any]]]:
    """Yield sessions: value of --benchmark-compare, names of saved files, status, and changes."""
    full = OSError(28, "No space left on device")
    failing = {"compare_fail": True}
    yield "not asked", None, ["0001_a"], 0, {}
    yield "first run", True, [], 0, {}
    yield "first run, required", True, [], 0, failing
    yield "first run, failed", True, [], 1, {"requests": (Path("t.json"), None)}
    yield "none ran", True, ["0001_a"], 5, {"benchmarks": []}
    yield "interrupted", True, ["0001_a"], 2, failing
    yield "the same", True, ["0001_ab", "0002_ab"], 0, {}
    yield "others", True, ["0001_bc", "0002_c"], 0, {"regressions": [("a", "1 > 0"), ("b", "2")]}
    yield "none in common", True, ["0001_cd"], 0, failing
    yield "none in common, free", True, ["0001_cd"], 0, {}
    yield "other machine", True, ["0001_a-other cpu", "0002_b-windows"], 0, {}
    yield "other machine, failed", True, ["0001_a-other cpu"], 1, failing
    yield "damaged", True, ["0001_ab", "0002_damaged", "0003_foreign"], 0, {}
    yield "only damaged", True, ["0002_damaged"], 0, failing
    yield "by number", "0001", ["0001_ab"], 0, {"requests": (Path("t.json"), "mine")}
    yield "by folder", "Linux/0001", ["0001_ab"], 0, {}
    yield "no such number", "0009", ["0001_ab"], 0, {}
    yield "no such folder", "Mac/0001", ["0001_ab"], 0, {}
    yield "several", "000", ["0001_ab", "0002_ab"], 0, {}
    yield "by number, damaged", "0002", ["0001_ab", "0002_damaged"], 0, {}
    yield "by number, other machine", "0001", ["0001_a-other cpu"], 0, {}
    yield "no glob", "?[", [], 0, {}
    yield "disk full", True, [], 0, {"errors": {"save_as": full}}
    errors = {"write": full, "save_as": full}
    yield "disk full, file", True, ["0001_ab"], 0, {"errors": errors, "requests": (Path("t"), None)}
    yield "only collected", True, ["0001_ab"], 0, {"collectonly": True, "benchmarks": []}
    yield "outside the folder", "outside", [], 0, {}
    yield "unprintable name", True, ["0001_a\x1b"], 0, {}
    yield "disabled", True, ["0001_ab"], 0, {"enabled": False, "benchmarks": []}


def plugin_lines(session: FakeSession, status: int, patch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield what the plugin says and does in a session that ends with this status."""
    patch.setattr(comparison, "BenchmarkSession", lambda _: session)
    options = SimpleNamespace(collectonly=session.collectonly, setuponly=False)
    saving = Saving()
    plugin = ComparisonPlugin(SimpleNamespace(option=options), saving)  # type: ignore[arg-type]
    items = [
        SimpleNamespace(
            nodeid=f"t.py::{name}",
            fixturenames=names,
            get_closest_marker=lambda kind, name=name: (name == kind) or None,
        )
        for name, names in (
            ("a", ["benchmark"]),
            ("b", ["benchmark"]),
            ("x", []),
            ("skip", ["benchmark"]),
        )
    ]
    try:
        plugin.pytest_collection_finish(SimpleNamespace(items=items))  # type: ignore[arg-type]
    except pytest.UsageError as error:
        yield f"usage error: {error}"
        return
    yield from plugin.pytest_report_collectionfinish()
    ended = SimpleNamespace(exitstatus=status)
    for hook in (
        plugin.pytest_sessionfinish(ended, status),  # type: ignore[arg-type]
        plugin.pytest_terminal_summary(None),  # type: ignore[arg-type]
    ):
        next(hook)
        with pytest.raises(StopIteration):
            next(hook)
    yield from plugin.messages
    yield from (f"- {call}" for call in session.calls)
    yield from (f"not saved: {path.name}: {reason}" for path, reason in saving.failures.items())
    yield f"exit status: {ended.exitstatus:d}, devices {[*plugin.environments]}"


@time_zone("AAA-9")
def test_sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
    """What is saved, what it is compared with, what is missing, and the exit status."""
    monkeypatch.setattr(comparison, "describe_environments", lambda _: {"cpu": CPU})
    monkeypatch.setattr("benchmarks.plugins.summary.write", lambda *_: None)
    lines = []
    outside = saved_content([saved_benchmark("t.py::a", 1.0, device="cpu")], MACHINES["cpu"], NOON)
    (tmp_path / "outside.json").write_text(json.dumps(outside))
    for number, (name, compare, files, status, changes) in enumerate(session_cases()):
        folder = tmp_path / str(number) / "Linux"
        folder.mkdir(parents=True)
        for hour, file in enumerate(files):
            path = folder / f"{file.partition('-')[0]}.json"
            kind = file.partition("-")[2] or "cpu"
            if file.endswith("damaged"):
                path.write_text("{\x1b")
            elif file.endswith("foreign"):
                path.write_text('{"benchmarks": []}')
            else:
                names = path.stem.partition("_")[2]
                benchmarks = [saved_benchmark(f"t.py::{n}", 1.0, device="cpu") for n in names]
                content = saved_content(benchmarks, MACHINES[kind], NOON.replace(minute=hour))
                path.write_text(json.dumps(content))
        session = FakeSession(folder.parent, compare, **changes)
        found = plugin_lines(session, status, monkeypatch)
        lines += [f"{name}:", *(f"  {line}" for line in found)]
    # Ctrl-C after a part of a test.
    session = FakeSession(tmp_path, None)
    monkeypatch.setattr(comparison, "BenchmarkSession", lambda _: session)
    plugin = ComparisonPlugin(SimpleNamespace(option=None), Saving())  # type: ignore[arg-type]
    for when in ("setup", "call", "teardown"):
        plugin.running = SimpleNamespace(name=when)  # type: ignore[assignment]
        plugin.pytest_runtest_logreport(SimpleNamespace(when=when))  # type: ignore[arg-type]
        plugin.pytest_keyboard_interrupt()
    lines.append(f"interrupted: {session.calls}")
    check(lines, {tmp_path: "TMP"})


def test_devices_of_items(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the parameters, each with its own facts; the CPU without any."""
    facts = "rnn_core.runtime.environment.describe_environment"
    monkeypatch.setattr(facts, lambda device: {"name": device})
    items: Any = [
        SimpleNamespace(callspec=SimpleNamespace(params={"device": "gpu:1"})),
        SimpleNamespace(callspec=SimpleNamespace(params={"device": "cpu"})),
        SimpleNamespace(callspec=SimpleNamespace(params={})),
        SimpleNamespace(),
    ]
    found = describe_environments(items)
    assert [*found.items()] == [(name, {"name": name}) for name in ("gpu:1", "cpu")]
