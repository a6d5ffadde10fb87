"""The catalogue of planted faults fits the code, and its verdicts count only what they should."""

from pathlib import Path

import pytest

from tests import ROOT
from tests.faults.__main__ import (
    FAULTS,
    HEALTHY,
    Verdict,
    as_hoped,
    failing_tests,
    main,
    markdown,
    matrix,
    order,
    outcome,
    plant,
)
from tests.faults.fault import Fault, apply_edits


def verdict(**changes: object) -> Verdict:
    """A fault that was caught by one test."""
    fields = {
        "name": "a-fault",
        "stands_for": "a bug",
        "caught": True,
        "problem": "",
        "tests": ("test_x::test_y",),
        "seconds": 1.5,
    }
    return Verdict(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.edits], ids=lambda f: f.name)
def test_edits_fit_the_source(fault: Fault) -> None:
    """Every edit finds what it edits, once, and leaves source that compiles and differs."""
    path = ROOT / "rnn_core" / fault.file
    source = path.read_text(encoding="utf-8")

    broken = apply_edits(fault, source)
    assert source != broken
    compile(broken, str(path), "exec")


def test_every_fault_is_one_thing_with_a_name() -> None:
    """Names are unique; a fault edits the source or breaks Paddle, and says what it stands for."""
    assert len(FAULTS) == len({fault.name for fault in FAULTS}) >= 60
    for fault in FAULTS:
        assert bool(fault.edits) != (fault.break_paddle is not None), fault.name
        assert fault.stands_for, fault.name


def test_an_edit_that_no_longer_fits_is_told() -> None:
    """A fault whose place in the source has changed is an error, not a healthy run."""
    fault = Fault("a-fault", "a bug", "file.py", (("old", "new"),))

    with pytest.raises(ValueError, match="'a-fault' edits 'old', which file.py has 0 times"):
        apply_edits(fault, "nothing")
    with pytest.raises(ValueError, match="2 times, not once"):
        apply_edits(fault, "old and old")


def test_planted_in_a_copy(tmp_path: Path) -> None:
    """The copy has the fault and the tests; the project itself is untouched."""
    fault = FAULTS[0]
    before = (ROOT / "rnn_core" / fault.file).read_text(encoding="utf-8")
    copy = plant(fault, tmp_path / "copy")

    assert apply_edits(fault, before) == (copy / "rnn_core" / fault.file).read_text(
        encoding="utf-8"
    )
    assert (ROOT / "rnn_core" / fault.file).read_text(encoding="utf-8") == before
    assert (copy / "tests" / "faults" / Path(__file__).name).exists()
    assert (copy / "pyproject.toml").exists()


@pytest.mark.parametrize(
    ("changes", "words", "good"),
    [
        ({}, "caught", True),
        ({"caught": False, "tests": ()}, "SURVIVED", False),
        ({"caught": False, "problem": "time-out"}, "NO VERDICT, time-out", False),
        ({"name": HEALTHY.name, "caught": False, "tests": ()}, "passed", True),
        ({"name": HEALTHY.name}, "FALSE ALARM", False),
        ({"name": HEALTHY.name, "caught": False, "problem": "x"}, "NO VERDICT, x", False),
    ],
)
def test_verdicts(changes: dict[str, object], words: str, good: bool) -> None:
    """A crash is neither a catch nor a pass, and a failing healthy project is an alarm."""
    assert outcome(verdict(**changes)) == words
    assert as_hoped(verdict(**changes)) == good


def test_the_matrix_ends_with_what_survived() -> None:
    """The summary counts the faults that were caught and names the others."""
    lines = matrix([verdict(), verdict(name="sly", caught=False, tests=())])

    assert "1 of 2 faults caught" in lines
    assert lines[-1] == "sly: SURVIVED (a bug)"
    assert "| a-fault | a bug | caught | 1.5 | `test_x::test_y` |" in markdown(
        [verdict()], {"paddle": "9", "python": "3", "cpu": "A CPU", "system": "Linux"}
    )


def test_only_failures_of_tests_count(tmp_path: Path) -> None:
    """A test that could not be set up, or that was skipped, has caught nothing."""
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite><testcase classname="tests.test_a" name="passed"/>'
        '<testcase classname="tests.test_a" name="failed"><failure/></testcase>'
        '<testcase classname="tests.test_a" name="error"><error/></testcase>'
        '<testcase classname="tests.test_a" name="skip"><skipped/></testcase>'
        "</testsuite></testsuites>"
    )

    assert failing_tests(report) == ("test_a::failed",)


def test_oracles_run_first_and_long_runs_last() -> None:
    """A fault is mostly caught within seconds."""
    names = [
        "core/test_cells.py",
        "runs/test_contrast.py",
        "oracle/test_model.py",
        "test_conftest.py",
    ]

    assert min(names, key=lambda name: order(Path(name))) == "oracle/test_model.py"
    assert max(names, key=lambda name: order(Path(name))) == "runs/test_contrast.py"


def test_refuses_an_unknown_fault(capsys: pytest.CaptureFixture[str]) -> None:
    """A fault that is not in the catalogue is named, and nothing runs."""
    with pytest.raises(SystemExit):
        main(["no-such-fault"])

    assert "no such fault: no-such-fault" in capsys.readouterr().err
