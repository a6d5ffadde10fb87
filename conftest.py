"""Options of the suite, its devices, and its plugins. Tests run in parallel, benchmarks do not."""

import argparse
import atexit
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.plugins.adapter import use_storage
from benchmarks.plugins.options import add_workload, check_options
from benchmarks.plugins.saving import SAVING, Saving
from benchmarks.plugins.signals import Signals
from benchmarks.runner import Result
from benchmarks.saved.result_files import CRASHED
from rnn_core.commands.console import guard_console

if TYPE_CHECKING:
    from _pytest.mark.structures import ParameterSet

    from benchmarks.saved.result_files import Kind

# Paddle is imported inside functions only: the import takes seconds, and reads environment
# variables that pytest_configure sets.

# Each worker imports Paddle, which takes 4 seconds of CPU and 300 MiB: more workers gain nothing.
MOST_WORKERS = 8

BENCHMARKS = Path(__file__).resolve().parent / "benchmarks"
# Names of plugins.
COMPARISON, RESULTS = "rnn_core-comparison", "rnn_core-results"


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the suite's own options."""
    loaded = {getattr(plugin, "__name__", "") for plugin in pluginmanager.get_plugins()}
    if "xdist.plugin" not in loaded:  # With -p no:xdist, ignore its options in pyproject.toml.
        for name in ("--numprocesses", "--dist", "--max-worker-restart"):
            parser.addoption(name, dest=f"ignored{name}", help=argparse.SUPPRESS)
    parser.getgroup("rnn_core").addoption(
        "--device",
        default="all",
        metavar="DEVICE",
        help="cpu, gpu, gpu:N, npu:N, ... or all available ones (default: all). A device that is "
        "named must be available.",
    )
    parser.getgroup("rnn_core").addoption(
        "--results",
        metavar="FOLDER",
        help="Folder for outcomes, times and histories, for python -m benchmarks.report. The files "
        "of an earlier run are removed first.",
    )
    add_workload(parser)
    # For the processes that benchmarks.compare starts.
    parser.getgroup("rnn_core").addoption("--sample", help=argparse.SUPPRESS)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Run benchmarks serially: a second process would disturb their times."""
    if asks_for_benchmarks(config):
        return 0
    return MOST_WORKERS if (os.cpu_count() or 1) > MOST_WORKERS else None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Let a worker crash before xdist's next command reaches it.

    Otherwise the error of sending would end the run. xdist notices the crash a moment later, and
    gives the tests of the worker to another one.
    """
    send = node.sendcommand

    def send_unless_crashed(name: str, **arguments: object) -> None:
        with suppress(OSError):
            send(name, **arguments)

    node.sendcommand = send_unless_crashed


@pytest.hookimpl(optionalhook=True)
def pytest_handlecrashitem(report: Any) -> None:
    """Name the signal that ended a worker; xdist only says that it crashed."""
    status = report.node.gateway._io.popen.wait()
    report.longrepr = f"{CRASHED}: the process {Result(status, '', '').ending}"
    # xdist does not know the phase of the test, but JUnit XML needs one.
    report.when = "call"


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Set what must be set before Paddle is imported, and register the plugins."""
    if hasattr(config, "workerinput"):
        # On 2 cores, 2 workers are faster than a serial run only if each uses a single thread.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    elif sys.stdout is sys.__stdout__:  # Not in a session inside a test.
        guard_console()
        atexit.register(guard_console)  # pytest puts the first streams back.
    benchmarks = asks_for_benchmarks(config)
    use_storage(config, _storage(config))
    check_options(config, benchmarks)
    saving = Saving()
    if config.getoption("sample"):
        from benchmarks.plugins.sampling import NAME, Sampler

        config.pluginmanager.register(Sampler(config, saving), NAME)
    elif benchmarks:
        from benchmarks.plugins.comparison import ComparisonPlugin

        config.pluginmanager.register(ComparisonPlugin(config, saving), COMPARISON)
    folder = config.getoption("results")
    if folder is not None:
        from benchmarks.plugins.results import DeselectedCounter, ResultsPlugin

        if hasattr(config, "workerinput"):  # A worker only reports what it deselected.
            config.pluginmanager.register(DeselectedCounter())
        else:
            kind: Kind = "benchmarks" if benchmarks else "tests"
            path = config.invocation_params.dir / folder
            config.pluginmanager.register(ResultsPlugin(config, path, kind, saving), RESULTS)
    config.pluginmanager.register(saving, SAVING)
    config.pluginmanager.register(Signals(benchmarks))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the folder that pytest-benchmark makes even if it saves nothing in it."""
    with suppress(OSError):  # It is not empty, or another worker removed it.
        _storage(config).rmdir()


def _storage(config: pytest.Config) -> Path:
    """Return the folder of saved runs, which does not depend on the current directory."""
    return config.rootpath / ".benchmarks"


def pytest_sessionstart(session: pytest.Session) -> None:
    """Fail if a named device is not available; write what was asked for into `--results`."""
    wanted = session.config.getoption("device")
    if wanted != "all":
        from rnn_core.runtime.devices import resolve_device

        try:
            resolve_device(wanted)
        except ValueError as error:
            raise pytest.UsageError(f"--device {wanted}: {error}") from error
    results = session.config.pluginmanager.get_plugin(RESULTS)
    if results is not None:
        results.begin(devices(wanted)[0])


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Print what the results of this run depend on."""
    from rnn_core.runtime.devices import device_name
    from rnn_core.runtime.environment import describe_environment

    there, missing = devices(config.getoption("device"))
    environment = describe_environment(there[0])
    named = [name if name == "cpu" else f"{name} ({device_name(name)})" for name in there]
    return [
        "Paddle {paddle} (commit {paddle_commit:.7}), NumPy {numpy}".format(**environment),
        "CPU: {cpu}, {cpu_count} cores, OMP_NUM_THREADS={threads}".format(**environment),
        "devices: " + ", ".join(named) + (f" (skipped: {missing})" if missing else ""),
    ]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes `device` on each device; a missing GPU shows up as skipped."""
    marks = metafunc.definition.iter_markers("parametrize")
    own = [mark.args[0] if mark.args else mark.kwargs["argnames"] for mark in marks]
    lists = [given.split(",") if isinstance(given, str) else given for given in own]
    names = {name.strip() for given in lists for name in given}
    if "device" not in metafunc.fixturenames or "device" in names:
        return  # In the second case, the test has its own devices.
    there, missing = devices(metafunc.config.getoption("device"))
    params: list[str | ParameterSet] = list(there)
    if missing:
        params.append(pytest.param("gpu", marks=pytest.mark.skip(reason=missing)))
    metafunc.parametrize("device", params)


def devices(wanted: str) -> tuple[list[str], str]:
    """Return the names of the devices to run on, and why no GPU is among them."""
    from rnn_core.runtime.devices import available_devices, resolve_device

    if wanted != "all":
        return [resolve_device(wanted)], ""
    try:
        resolve_device("gpu")
    except ValueError as error:
        return available_devices(), str(error)
    return available_devices(), ""


def asks_for_benchmarks(config: pytest.Config) -> bool:
    """Return whether a path on the command line contains, or lies in, `benchmarks`."""
    for argument in config.args:
        path = (config.invocation_params.dir / argument.partition("::")[0]).resolve()
        if path == BENCHMARKS or path in BENCHMARKS.parents or BENCHMARKS in path.parents:
            return True
    return False
