"""What the pytest plugins of the suite decide and print, without a session of pytest."""

import os
import runpy
import signal
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from pytest_benchmark.stats import Metadata

import benchmarks.conftest as fixtures
import conftest
from benchmarks.plugins import options, results, summary
from benchmarks.plugins.adapter import BenchmarkSession, Timed, rounds_of, use_storage
from benchmarks.plugins.comparison import ComparisonPlugin
from benchmarks.plugins.saving import Saving
from benchmarks.plugins.signals import Signals, named
from benchmarks.saved.saved_run import Machine
from benchmarks.workloads.stages import FIRST_STEP, STAGES
from tests.helpers.recorded import outcome
from tests.helpers.time_zone import clock, time_zone
from tests.recorded.conftest import Check

ROOT = conftest.BENCHMARKS.parent


class Terminal:
    """A reporter that notes lines, and how they are shown."""

    def __init__(self, reports: dict[str, list[Any]] | None = None) -> None:
        self.lines: list[str] = []
        self.reports = reports or {}

    def section(self, title: str, **style: object) -> None:
        """Note a title."""
        self.lines.append(f"{title} {style}")

    def write_line(self, line: str, **style: bool) -> None:
        """Note a line."""
        shown = [name for name, on in style.items() if on]
        self.lines.append(f"  {line}{f' <{shown}>' if shown else ''}")

    def getreports(self, status: str) -> list[Any]:
        """Return the reports with this status."""
        return self.reports.get(status, [])


def benchmarks(count: int, devices: list[str]) -> list[Timed]:
    """Seeded times of stages, some without a stage and some failed."""
    random, found = np.random.default_rng(count), []
    for number in range(count):
        info: dict[str, Any] = {
            "device": devices[number % len(devices)],
            "cell": str(random.choice(["RNN", "LSTM"])),
            "shape": str(random.choice(["B1 T10 H128", "B64 T1000 H2048"])),
            "implementation": str(random.choice(["kernel", "paddle", "textbook"])),
            "stage": str(random.choice([*STAGES[:4], "step", FIRST_STEP])),
        }
        if random.random() < 0.2:
            info["operators"] = int(random.integers(1, 2000))
        if random.random() < 0.1:
            del info["stage"]
        median = float(10 ** random.uniform(-6, 1)) if random.random() < 0.9 else None
        found.append(Timed(f"b.py::test[{number}]", median, info))
    return found


def test_summary(check: Check) -> None:
    """The end of a run: behaviours, times, devices and messages, for few and many benchmarks."""
    lines = []
    properties = [("behaviour", ["RNN", "cpu", "größer", "3.5", "1"]), ("other", ["x"] * 5)]
    reports = {
        "passed": [
            SimpleNamespace(user_properties=properties),
            SimpleNamespace(user_properties=[("behaviour", ["LSTM", "gpu:0", "", "12.25", "-"])]),
        ],
        "failed": [SimpleNamespace(user_properties=[("behaviour", ["x", "y", "z", "1", "22"])])],
        "skipped": [SimpleNamespace(longrepr=("f", 1, text)) for text in ("no gpu", "a", "a", "b")],
    }
    for count, devices, enabled, based, shown in (
        (0, ["cpu"], True, False, {}),
        (0, ["cpu"], False, True, {}),
        (0, ["cpu"], True, True, {}),
        (1, ["cpu"], True, True, {}),
        (7, ["cpu"], True, False, reports),
        (40, ["cpu", "gpu:0", "gpu:1", "npu:0"], True, True, reports),
        (40, ["gpu:0", "npu:1"], False, True, {"skipped": reports["skipped"]}),
    ):
        timed = benchmarks(count, devices)
        stats = {
            each.name: SimpleNamespace(stats=SimpleNamespace(median=0.002 * (number + 1)))
            for number, each in enumerate(timed)
            if number % 3
        }
        session: Any = SimpleNamespace(benchmarks=timed, enabled=enabled)
        baseline: Any = SimpleNamespace(benchmarks=stats) if based else None
        messages = ["one", summary.SAVED, *summary.LOUD, f"{summary.REGRESSED}test[1]", "-" * 120]
        terminal: Any = Terminal(shown)
        summary.write(terminal, session, baseline, messages[: count + 1])
        lines += [f"{count} on {devices}, enabled {enabled}, with a baseline {based}"]
        lines += [f"  {line}" for line in terminal.lines]
    facts = {"cell": "RNN", "shape": "B1 T10 H128", "implementation": "kernel", "stage": "step"}
    three = [
        Timed(device, 0.001 * number, {**facts, "device": device})
        for number, device in enumerate(("cpu", "gpu:0", "npu:0"), 1)
    ]
    last = Timed("a", 0.001, {**facts, "device": "cpu", "stage": STAGES[-1]})
    title, table = summary.against_cpu(three)
    lines += [title, *table, *summary.step_times([last], None)]
    check(lines)


