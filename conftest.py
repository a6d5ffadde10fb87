"""Options of the suite, its devices, and how it runs: tests in parallel, benchmarks one by one."""

import argparse
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from _pytest.mark.structures import ParameterSet

# Nothing here imports Paddle before it is needed: it takes seconds, and reads its environment
# variables when it is imported.

# Each imports Paddle, which takes 4 seconds of a core and 300 MiB: more of them save nothing.
MOST_WORKERS = 8

BENCHMARKS = Path(__file__).parent / "benchmarks"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the suite's own options."""
    parser.getgroup("rnn_core").addoption(
        "--device",
        default="all",
        metavar="cpu|gpu|gpu:N|all",
        help="Device to run on. Default: all, every one that is there. One asked for by name must "
        "be there.",
    )
    parser.getgroup("rnn_core").addoption(
        "--results",
        metavar="FOLDER",
        help="Leave outcomes, times and histories there for python -m benchmarks.report. What an "
        "earlier run left there is removed first.",
    )
    # How benchmarks.compare tells its processes what to time.
    parser.getgroup("rnn_core").addoption("--sample", help=argparse.SUPPRESS)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Run serially what holds benchmarks: beside another process, times mean nothing."""
    if asks_for_benchmarks(config):
        return 0
    return MOST_WORKERS if (os.cpu_count() or 1) > MOST_WORKERS else None


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Set what must be set before Paddle is imported and before a benchmark is known."""
    if hasattr(config, "workerinput"):
        # Measured with 2 workers on 2 cores, November 2026: 1.4 to 1.8 times faster than serial
        # with one thread each, slower than serial with two.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    if config.getoption("benchmark_storage") == "file://./.benchmarks":
        # The same place, whatever directory pytest was started in.
        config.option.benchmark_storage = f"file://{config.rootpath / '.benchmarks'}"
    if config.getoption("sample"):
        from benchmarks.plugins.sampling import NAME, Sampler

        config.pluginmanager.register(Sampler(config), NAME)
    elif asks_for_benchmarks(config):
        from benchmarks.plugins.comparison import ComparisonPlugin

        config.pluginmanager.register(ComparisonPlugin(config), "rnn_core-comparison")
    folder = config.getoption("results")
    if folder is not None and not hasattr(config, "workerinput"):
        from benchmarks.plugins.results import ResultsPlugin
        from benchmarks.saved.result_files import Kind

        path = config.invocation_params.dir / folder
        kind: Kind = "benchmarks" if asks_for_benchmarks(config) else "tests"
        config.pluginmanager.register(ResultsPlugin(config, path, kind), "rnn_core-results")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the directory that pytest-benchmark makes even when it saves nothing in it."""
    session = config.pluginmanager.get_plugin("pytest-benchmark")
    path = getattr(getattr(session, "storage", None), "path", None)
    if isinstance(path, Path):
        with suppress(OSError):  # It holds something, or another worker was faster.
            path.rmdir()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Fail before anything runs if a device asked for by name is not there."""
    wanted = session.config.getoption("device")
    if wanted != "all":
        from rnn_core.runtime.devices import resolve_device

        try:
            resolve_device(wanted)
        except ValueError as error:
            raise pytest.UsageError(f"--device {wanted}: {error}") from error
    results = session.config.pluginmanager.get_plugin("rnn_core-results")
    if results is not None:
        results.begin(devices(wanted)[0])


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what the results of this run depend on."""
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
    """Run a test that takes `device` on each device; one that is absent shows up as skipped."""
    if "device" not in metafunc.fixturenames or _parametrises_device(metafunc):
        return
    there, missing = devices(metafunc.config.getoption("device"))
    params: list[str | ParameterSet] = list(there)
    if missing:
        params.append(pytest.param("gpu", marks=pytest.mark.skip(reason=missing)))
    metafunc.parametrize("device", params)


def devices(wanted: str) -> tuple[list[str], str]:
    """Full names of the devices to run on, and why no GPU is among them though it may be."""
    from rnn_core.runtime.devices import available_devices, resolve_device

    if wanted != "all":
        return [resolve_device(wanted)], ""
    try:
        resolve_device("gpu")
    except ValueError as error:
        return available_devices(), str(error)
    return available_devices(), ""


def asks_for_benchmarks(config: pytest.Config) -> bool:
    """Whether a path on the command line holds, or lies in, `benchmarks`."""
    for argument in config.args:
        path = (config.invocation_params.dir / argument.partition("::")[0]).resolve()
        if path == BENCHMARKS or path in BENCHMARKS.parents or BENCHMARKS in path.parents:
            return True
    return False


def _parametrises_device(metafunc: pytest.Metafunc) -> bool:
    """Whether the test brings its own values for `device`."""
    for mark in metafunc.definition.iter_markers("parametrize"):
        names = mark.args[0] if mark.args else mark.kwargs["argnames"]
        if "device" in (names.replace(",", " ").split() if isinstance(names, str) else names):
            return True
    return False
