"""Numbers, versions, paths and runs as text, and what the program of a defect shows."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from benchmarks import interpreters, known_defects, revisions, runner
from benchmarks.compare import calibration, command
from benchmarks.environments import store
from benchmarks.instructions import counter
from benchmarks.known_defects import defects_of, upgrade, verdict
from benchmarks.measuring import disturbance
from benchmarks.report.pictures import plain
from benchmarks.runner import Result
from benchmarks.text import columns, describe_run, significant, table, version, without_folders
from rnn_core import EXPERIMENTS
from tests import ROOT
from tests.helpers.histories import empty_history, make_history
from tests.helpers.matrix_results import made_up
from tests.helpers.rich_results import KNOWN
from tests.recorded.conftest import Check

NUMBERS = (0, 1e-9, 0.12345, 0.99951, 1, 9.995, 12.345, 99.95, 999.4, 999.6, 1000, 1399.6, 123456.7)
PATHS = (
    f"{ROOT}/tests/core/test_cells.py:12: in {ROOT}/a/b.py",
    "/home/alice, /home/alice/ and C:\\Users\\alice: '/Users/alice' /home /home/alice.x/y",
    f"{Path.home()}2/a/b.npz, '{Path.home()}/a b.npz' and {Path.home()}/.cache/x",
    "--results=/home/alice/a/out -k x",
    'File "/home/alice/.venv/lib/paddle/nn/rnn.py", line 1',
    "[Errno 2]: '/tmp/pytest-of-alice/pytest-0/a.npz'",
    "(/a/b/c), [/d/e], </f/g>; /h/i/ and /j",
    r"C:\Users\alice\run.npz is missing, c:/a/b.txt too",
    r"\\server\share\file",
    "~/a/b and ~alice/c/d",
    "1/2 of https://github.com/a/b, py311-paddle33-cpu/tests.xml",
    "ratio a / b, float32/float64, //, a.b/c, file:///x/y",
    "/home/älice/ö/ü.npz",
)
VERSIONS = (
    "3.10.0",
    "3.9",
    "2.6.2",
    "3.3.1.post1",
    "3.3.1+cpu",
    "3.3.1",
    "3.3.1rc1",
    "develop",
    "",
    "0",
    "v3.2",
)


def test_texts(monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
    """Numbers of every size, tables, versions, paths, labels and runs."""
    lines = [
        f"{number:g} with {digits}: {significant(number, digits)}"
        for number, digits in product((*NUMBERS, -1234.5, 1e20, np.nan, np.inf), (3, 4))
    ]
    rows = [["a", "1", "b"], ["long name", "", "12345.6"], ["ä", "22", ""]]
    lines += table(["name", "long head", "x"], rows).splitlines() + table(["only"], []).splitlines()
    for left in range(4):
        lines += [f"{left} to the left: {line}|" for line in columns(rows, left)]
    ordered = sorted([*VERSIONS, "9" * 5000], key=version)
    lines.append(f"versions: {' '.join(repr(each[:12]) for each in ordered)}")
    lines += [f"{text!r}: {without_folders(text)!r}" for text in PATHS]
    with monkeypatch.context() as patch:
        patch.setenv("HOME", "/")
        lines += [f"without a home, {text!r}: {without_folders(text)!r}" for text in PATHS[-3:]]
        patch.setenv("HOME", str(ROOT.parent))
        lines.append(f"in the home folder: {without_folders(PATHS[0])!r}")
    labels = (
        "a $x$ \u0250\n",
        "a" * 36,
        "a" * 37,
        "\u024f\x7f\u00e9 ",
        "$" * 40,
        "/home/alice/python",
        "",
    )
    lines += [f"{label!r}: {plain(label)!r}" for label in labels]
    runs = [made_up(name) for name in EXPERIMENTS]
    runs += [make_history(), make_history(loss=np.array([4.0, 2e6, 2.0, 1.0])), empty_history()]
    runs.append(empty_history(loss=np.array([2e6, np.nan]), outcome="non-finite"))
    runs.append(make_history(accuracy=np.array([0.126]), epoch_ends=np.array([4])))
    losses, ends = np.array([4.0, 3.0, 2.0, 1.0, 100.0]), np.array([2, 4])
    runs.append(make_history(loss=losses, accuracy=np.array([0.5, 0.75]), epoch_ends=ends))
    lines += [describe_run(run) for run in runs]

    check(lines, {Path.home(): "HOME"})


def test_places(check: Check) -> None:
    """Where files are kept, and how long programs may take."""
    lines = [f"comparisons: {command.RESULTS}", f"calibrations: {calibration.RESULTS}"]
    lines += [f"copies: {revisions.COPIES}", f"environments: {store.STORE} {interpreters.TOX}"]
    lines += [f"defects: {known_defects.KNOWN}", f"lost time: {disturbance.FILE}"]
    lines += [f"seconds: {runner.GRACE} {runner.POLL} {known_defects.LIMIT}"]
    lines += [f"rounds: {counter.ROUNDS}"]

    check(lines)


def test_defects(check: Check) -> None:
    """What every end of a program means, which version has which defect, and all upgrades."""
    lines = [
        f"status {status}, output {output!r}, {'timed out' if late else 'in time'}: "
        + verdict(Result(status, output, "error", late))
        for status, output, late in product((0, 1, 2, 3, -11, 124), ("", "found"), (False, True))
    ]
    defects = defects_of(KNOWN)
    lines += [f"{each.name}, {each.what}: {each.there}" for each in defects]
    versions = ("2.6.2", "3.0.0", "3.3.1", "3.4.0", "9.9.9")
    for before, after in product(versions, versions):
        changed = upgrade(defects, before, after)
        lines.append(f"{before} to {after}: breaks {changed.breaks}, mends {changed.mends}")

    check(lines)
