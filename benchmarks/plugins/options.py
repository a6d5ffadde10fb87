"""The options of an own workload, and those of pytest's plugins that cannot work here."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.workloads.own import FORM, OWN_EXECUTIONS, workload_argument
from rnn_core.commands.arguments import seed

COMPARED_WITH = (
    "--benchmark-compare takes the word after it as the run to compare with, and {0} is a path: "
    "write pytest {0} --benchmark-compare, or --benchmark-compare=NUMBER"
)
# Options that need benchmarks, with their names in the configuration.
OF_BENCHMARKS = {
    "--workload": "workload",
    "--benchmark-autosave": "benchmark_autosave",
    "--benchmark-compare": "benchmark_compare",
    "--benchmark-compare-fail": "benchmark_compare_fail",
    "--benchmark-histogram": "benchmark_histogram",
    "--benchmark-json": "benchmark_json",
    "--benchmark-save": "benchmark_save",
}


def add_workload(parser: pytest.Parser) -> None:
    """Add the options of `benchmarks/test_workload.py`."""
    group = parser.getgroup("rnn_core")
    group.addoption(
        "--workload",
        type=workload_argument,
        metavar=FORM,
        help="Model of your own, whose training step is measured: docs/guides/own-model.md.",
    )
    group.addoption("--workload-seed", type=seed, metavar="N", help="Its seed (default: 0).")
    group.addoption(
        "--workload-execution",
        choices=OWN_EXECUTIONS,
        help="How its model is executed (default: eager).",
    )


def check_options(config: pytest.Config, benchmarks: bool) -> None:
    """Raise pytest.UsageError for options and plugins that cannot be used together.

    Args:
        config: pytest's configuration.
        benchmarks: whether benchmarks are asked for.
    """
    option, plugins = config.option, config.pluginmanager
    if option.results == "":
        raise pytest.UsageError("--results requires a folder, got an empty name")
    if option.results is not None and not plugins.has_plugin("junitxml"):
        raise pytest.UsageError("--results requires pytest's plugin junitxml: omit -p no:junitxml")
    for name in ("seed", "execution"):
        if option.workload is None and getattr(option, f"workload_{name}") is not None:
            raise pytest.UsageError(f"--workload-{name} requires --workload {FORM}")
    if "benchmark_compare" not in option:
        if benchmarks:
            raise pytest.UsageError(
                "benchmarks require the plugin pytest-benchmark: omit -p no:benchmark"
            )
        return
    asked = option.benchmark_compare
    path = Path(asked.partition("::")[0] if isinstance(asked, str) else "-.json")
    if path.suffix != ".json" and (config.invocation_params.dir / path).exists():
        raise pytest.UsageError(COMPARED_WITH.format(asked))
    given = [name for name, key in OF_BENCHMARKS.items() if getattr(option, key)]
    if given and not benchmarks:
        raise pytest.UsageError(f"no benchmarks are asked for: write pytest benchmarks {given[0]}")
    if option.benchmark_compare_fail and not asked:
        raise pytest.UsageError("--benchmark-compare-fail requires --benchmark-compare")
    words = [str(word).partition("=")[0] for word in config.invocation_params.args]
    if words.count("--benchmark-compare-fail") > 1:
        # pytest-benchmark 5.3 would check the limits of the last one only.
        raise pytest.UsageError(
            "--benchmark-compare-fail must be given once, with all limits: "
            "write --benchmark-compare-fail min:5% median:5%"
        )
    if option.benchmark_histogram and find_spec("pygal") is None:
        raise pytest.UsageError("--benchmark-histogram requires pygal: pip install pygal")
    storage = option.benchmark_storage
    folder = Path(storage.removeprefix("file://"))
    if "://" in storage.removeprefix("file://") or (folder.exists() and not folder.is_dir()):
        raise pytest.UsageError(
            f"--benchmark-storage must be a folder or file://FOLDER, got {storage}"
        )
    file = option.benchmark_json
    if file is not None and (file.is_dir() or not file.parent.is_dir()):
        raise pytest.UsageError(f"--benchmark-json must be a file in an existing folder: {file}")
