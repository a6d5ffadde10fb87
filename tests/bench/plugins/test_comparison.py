"""Saving and comparing runs of benchmarks, with the real conftest and pytest-benchmark."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rnn_core.runtime.environment import describe_environment
from tests.helpers.pytest_project import BENCHMARKS, make_project, run_pytest

pytest_plugins = ["pytester"]


WRONG = """
import pytest

@pytest.mark.parametrize("device", ["cpu", pytest.param("gpu:99", marks=pytest.mark.skip)])
def test_wrong(benchmark, device):
    benchmark.pedantic(int, rounds=2)
    assert False
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with two small benchmarks."""
    files = {"benchmarks/test_small.py": BENCHMARKS, "tests/test_nothing.py": ""}
    return make_project(pytester, monkeypatch, files, "--numprocesses=auto --dist=worksteal")


def run(project: pytest.Pytester, *options: str) -> tuple[int, str]:
    """Return exit status and output of `pytest benchmarks` with options."""
    return run_pytest(project, "benchmarks", *options)


def files(project: pytest.Pytester) -> list[Path]:
    """Return the files of all saved runs."""
    return sorted(project.path.glob(".benchmarks/*/*.json"))


@contextmanager
def edited(path: Path) -> Iterator[Any]:
    """Change the content of a saved run."""
    content = json.loads(path.read_text(encoding="utf-8"))
    yield content
    path.write_text(json.dumps(content), encoding="utf-8")


def test_first_run_is_saved_and_the_second_compared_with_it(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Saving needs no option, and the file has the times of every round.

    Meanwhile, another run may save its own, which is waited for. Runs of other Pythons may have
    the same number.
    """
    status, output = run(project, "--benchmark-compare")
    [first] = files(project)
    content = json.loads(first.read_text(encoding="utf-8"))

    @contextmanager
    def another_run(folder: Path, timeout: float = 0) -> Iterator[None]:
        assert (folder, timeout > 1) == (first.parents[1], True)
        first.with_name("0002_other.json").touch()
        yield
        assert [*first.parent.glob("0003_*")] != []

    monkeypatch.setattr("benchmarks.plugins.adapter.lock_folder", another_run)
    shutil.copytree(first.parent, first.parents[1] / "Linux-CPython-3.99-64bit")
    second_status, second_output = run(project, "--benchmark-compare=0001")

    assert (status, second_status) == (0, 0)
    assert "This is the first run" in output
    assert f"Saved benchmark data in: {first}\n" in capsys.readouterr().err
    assert len(content["benchmarks"][0]["stats"]["data"]) == 2
    assert content["machine_info"]["devices"] == {"cpu": "cpu"}
    assert content["environment"]["cpu"].keys() == describe_environment().keys()
    assert f"Compared with {first.parent.name}/{first.name}" in second_output
    assert "2 benchmarks compared." in second_output
    assert f"test_something[cpu-one] ({first.stem})" in second_output
    assert sorted(path.name[:4] for path in files(project)) == ["0001", "0001", "0002", "0003"]


def test_another_paddle_on_another_python_is_compared_and_named(project: pytest.Pytester) -> None:
    """Both versions are named, and the folders of other Pythons are searched too.

    A pattern of several files is refused, and so are damaged ones; each is named.
    """
    run(project)
    [path] = files(project)
    with edited(path) as content:
        now = content["environment"]["cpu"]["paddle"]
        content["environment"]["cpu"]["paddle"] = "2.5.0"
    folder = path.parent.with_name("Linux-CPython-3.99-64bit")
    folder.mkdir()
    path.rename(folder / "0001_2.5.0.json")
    _, output = run(project, "--benchmark-compare")
    with edited(folder / "0001_2.5.0.json") as content:
        for benchmark in content["benchmarks"]:
            benchmark["fullname"] += "-of-old"
    _, named_output = run(project, "--benchmark-compare=0001_2.5")
    files(project)[1].unlink()

    assert f"Paddle 2.5.0 -> {now}." in output
    assert "2 benchmarks compared." in output
    assert f"Compared with {folder.name}/0001_2.5.0.json" in named_output
    assert "NOT ONE BENCHMARK WAS COMPARED" in named_output
    assert "This run is saved" not in named_output  # The next one may have another baseline.
    status, output = run(project, "--benchmark-compare=*/0001")
    assert status == pytest.ExitCode.USAGE_ERROR
    first, second = files(project)
    assert [each for each in (first, second) if each.name not in output] == []
    first.write_text("{}", encoding="utf-8")
    second.unlink()
    second.mkdir()
    for option, expected in (("=*/0001", pytest.ExitCode.USAGE_ERROR), ("", 0)):
        status, output = run(project, f"--benchmark-compare{option}")
        assert (status, output.count(" is not a run of this suite: ")) == (expected, 2)


def test_a_run_of_another_machine_is_not_the_baseline(project: pytest.Pytester) -> None:
    """The output says why; naming such a run is a usage error before anything is measured."""
    run(project)
    with edited(files(project)[0]) as content:
        content["machine_info"]["cpu"] = "Another CPU"
    named, named_output = run(project, "--benchmark-compare=0001")
    required, required_output = run(
        project, "--benchmark-compare", "--benchmark-compare-fail=min:5%"
    )
    files(project)[1].unlink()
    status, output = run(project, "--benchmark-compare")

    assert (named, required, status) == (pytest.ExitCode.USAGE_ERROR, 1, 0)
    for words in ("The run fails, because --benchmark-compare-fail requires", "This run is saved"):
        assert words in required_output
    assert "cannot be compared with this run: cpu differs: 'Another CPU' and " in named_output
    assert "test_small" not in named_output
    assert "No saved run is of this machine" in output
    assert "cpu differs: 'Another CPU' and " in output
    assert "NOT ONE BENCHMARK WAS COMPARED" in output


def test_a_regression_fails_the_run_without_a_traceback(project: pytest.Pytester) -> None:
    """The summary names each benchmark, and each limit of --benchmark-compare-fail it exceeds."""
    run(project)
    [path] = files(project)
    with edited(path) as content:
        for benchmark in content["benchmarks"]:
            times = dict.fromkeys(("min", "q1", "median", "q3", "max"), 1e-9)
            benchmark["stats"] |= times  # Every run is slower than that.
    limits = ("--benchmark-compare-fail", "min:5%", "max:5%")
    status, output = run(project, "--benchmark-compare", *limits)

    assert status == pytest.ExitCode.TESTS_FAILED
    for name in ("one", "two"):
        for figure in ("min", "max"):
            regressed = f"test_something[cpu-{name}] ({path.stem}): Field '{figure}' has failed"
            assert f"REGRESSED, by --benchmark-compare-fail: {regressed}" in output
    assert "Traceback" not in output


def test_a_run_without_benchmarks_saves_nothing(project: pytest.Pytester) -> None:
    """The warning of pytest-benchmark, which would be an error, is not given either."""
    status, output = run(project, "-k", "neither", "--benchmark-json=times.json")

    assert status == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "Not saving anything" not in output
    assert not (project.path / "times.json").exists()


def test_a_failed_run_is_not_saved(project: pytest.Pytester) -> None:
    """It cannot be a baseline, and the output says so. A skipped device is not described."""
    (project.path / "benchmarks" / "test_wrong.py").write_text(WRONG)
    status, output = run(project, "--benchmark-compare")

    assert status == pytest.ExitCode.TESTS_FAILED
    assert "Not saved: a benchmark failed" in output
    assert "NOT ONE BENCHMARK WAS COMPARED" in output
    assert output.index("= short test summary") < output.index("- comparison -")
    assert files(project) == []
