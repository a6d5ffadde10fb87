"""The files that `pytest --results` writes, with the real conftest."""

import json
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from rnn_core import EXPERIMENTS, History
from rnn_core.runtime.environment import describe_environment
from tests import ROOT
from tests.helpers.matrix_results import WHOLE
from tests.helpers.pytest_project import make_project, run_pytest

pytest_plugins = ["pytester"]


TEST = """
from pathlib import Path

import pytest

from benchmarks.locks import lock_folder

def test_begun():
    assert Path("left/tests-run.json").exists()
    with pytest.raises(BlockingIOError), lock_folder(Path("left")):
        pass

def test_fails():
    assert False

@pytest.mark.slow
def test_slow(request):
    request.session.shouldstop = "enough"
"""
EXPERIMENT = """
import pytest

from tests.helpers.matrix_results import FACTS, made_up

@pytest.mark.parametrize("device", ["cpu", "npu:1", pytest.param("gpu:0", marks=pytest.mark.skip)])
@pytest.mark.parametrize("experiment", ["clipped-rnn"])
def test_trains(leave_history, experiment, device, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    leave_history(experiment, made_up(experiment, environment={**FACTS, "device": device}))

def test_is_measured(measure):
    calls = []
    measure(calls.append, lambda: ((0,), {}), rounds=2, warmup_rounds=3)
    assert len(calls) == 5
"""
BENCHMARK = """
def test_times(benchmark, pytestconfig):
    benchmark.pedantic(int, rounds=3)
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with three tests and a benchmark."""
    files = {"tests/test_a.py": TEST, "benchmarks/test_b.py": BENCHMARK}
    settings = "-m 'not slow'\nmarkers = slow\ntestpaths = tests"
    return make_project(pytester, monkeypatch, files, settings)


def run(project: pytest.Pytester, *arguments: str) -> tuple[int, str]:
    """Return exit status and output of pytest with results in the folder `left`."""
    return run_pytest(project, "--results=left", *arguments)


def left(name: str) -> Any:
    """Return the content of a JSON file in that folder."""
    return json.loads(Path("left", name).read_text(encoding="utf-8"))


def test_tests_leave_their_outcomes_and_environment(project: pytest.Pytester) -> None:
    """The run's own file is written before the first test, and again with the exit status.

    What benchmarks have left stays.
    """
    others = [project.path / "left" / name for name in ("benchmarks.json", "exploding-rnn.npz")]
    others[0].parent.mkdir()
    for path in others:
        path.touch()
    status, _ = run(project, "tests")
    text = (project.path / "left" / "tests.xml").read_text(encoding="utf-8")
    cases = ElementTree.fromstring(text).iter("testcase")  # noqa: S314 - our own file
    begun = left("tests-run.json")

    assert status == 1
    assert all(path.exists() for path in others)
    # test_begun passes, because the file exists while it runs, and the folder is locked.
    assert {case.get("name"): case.find("failure") is not None for case in cases} == {
        "test_begun": False,
        "test_fails": True,
    }
    assert (begun["format"], begun["exit_status"]) == ("rnn_core run 2", 1)
    assert "tests" in begun["arguments"]
    assert begun["environments"] == {"cpu": describe_environment()}


def test_benchmarks_leave_times_and_remove_earlier_files(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old histories are removed too; the files of the tests stay. The folder is relative."""
    folder = project.path / "benchmarks" / "left"
    folder.mkdir()
    monkeypatch.chdir(folder.parent)
    old = ("exploding-rnn.npz", "benchmarks.json", "benchmarks.xml", "benchmarks-run.json")
    for name in (*old, "tests.xml"):
        (folder / name).write_text("old", encoding="utf-8")
    refused, _ = run(project, ".", "--device=gpu:9")
    assert {path.name for path in folder.iterdir()} - {".lock"} == {"tests.xml"}
    status, _ = run(project, ".")
    names = {path.name for path in folder.iterdir()}

    assert (refused, status) == (4, 0)
    assert names - {".lock"} == {
        "benchmarks-run.json",
        "benchmarks.xml",
        "benchmarks.json",
        "tests.xml",
    }
    assert (folder / "benchmarks.xml").read_text(encoding="utf-8") != "old"
    assert len(left("benchmarks.json")["benchmarks"][0]["stats"]["data"]) == 3
    assert left("benchmarks-run.json")["expected"] == ["benchmarks.json"]
    run(project, ".", "--collect-only")
    assert left("benchmarks-run.json")["expected"] == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), {}),
        (("tests",), {"source": "ARGS"}),
        (("tests/test_a.py",), {"source": "ARGS", "paths": ["tests/test_a.py"]}),
        (("-k", "nothing"), {"deselected": 2}),
        # Only the workers collect the tests.
        pytest.param(("-n1", "-k", "begun"), {"deselected": 1}, marks=pytest.mark.slow),
        (("-m", "slow"), {"deselected": 2, "stopped": "enough"}),
        (("-m", "slow or not slow"), {"stopped": "enough"}),
        (("--deselect", "tests/test_a.py::test_fails"), {"deselected": 1}),
        (("--ignore=tests/test_b.py",), {"options": ["--ignore"]}),
        (("--ignore-glob=*b.py", "--co"), {"options": ["--ignore-glob", "--collect-only"]}),
        (("--maxfail=1",), {"stopped": "stopping after 1 failures"}),
    ],
)
def test_the_selection_of_tests_is_recorded(
    project: pytest.Pytester, arguments: tuple[str, ...], expected: dict[str, object]
) -> None:
    """It has the paths and how many tests were left out, not counting the slow ones."""
    status, _ = run(project, *arguments)
    begun = left("tests-run.json")

    assert begun["selection"] == {**WHOLE.dump(), **expected}
    assert begun["exit_status"] == status


def test_experiments_leave_their_histories(project: pytest.Pytester) -> None:
    """The fixture of the real benchmarks saves them, and the run's file lists them."""
    shutil.copy(ROOT / "benchmarks" / "conftest.py", project.path / "benchmarks")
    (project.path / "benchmarks" / "test_b.py").write_text(EXPERIMENT, encoding="utf-8")
    status, _ = run(project, "benchmarks")
    names = ["clipped-rnn.npz", "clipped-rnn-npu1.npz"]
    histories = [History.load(project.path / "left" / name) for name in names]

    assert status == 0
    assert [each.environment["device"] for each in histories] == ["cpu", "npu:1"]
    assert histories[0].config == EXPERIMENTS["clipped-rnn"].config
    assert left("benchmarks-run.json")["expected"] == ["benchmarks.json", *names]
