"""Options of pytest and its plugins beside ours: they work, or nothing is measured."""

import re
import shlex
import sys
from itertools import count

import pytest

from tests import ROOT
from tests.helpers.pytest_project import BENCHMARKS, make_project, run_pytest

pytest_plugins = ["pytester"]

USAGE = int(pytest.ExitCode.USAGE_ERROR)
# A way to run pytest, words of its output, and files that it leaves.
WORKING: list[tuple[str, str, tuple[str, ...]]] = [
    (
        "benchmarks --benchmark-min-time=0.1 --benchmark-max-time=0.1 --benchmark-min-rounds=1 "
        "--benchmark-precision=0.1 --benchmark-confidence=0.9 --benchmark-timer=time.time "
        "--benchmark-calibration-precision=5 --benchmark-warmup=on --benchmark-warmup-iterations=3 "
        "--benchmark-disable-gc --benchmark-enable --benchmark-only --benchmark-sort=name "
        "--benchmark-name=long --benchmark-time-unit=ms --benchmark-verbose --benchmark-netrc=no",
        "2 passed",
        (".benchmarks/*/0001_*.json",),
    ),
    (
        "benchmarks --benchmark-columns=max,ops --benchmark-group-by=param:name,func "
        "--benchmark-cprofile=cumtime --benchmark-cprofile-loops=2 --benchmark-cprofile-top=3 "
        "--benchmark-cprofile-dump=profiles/x",
        "cProfile",
        ("profiles/x-*.prof",),
    ),
    ("benchmarks --benchmark-skip", "2 skipped", ()),
    (
        "benchmarks --benchmark-disable --benchmark-compare=0007 --results=r",
        "NOTHING WAS TIMED",
        ("r/benchmarks.xml",),
    ),
    ("benchmarks --benchmark-quiet", "2 passed", (".benchmarks/*/0001_*.json",)),
    (
        "benchmarks --benchmark-autosave --benchmark-save=mine",
        "2 passed",
        (".benchmarks/*/0001_mine.json",),
    ),
    (
        "benchmarks --benchmark-autosave --benchmark-save-data --benchmark-storage=a/b",
        "2 passed",
        ("a/b/*/0001_*.json",),
    ),
    ("benchmarks --benchmark-compare", "first run", (".benchmarks/*/0001_*.json",)),
    (
        "benchmarks --results=r --junitxml=x/y/j.xml --benchmark-json=b.json",
        "/r/benchmarks.xml -",
        ("r/benchmarks.xml", "r/benchmarks.json", "r/benchmarks-run.json", "x/y/j.xml", "b.json"),
    ),
    (
        "tests -n0 --results '../a b/c' --junitxml j.xml",
        "1 passed",
        ("../a b/c/tests.xml", "j.xml"),
    ),
    ("tests -n0 --benchmark-columns=min --benchmark-skip", "1 passed", ()),
    ("tests -n0 -p no:benchmark --results=r", "1 passed", ("r/tests.xml",)),
    ("tests -p no:xdist", "1 passed", ()),
    ("benchmarks -p no:xdist", "2 passed", (".benchmarks/*/0001_*.json",)),
    (
        "benchmarks --maxprocesses=3 --max-worker-restart=1 --dist=load --tx=popen --px=popen -d "
        "--testrunuid=u --maxschedchunk=1 --loadscope-reorder "
        "--no-loadscope-reorder --numprocesses=auto",
        "2 passed",
        (".benchmarks/*/0001_*.json",),
    ),
    ("benchmarks --setup-only", "no tests ran", ()),
    ("benchmarks --setup-plan", "no tests ran", ()),
    ("benchmarks --collect-only --results=r --benchmark-compare", "2 tests collected", ()),
    ("benchmarks -q --no-summary -p no:faulthandler -p no:capture", "2 passed", ()),
    ("benchmarks tests --setup-show -x -s", "3 passed", ()),
]
# The benchmark of an own workload.
OURS = ("benchmarks/conftest.py", "benchmarks/test_workload.py")
REFUSED = [
    ("benchmarks --benchmark-compare=0007", "must name one saved run"),
    ("benchmarks --benchmark-compare=a/b/c", "'a/b/c' isn't"),
    ("benchmarks --benchmark-compare=/no", "--benchmark-compare=/no: Non-relative"),
    ("benchmarks --benchmark-compare-fail=min:5%", "-fail requires --benchmark-compare"),
    (
        "benchmarks --benchmark-compare --benchmark-compare-fail=min:5% "
        "--benchmark-compare-fail mean:1",
        "once, with all limits: write --benchmark-compare-fail min:5% median:5%",
    ),
    ("--benchmark-compare benchmarks", "write pytest benchmarks --benchmark-compare, or"),
    ("benchmarks --benchmark-only --benchmark-disable", "Can't have both"),
    ("benchmarks --benchmark-group-by=nonsense", "--benchmark-group-by=nonsense: not possible"),
    ("benchmarks --benchmark-group-by=param:nothing", "not possible: KeyError('nothing')"),
    ("benchmarks --benchmark-histogram", "requires pygal: pip install pygal"),
    ("benchmarks --benchmark-storage=elasticsearch+http://a", "must be a folder or file://FOLDER"),
    ("benchmarks --benchmark-json=", "must be a file"),
    ("benchmarks -p no:benchmark", "require the plugin pytest-bench"),
    ("benchmarks --results=tox.ini", "--results"),
    ("benchmarks --sample=x", "--sample is internal"),
    ("benchmarks --workload=no.py:f", "argument --workload: there is no file"),
    ("benchmarks --device=gpu:99", "--device gpu:99: "),
]


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with two benchmarks and a test, and the options of pyproject.toml."""
    monkeypatch.setattr("benchmarks.plugins.options.find_spec", lambda _: None)
    files = {"benchmarks/test_small.py": BENCHMARKS, "tests/test_it.py": "def test_it():\n    pass"}
    return make_project(
        pytester, monkeypatch, files, "--numprocesses=auto --dist=worksteal --max-worker-restart=50"
    )


@pytest.mark.parametrize(("line", "words", "files"), WORKING, ids=[row[0][:60] for row in WORKING])
def test_options_work(
    line: str, words: str, files: tuple[str, ...], project: pytest.Pytester
) -> None:
    """The run ends well and leaves every file that its options ask for."""
    status, output = run_pytest(project, *shlex.split(line))

    assert "Traceback" not in output
    assert words in output
    assert status == 0
    assert {pattern for pattern in files if not any(project.path.glob(pattern))} == set()
    assert line.startswith("benchmarks") or not (project.path / ".benchmarks").exists()


@pytest.mark.parametrize(("line", "words"), REFUSED, ids=[row[0][:60] for row in REFUSED])
def test_options_are_refused_at_once(line: str, words: str, project: pytest.Pytester) -> None:
    """The status is that of a usage error, the reason is given, and no file is left."""
    before = set(project.path.rglob("*.*"))
    status, output = run_pytest(project, *line.split())

    assert status == USAGE
    assert words in output
    assert "Traceback" not in output
    assert " passed" not in output
    assert {path for path in project.path.rglob("*.*") if path.suffix == ".json"} - before == set()


OWN = "--workload=own.py:workload"
ONES = "paddle.ones([3, 2])"
WORKLOAD = """
import paddle

