"""The root conftest: parallel tests, serial benchmarks, and the devices to run on."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import conftest

ROOT = conftest.BENCHMARKS.parent


def config(directory: Path, *args: str) -> Any:
    """Return a stand-in for pytest's config, with a command line and the current directory."""
    return SimpleNamespace(args=args, invocation_params=SimpleNamespace(dir=directory))


@pytest.mark.parametrize(
    ("directory", "args"),
    [
        (ROOT, ("benchmarks",)),
        (ROOT, ("benchmarks/test_stages.py::test_stage",)),
        (ROOT, (".",)),
        (ROOT, ("tests", "benchmarks")),
        (conftest.BENCHMARKS, (str(conftest.BENCHMARKS),)),
        (conftest.BENCHMARKS, ("test_stages.py",)),
        (ROOT / "tests", ("../benchmarks",)),
    ],
)
def test_benchmarks_run_serially(directory: Path, args: tuple[str, ...]) -> None:
    """No worker is started, however the benchmarks are named."""
    assert conftest.pytest_xdist_auto_num_workers(config(directory, *args)) == 0


@pytest.mark.parametrize("args", [("tests",), ("tests/core/test_cells.py",), ("rnn_core",)])
def test_tests_run_in_parallel(monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...]) -> None:
    """pytest-xdist chooses the number of workers, up to eight."""
    for cores, workers in ((2, None), (8, None), (64, 8)):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        assert conftest.pytest_xdist_auto_num_workers(config(ROOT, *args)) == workers


def test_all_devices_without_a_gpu_give_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the CPU is left."""
    monkeypatch.setattr("rnn_core.runtime.devices.available_devices", lambda: ["cpu"])
    names, missing = conftest.devices("all")

    assert names == ["cpu"]
    assert "'gpu' is not available" in missing


def test_all_devices_include_every_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A named device is the only one."""
    found = ["cpu", "gpu:0", "gpu:1"]
    monkeypatch.setattr("rnn_core.runtime.devices.available_devices", lambda: found)

    assert conftest.devices("all") == (found, "")
    assert conftest.devices("gpu") == (["gpu:0"], "")
    assert conftest.devices("cpu") == (["cpu"], "")
