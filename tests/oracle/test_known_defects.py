"""Stock Paddle on the CPU has its known defects: one program for each, in docs/defects.

On a version on which a check found the defect, the test is expected to fail, and fails if it
passes. On a version that was not checked, a defect that is gone shows up as `XPASS`.
docs/measurements/paddle-defects.md describes them, and behaviour that is undefined and so has no
program.
"""

import json
import runpy
import sys
from collections.abc import Iterable
from pathlib import Path
from unittest.mock import Mock

import pytest

from benchmarks.known_defects import (
    LIMIT,
    PROGRAMS,
    defects_of,
    has_defect,
    load,
    run_program,
    verdict,
)
from benchmarks.runner import Result
from rnn_core.runtime.versions import installed_paddle
from tests import known_defects
from tests.known_defects import PAGE, summary, tables

HEADS = "| defect |\n\n| Paddle |\n\nend\n"
KNOWN = load()
# They end the process or need several, or change it for later tests.
OWN_PROCESS = {
    "dropped-data-parallel",
    "failed-trace",
    "layer-without-bias",
    "layer-without-steps",
    "missing-gpu",
    "sigterm-deadlock",
    "sot-named-tuple",
}


def over(names: Iterable[str]) -> pytest.MarkDecorator:
    """Each of these defects, expected to fail where it was seen."""
    version, params = installed_paddle(), []
    for defect in defects_of(KNOWN):
        if defect.name in names:
            there = defect.there.get(version or "")
            seen = ", ".join(version for version, found in defect.there.items() if found)
            expected = pytest.mark.xfail(
                there is not False,
                reason=f"{defect.what} Seen on Paddle {seen}",
                strict=there is True,
            )
            params.append(pytest.param(defect.name, marks=expected))
    return pytest.mark.parametrize("name", params)


@over(PROGRAMS.keys() - OWN_PROCESS)
def test_paddle_has_its_known_defects(name: str) -> None:
    """The program finds what it expects."""
    ends = runpy.run_path(str(PROGRAMS[name]))["main"]()

    assert ends == 0


@pytest.mark.slow
@over(OWN_PROCESS)
def test_paddle_has_its_known_crashes(name: str) -> None:
    """The same in a process of its own, which may crash or hang."""
    result = run_program(sys.executable, name)

    ends = verdict(result)
    if ends == "cannot show":
        pytest.skip(result.last_lines())
    assert ends == "gone"


def test_every_program_was_checked_and_is_described() -> None:
    """The file names every program, with its own words, and the page has the file's tables."""
    page = PAGE.read_text(encoding="utf-8")

    assert KNOWN["defects"] == {name: summary(program) for name, program in PROGRAMS.items()}
    assert PROGRAMS.keys() >= OWN_PROCESS
    assert [defect.name for defect in defects_of(KNOWN) if not defect.there] == []
    assert [text for text in tables(KNOWN) if text not in page] == []


@pytest.mark.parametrize(
    ("result", "expected", "has"),
    [
        (Result(0, "right\n", ""), "gone", False),
        (Result(1, "wrong\n", ""), "there", True),
        (Result(1, "", "Traceback ..."), "failed", None),
        (Result(2, "needs a GPU\n", ""), "cannot show", None),
        (Result(255, "", ""), "there", True),
        (Result(-11, "", ""), "there", True),
        (Result(0, "", "", timed_out=True), "there", True),
    ],
)
def test_a_crash_is_a_defect_but_a_failing_program_is_not(
    result: Result, expected: str, has: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each way in which a program can end."""
    run = Mock(return_value=result)
    monkeypatch.setattr("benchmarks.known_defects.run", run)

    assert verdict(result) == expected
    assert has_defect("python", "norm-overflow") is has
    run.assert_called_once_with(
        ["python", "-W", "ignore", PROGRAMS["norm-overflow"]], timeout=LIMIT
    )


def test_check_replaces_an_earlier_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others are kept, and a defect that shows on any Python is a defect of its Paddle."""
    old = {"paddle": "3.9.0", "python": "3.12.1", "numpy": "2.4.6", "cpu": "old", "date": ""}
    other = {**old, "python": "3.9.0", "there": ["relu-of-nan"], "gone": ["norm-overflow"]}
    new = {**old, "cpu": "new", "there": ["norm-overflow"], "gone": ["relu-of-nan"]}
    failed = {**new, "failed": ["sqrt-of-infinity"]}
    monkeypatch.setattr(known_defects, "check", {"new": failed}.get)
    monkeypatch.setattr("benchmarks.known_defects.KNOWN", tmp_path / "KNOWN")
    for name, text in (("KNOWN", json.dumps({"checks": [old, other]})), ("PAGE", HEADS)):
        monkeypatch.setattr(known_defects, name, tmp_path / name)
        (tmp_path / name).write_text(text)

    status = known_defects.main(["new"])

    known = load()
    assert status == 1
    assert known["checks"] == [other, new]
    assert {d.name: d.there for d in defects_of(known) if d.there} == {
        "norm-overflow": {"3.9.0": True},
        "relu-of-nan": {"3.9.0": True},
    }
    page = (tmp_path / "PAGE").read_text()
    assert [page.index(text) for text in tables(known)] == [0, page.rindex("| Paddle")]