def test_baselines(check: Check) -> None:
    """Why none of the saved runs is the baseline, or how the one that is differs."""
    machines = [
        Machine(system=system, machine="x", cpu=cpu, cpu_count="2", devices=devices)
        for system, cpu, devices in (
            ("Linux", "A", {"cpu": "cpu"}),
            ("Linux", "B", {"cpu": "cpu"}),
            ("macOS", "B", {"gpu:0": "a GPU"}),
            ("Linux", "A", {"cpu": "cpu", "gpu:0": "another"}),
        )
    ]
    lines = []
    for count in (0, 1, 5, 6, 7, 8, 20):
        for now in (machines[0], machines[3]):
            runs: list[Any] = [
                SimpleNamespace(name=f"{n:04}", when=n * 7 % 5, machine=machines[1 + n % 2])
                for n in range(count)
            ]
            lines += [f"{count} runs", *(f"  {line}" for line in summary.no_baseline(runs, now))]
    when = datetime(2026, 11, 25, 22, 8, 9, tzinfo=timezone.utc)
    names = ["a.py::a[x::y]", *(f"a.py::{letter}" for letter in "bcdefgh"), "no path"]
    changes = ["paddle 3.0.0 -> 3.3.1", "paddle_commit a -> b", "numpy 1 -> 2", "größer 1 -> 2"]
    for paddle in ("3.0.0", "3.3.1"):
        for count in (0, 1, 2, 4):
            for compared, new, gone in ((0, 0, 0), (1, 1, 6), (3, 7, 9), (0, 6, 1)):
                environments = {"cpu": {"paddle": "3.0.0"}, "gpu:0": {"paddle": "2.6.2"}}
                run: Any = SimpleNamespace(name="0001", when=when, environments=environments)
                with time_zone("AAA-9"):
                    found = summary.comparison(
                        run, paddle, changes[:count], compared, names[:new], names[:gone]
                    )
                lines += ["", *found]
    lines += ["", *summary.comparison(run, paddle, changes[2:3], 1, [], [])]
    check(lines)