def workload(seed):
    paddle.seed(seed)
    model = paddle.nn.Linear(2, 1)
    def step():
        print("a line of the user's")
        return model({inputs}).mean()
    return model, step
"""


@pytest.mark.parametrize(
    ("inputs", "option", "status", "words"),
    [
        (
            *(ONES, f"{OWN} --workload-execution=static -v", 0),
            r"(?s)\[cpu-own.py:workload-static\] PASSED.*\ncpu     own.py:workload         static",
        ),
        # Two steps are made before; the second of them decides that there is time for 4 rounds.
        (
            *(ONES, OWN, 0),
            r"(?s) 'cpu own.py:workload: step': 1 tests -.*\neager  [^\n]* 4\n.*"
            r"\ndevice  cell [^\n]*  step\ncpu     own.py:workload         eager  +[\d.]+\n",
        ),
        (ONES, "-v", 0, "2 passed"),
        (f"{ONES} / 0", OWN, 1, r"\] _+\nown.py:workload: the loss of step 1 is (nan|-?inf)\n"),
        ("paddle.ones([3, 7])", OWN, 1, r"\] _+\nown.py:workload: step 1 raised ValueError\n"),
    ],
)
def test_own_workload_is_measured_if_there_is_one(
    inputs: str,
    option: str,
    status: int,
    words: str,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is named after its file and function; an error in it has no traceback of ours."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr("time.perf_counter", count(10, 0.5).__next__)
    files = {name: (ROOT / name).read_text() for name in OURS}
    files |= {"own.py": WORKLOAD.format(inputs=inputs), "benchmarks/test_small.py": BENCHMARKS}
    project = make_project(pytester, monkeypatch, files)
    options = ("benchmarks", "--benchmark-timer=time.monotonic", *option.split())
    found, output = run_pytest(project, *options)

    assert found == status
    assert re.search(words, output)
    assert ("test_workload" in output) == (option != "-v")
    assert "another exception" not in output


def test_table_has_every_option_of_the_plugins(pytestconfig: pytest.Config) -> None:
    """A new version of pytest-benchmark or pytest-xdist may bring new ones.

    Those that pytest-xdist deprecates are left out.
    """
    groups = [g for g in pytestconfig._parser._groups if g.name in ("benchmark", "xdist")]
    options = {option.names()[-1] for group in groups for option in group.options}
    lines = " ".join([row[0] for row in WORKING] + [row[0] for row in REFUSED])

    assert len(groups) == 2
    assert {name for name in options if f"{name}=" not in lines and f"{name} " not in lines} == {
        "--looponfail",
        "--rsyncdir",
        "--rsyncignore",
    }