def test_options(folder: Path, monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
    """Which options can be used together, with and without benchmarks, plugins and packages."""
    for name in ("benchmarks", "a.json"):
        Path(name).mkdir()
    Path("file").touch()
    nothing: dict[str, Any] = dict.fromkeys(
        ("results", "workload_seed", "workload_execution", *options.OF_BENCHMARKS.values())
    )
    nothing |= {"benchmark_storage": "file://s", "plugins": ("junitxml",), "packages": ("pygal",)}
    nothing["args"] = ()
    twice = ("--benchmark-compare-fail=min:5%", "benchmarks", "--benchmark-compare-fail=mean:5%")
    cases: list[dict[str, Any]] = [
        {},
        {"results": ""},
        {"results": "r"},
        {"results": "r", "plugins": ()},
        {"plugins": ()},
        {"workload": "a.py:f", "workload_seed": 0, "workload_execution": "static"},
        {"workload_seed": 0},
        {"workload_execution": "eager"},
        *({key: True} for key in options.OF_BENCHMARKS.values() if key != "benchmark_json"),
        {"benchmark_autosave": True, "benchmark_compare": True, "workload": "a.py:f"},
        {"benchmark_compare": "0007"},
        {"benchmark_compare": "benchmarks"},
        {"benchmark_compare": "benchmarks::test_a"},
        {"benchmark_compare": "file"},
        {"benchmark_compare": "a.json"},
        {"benchmark_compare": True, "benchmark_compare_fail": ["min:5%"]},
        {"benchmark_compare_fail": ["min:5%"]},
        {"benchmark_compare": True, "benchmark_compare_fail": ["min:5%"], "args": twice},
        {"benchmark_histogram": "h", "packages": ()},
        {"benchmark_storage": "file://file"},
        {"benchmark_storage": "file"},
        {"benchmark_storage": "benchmarks"},
        {"benchmark_storage": "elasticsearch+http://a"},
        {"benchmark_json": Path("b.json")},
        {"benchmark_json": Path("no/b.json")},
        {"benchmark_json": Path()},
    ]
    lines = []
    for case in cases:
        values = {**nothing, **case}
        plugins, packages, args = (values.pop(name) for name in ("plugins", "packages", "args"))
        monkeypatch.setattr(options, "find_spec", lambda name: name if name in packages else None)  # noqa: B023
        for loaded in (True, False):
            given = {k: v for k, v in values.items() if loaded or not k.startswith("benchmark")}
            option = Mock(**given)
            option.__contains__ = lambda _, name: name in given  # noqa: B023
            config: Any = SimpleNamespace(
                option=option,
                pluginmanager=SimpleNamespace(has_plugin=plugins.__contains__),
                invocation_params=SimpleNamespace(dir=folder, args=args),
            )
            for asked in (True, False):
                ended = outcome(options.check_options, config, asked)
                if loaded or (case.keys() & given.keys()) or not case:
                    lines.append(f"{case}, pytest-benchmark {loaded}, benchmarks {asked}: {ended}")
    check(lines, {"PosixPath": "Path"})


def session_of(args: tuple[str, ...], folder: Path, **given: object) -> Any:
    """A stand-in for pytest's config."""
    return SimpleNamespace(
        args=args,
        rootpath=Path("/root"),
        invocation_params=SimpleNamespace(dir=folder, args=()),
        getoption=lambda name, default=None: given.get(name, default),
        option=SimpleNamespace(**given),
        pluginmanager=SimpleNamespace(get_plugin=given.get),
    )


@pytest.mark.usefixtures("folder", "one_machine")
def test_root_conftest(monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
    """Workers, devices, the header, and what a worker that crashed leaves."""
    lines: list[str] = []
    for plugins in (["xdist.plugin"], ["other"]):
        parser = Mock()
        conftest.pytest_addoption(
            parser, Mock(get_plugins=lambda plugins=plugins: [Mock(__name__=n) for n in plugins])
        )
        for where in (parser, parser.getgroup.return_value):
            lines += [str(call) for call in where.addoption.call_args_list]
        lines.append(f"{plugins}: {parser.getgroup.call_args_list}")
    Path("link").symlink_to(conftest.BENCHMARKS)
    Path("checkout").symlink_to(ROOT)
    linked = runpy.run_path("checkout/conftest.py", run_name="linked")
    assert linked["BENCHMARKS"] == conftest.BENCHMARKS
    for cores in (None, 1, 8, 9, 64):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        for folder, *args in (
            (ROOT, "tests"),
            (ROOT, "tests/core/test_cells.py::test_a", "rnn_core"),
            (ROOT, "benchmarks"),
            (ROOT, "benchmarks/test_stages.py::test_stage"),
            (ROOT, "."),
            (ROOT, "tests", "benchmarks"),
            (ROOT, "benchmarks2"),
            (ROOT, "benchmarks/plugins/saving.py"),
            (ROOT / "benchmarks", "test_stages.py"),
            (ROOT / "benchmarks", str(ROOT / "benchmarks")),
            (ROOT / "tests", "../benchmarks"),
            (ROOT / "tests", "."),
            (Path(), "link/test_stages.py"),
            (ROOT,),
        ):
            config = session_of(tuple(map(str, args)), folder)
            workers = conftest.pytest_xdist_auto_num_workers(config)
            if cores == 9 or args == ["tests"]:
                lines.append(f"{cores} cores, {folder} {args}: {workers} workers")
    monkeypatch.setattr("paddle.version.commit", "0123456789")
    monkeypatch.setattr("numpy.__version__", "1.2.3")
    monkeypatch.setattr("rnn_core.runtime.environment.cpu_model", lambda: "A CPU")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    for found in (["cpu"], ["cpu", "npu:0"]):
        monkeypatch.setattr("rnn_core.runtime.devices.available_devices", lambda found=found: found)
        for wanted in ("all", "cpu", "npu", "gpu", "gpu:1", "nonsense:"):
            config = session_of((), ROOT, device=wanted)
            lines.append(f"{found}, --device {wanted}")
            lines.append(f"  devices {outcome(conftest.devices, wanted)}")
            start: Any = SimpleNamespace(config=config)
            lines.append(f"  start {outcome(conftest.pytest_sessionstart, start)}")
            lines.append(f"  header {outcome(conftest.pytest_report_header, config)}")
            for names, own in ((["device"], "devices"), (["device"], "device, cell"), ([], "cell")):
                given: list[object] = []
                mark = pytest.mark.parametrize(argnames=own, argvalues=[]).mark
                marks = {"parametrize": [pytest.mark.parametrize("x", []).mark, mark]}
                metafunc: Any = SimpleNamespace(
                    config=config,
                    definition=SimpleNamespace(iter_markers=marks.__getitem__),
                    fixturenames=names,
                    parametrize=lambda *each: given.append(each),  # noqa: B023
                )
                with_error = outcome(conftest.pytest_generate_tests, metafunc)
                lines.append(f"  {names}, parametrised by {own}: {with_error}, {given}")
    results_plugin = SimpleNamespace(begin=lambda devices: lines.append(f"begin {devices}"))
    for wanted in ("all", "npu"):
        config = session_of((), ROOT, device=wanted, **{conftest.RESULTS: results_plugin})
        conftest.pytest_sessionstart(SimpleNamespace(config=config))  # type: ignore[arg-type]
    monkeypatch.setattr("rnn_core.runtime.devices.available_devices", lambda: ["cpu", "gpu:0"])
    lines.append(f"with a GPU {outcome(conftest.devices, 'all')}")
    for status in (0, 3, -signal.SIGILL, -signal.SIGKILL):
        report = Mock()
        report.node.gateway._io.popen.wait = lambda status=status: status
        conftest.pytest_handlecrashitem(report)
        lines.append(f"worker ended with {status}: {report.longrepr}, {report.when}")
    send = Mock(side_effect=[OSError("closed"), None, ValueError("other")])
    node = SimpleNamespace(sendcommand=send)
    conftest.pytest_configure_node(node)
    lines += [outcome(partial(node.sendcommand, name, a=1)) for name in ("steal", "run", "x")]
    lines.append(str(send.mock_calls))
    lines.append(f"storage {conftest._storage(config)}")
    config.rootpath, saved = Path(), Path(".benchmarks/0001.json")
    saved.parent.mkdir()
    for change in (saved.touch, saved.unlink, list):
        change()
        ended = outcome(conftest.pytest_unconfigure, config)
        lines.append(f"at the end {ended}, a folder {saved.parent.exists()}")
    for storage in ("file://./.benchmarks", "file://other", None):
        config = session_of((), ROOT, benchmark_storage=storage)
        use_storage(config, Path("/root/.benchmarks"))
        lines.append(f"{storage}: {config.option.benchmark_storage}")
    check(lines)


def test_configuring(monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
    """What a session and its workers set and register, for tests, benchmarks and samples."""
    lines: list[str] = []
    monkeypatch.setattr(sys, "__stdout__", sys.stdout)  # As if nothing was captured.
    monkeypatch.setattr(conftest, "guard_console", lambda: lines.append("  guard"))
    monkeypatch.setattr(conftest, "atexit", SimpleNamespace(register=lambda call: call()))
    for name in ("use_storage", "check_options"):
        monkeypatch.setattr(conftest, name, lambda _, what: lines.append(f"  {what}"))
    for name in ("ResultsPlugin", "DeselectedCounter"):
        monkeypatch.setattr(results, name, lambda *given, name=name: (name, given[1:3]))
    monkeypatch.setattr("benchmarks.plugins.sampling.Sampler", lambda *_: "Sampler")
    monkeypatch.setattr("benchmarks.plugins.comparison.ComparisonPlugin", lambda *_: "Comparison")
    for args, given, threads in (
        (("tests",), {}, None),
        (("benchmarks",), {}, "7"),
        (("benchmarks",), {"sample": "{}", "results": "r"}, None),
        (("tests",), {"results": "r"}, "7"),
    ):
        for process in ([], ["workerinput"]):
            monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
            if threads is not None:
                monkeypatch.setenv("OMP_NUM_THREADS", threads)
            config = session_of(args, ROOT, **given)
            vars(config).update(dict.fromkeys(process))
            registered: list[object] = []
            config.pluginmanager.register = lambda plugin, *_: registered.append(  # noqa: B023
                plugin if isinstance(plugin, str | tuple) else type(plugin).__name__
            )
            lines.append(f"{args}, {given}, {threads} threads, {process}")
            conftest.pytest_configure(config)
            lines.append(f"  {registered}, {os.environ.get('OMP_NUM_THREADS')} threads")
    check(lines, {"PosixPath": "Path"})


def test_fixtures_of_benchmarks(check: Check) -> None:
    """Own workloads: when their benchmark is collected, and how it is named."""
    lines: list[str] = []
    for workload, seed, execution in (
        (None, None, None),
        ("a.py:f", None, None),
        ("m:f", 7, "static"),
    ):
        given = {"workload": workload, "workload_seed": seed, "workload_execution": execution}
        config = session_of((), ROOT, **given)
        for name in ("test_workload.py", "test_stages.py"):
            ignored = fixtures.pytest_ignore_collect(Path("b") / name, config)
            lines.append(f"{given}, {name}: ignored {ignored}")
        for names in ([], ["workload"]):
            metafunc: Any = SimpleNamespace(
                config=config,
                fixturenames=names,
                parametrize=lambda *a, **k: lines.append(f"{a} {k}"),
            )
            lines.append(outcome(fixtures.pytest_generate_tests, metafunc))
    check(lines)


def benchmark(name: str, *seconds: float) -> Any:
    """A benchmark with these rounds; without any, it failed."""
    names = {"name": name, "fullname": f"a::{name}", "extra_info": {"stage": "step"}}
    others = dict.fromkeys(("group", "param", "params", "cprofile_stats"))
    fixture = SimpleNamespace(**names, **others, skipped=False)
    found = Metadata(fixture, 1, {})  # type: ignore[no-untyped-call]
    for each in seconds:
        found.stats.update(each)  # type: ignore[no-untyped-call]
    return found


def test_adapter(folder: Path, check: Check) -> None:
    """What the suite takes from pytest-benchmark, sets in it, and keeps from it."""
    theirs = SimpleNamespace(
        disabled=False,
        benchmarks=[],
        storage="S",
        histogram=None,
        json="j",
        save="s",
        autosave="a",
        group_by="param:x",
        compare_fail=["min:5%"],
        performance_regressions=[("a", "slow")],
    )
    option = SimpleNamespace(
        benchmark_compare=True, benchmark_columns=None, benchmark_compare_fail=["min:5%"]
    )

    def group(**given: Any) -> None:
        lines.append(str(given["benchmarks"]))
        raise {"param:x": LookupError, "y": TypeError, "z": NotImplementedError}[given["group_by"]](
            "w"
        )

    hook = Mock(pytest_benchmark_group_stats=group)
    hook.pytest_benchmark_generate_json.return_value = {}
    plugins = SimpleNamespace(get_plugin={"pytest-benchmark": theirs}.get)
    config: Any = SimpleNamespace(option=option, pluginmanager=plugins, hook=hook)
    ours, lines = BenchmarkSession(config), list[str]()
    shown = ("compare", "enabled", "storage", "compare_fail", "histogram", "benchmarks")

    def show(what: str) -> None:
        lines.append(f"{what}: { ({name: getattr(ours, name) for name in shown}) }, {option}")

    show("at first")
    theirs.benchmarks += [
        benchmark("b", 1.0, 6.0, 2.0, 4.0),
        benchmark("failed"),
        benchmark("failed", 3.0),
    ]
    theirs.disabled, theirs.histogram = True, "folder/picture"
    ours.choose_no_baseline()
    ours.show_columns(["median"])
    ours.show_columns(["min"])
    show("later")
    lines.append(str(rounds_of(SimpleNamespace(stats=theirs.benchmarks[0]))))  # type: ignore[arg-type]
    fixture: BenchmarkFixture = theirs.benchmarks[1].fixture
    ours.forget(fixture)
    ours.drop_limits()
    ours.compare_with("folder/0001_a.json", {"a::b": {}})
    show(f"forgotten {fixture.skipped}")
    lines.append(f"{ours.take_requests()} {ours.take_requests()}")
    theirs.autosave, theirs.save = "auto", None
    lines.append(f"{ours.take_requests()} {ours.take_regressions()} {ours.take_regressions()}")
    lines.append(f"{theirs.compare_fail} {theirs.compared_mapping}")
    items: list[Any] = [
        SimpleNamespace(name="a", nodeid="f::a"),
        SimpleNamespace(
            name="b", nodeid="f::b", callspec=SimpleNamespace(id="1-x", params={"n": 1})
        ),
    ]
    for theirs.group_by in ("param:x", "y", "z"):
        lines.append(outcome(ours.check_grouping, items))
    theirs.get_machine_info = dict
    for name in ("a", "b"):  # Git is asked once.
        ours.write(folder / f"{name}.json")
        lines.append(f"{name}: {[call for call, *_ in hook.method_calls]}")
    check(lines, {"PosixPath": "Path"})


def test_results(monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
    """Which files benchmarks should leave, and what a session could not save."""
    lines: list[str] = []
    items: list[Any] = [
        SimpleNamespace(fixturenames=names, callspec=SimpleNamespace(params=params))
        for names, params in (
            ([], {}),
            (["benchmark"], {}),
            (["leave_history"], {"experiment": "clipped-rnn", "device": "cpu"}),
            (["leave_history", "benchmark"], {"experiment": "exploding-rnn", "device": "gpu:1"}),
        )
    ]
    for count in range(len(items) + 1):
        found = [results.expected_files(items[:count], timed) for timed in (True, False)]
        lines.append(f"{count} timed: {found[0]}, or not: {found[1]}")
    lines.append(str(results.RESTRICTING))
    counter = results.DeselectedCounter()
    slow: list[Any] = [Mock(get_closest_marker=lambda _, s=s: s) for s in (None, "slow", None)]
    counter.pytest_deselected(slow)
    counter.pytest_deselected(slow[:1])
    for node in (SimpleNamespace(), SimpleNamespace(workeroutput={})):
        counter.pytest_sessionfinish(SimpleNamespace(config=node))  # type: ignore[arg-type]
        lines.append(str(node))
    for workers in ({"deselected": 2}, {"deselected": 5}, {"deselected": 5}, {}):
        node = SimpleNamespace(workeroutput=workers) if workers else SimpleNamespace()
        results.ResultsPlugin.pytest_testnodedown(counter, node)  # type: ignore[arg-type]
        lines.append(f"a worker with {workers}: {counter.deselected}")
    config: Any = Mock(getoption={"numprocesses": 2, "lf": True}.get, args=["a.py"])
    config.configure_mock(**{"args_source.name": "ARGS", "getini.return_value": ["tests"]})
    config.invocation_params.args = ("a.py", Path("b"))
    facts = {"describe_environment": lambda device: {"device": device}}
    monkeypatch.setitem(sys.modules, "rnn_core.runtime.environment", SimpleNamespace(**facts))
    plugin = Mock(config=config, saving=Saving())
    now = datetime(2026, 11, 25, 7, 8, 9, 5, timezone.utc)
    monkeypatch.setattr(results, "datetime", clock(now))
    results.ResultsPlugin.begin(plugin, ["cpu", "gpu:0"])
    lines += [
        f"begun: {plugin.run.dump()}",
        f"{plugin.mock_calls} {config.pluginmanager.mock_calls}",
    ]
    saving = Saving()
    for name, error in (
        ("b", OSError(28, "No space left on device")),
        ("a", OSError("odd")),
        ("c", PermissionError(13, "Permission denied", "c")),
        ("b", None),
        ("b", BlockingIOError("in use")),
        ("d", None),
    ):

        def attempt(name: str = name, error: OSError | None = error) -> None:
            with saving.attempt(Path(name)):
                if error is not None:
                    raise error

        attempt()
        lines.append(
            f"{name} {error}: { ({str(path): why for path, why in saving.failures.items()}) }"
        )
    lines.append(outcome(wrong, saving))
    for left in (saving, Saving()):
        for status in (0, 1, 2, 3, 4, 5, 143):
            session: Any = SimpleNamespace(exitstatus=status)
            finished(left.pytest_sessionfinish(session))
            lines.append(
                f"{len(left.failures)} not saved, status {int(status)}: {int(session.exitstatus)}"
            )
        terminal: Any = Terminal()
        finished(left.pytest_terminal_summary(terminal))
        lines += terminal.lines
    for picture in (Path("picture"), None):
        session = SimpleNamespace(benchmarks=[], enabled=False, histogram=picture)
        session.take_regressions = list
        saving, terminal = Saving(), Terminal()
        plugin = Mock(benchmarks=session, saving=saving, baseline=None, messages=[])
        hook: Any = ComparisonPlugin.pytest_terminal_summary(plugin, terminal)
        next(hook)
        lines.append(f"{picture}: {outcome(hook.throw, OSError('full'))}, {saving.failures}")
        lines += terminal.lines
    check(lines, {"PosixPath": "Path"})


def wrong(saving: Saving) -> None:
    """Raise another error than that of a file."""
    with saving.attempt(Path("e")):
        raise ValueError("not a file")


def finished(hook: Iterator[Any]) -> Any:
    """Run a hook that wraps others, and return its result."""
    next(hook)
    try:
        hook.send("result")  # type: ignore[attr-defined]
    except StopIteration as ended:
        return ended.value
    raise AssertionError


def test_signals(check: Check) -> None:
    """When a signal ends a session, and with which status."""
    lines: list[str] = []
    for benchmarks_ in (True, False):
        for numbers in ((2,), (15,), (1,), (15, 2)):
            signals = Signals(benchmarks_)
            signals.session = SimpleNamespace(exitstatus=0)  # type: ignore[assignment]
            lines.append(
                f"benchmarks {benchmarks_}: {[n.name for n in signals.numbers]}, {numbers}"
            )
            lines.append(f"  before {outcome(signals.end_session)}")
            report = signals.pytest_runtest_makereport()
            next(report)
            lines.append(f"  failing {outcome(report.throw, ValueError('hook'))} {signals.holding}")
            report = signals.pytest_runtest_makereport()
            next(report)
            lines += [f"  held {outcome(signals.interrupt, n, None)}" for n in numbers]
            lines.append(f"  after the report {outcome(report.send, 'report')}")
            lines.append(f"  at once {outcome(signals.interrupt, numbers[0], None)}")
            finish = signals.pytest_sessionfinish()
            next(finish)
            held = outcome(signals.interrupt, 1, None)
            lines.append(f"  saving {held}, {signals.received!r}")
            signals.pytest_unconfigure()
            lines.append(f"  status {int(signals.session.exitstatus)}")
    renamed = named("a.py::test[x]", lambda a, *, b: (a, b))
    lines.append(f"{renamed(1, b=2)} {renamed.__name__} {renamed.__code__.co_name}")
    check(lines, {"KeyboardInterrupt:": "KeyboardInterrupt"})
